from __future__ import annotations

from agentd.agents.opencode import schema
from agentd.agents.opencode.repair import ended, unfinished_calls
from agentd.agents.opencode.tools import CUT_OFF, output_of
from tests.agentd.agents.opencode import shapes


def entry(*, done: int | None, statuses: list[str]) -> schema.MessageWithParts:
    parts = [shapes.tool(f"p{n}", status).part for n, status in enumerate(statuses)]
    return schema.MessageWithParts(info=shapes.answer("m2", "m1", 2, done=done).info, parts=parts)


def test_only_open_calls_of_unfinished_answers_are_ended() -> None:
    entries = [
        entry(done=3, statuses=["running"]),
        entry(done=None, statuses=["completed", "running", "pending", "error"]),
        schema.MessageWithParts(info=shapes.prompt("m1", 1).info, parts=[]),
    ]
    assert [part.id for part in unfinished_calls(entries)] == ["p1", "p2"]


def test_an_ended_call_keeps_what_it_was_asked_and_says_what_happened() -> None:
    [part] = unfinished_calls([entry(done=None, statuses=["running"])])
    part.state.metadata.output = "so far"
    mended = ended(part, 9000)
    assert (mended.state.status, mended.state.error) == ("error", CUT_OFF)
    assert mended.state.input == {"command": "x"}
    assert output_of(mended.state) == "so far"
    assert (mended.state.time.start, mended.state.time.end) == (9000, 9000)
    assert part.state.status == "running"
