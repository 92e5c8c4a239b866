"""What a former life knew of a session, when the next one meets it."""

from __future__ import annotations

from agentd.agents.opencode.entering import resumed
from agentd.agents.opencode.mirror import Mirror
from agentd.agents.opencode.tail import MAX_EARLY
from halyard.agent.v1 import resource_pb2
from halyard.agent.v1 import session_pb2 as pb
from tests.agentd.agents.opencode import shapes
from tests.agentd.agents.opencode.shapes import LIVE, REPLAYED, SESSION
from tests.fakes.journal import MemoryJournal


def states_told(journal: MemoryJournal, since: int, message_id: str) -> list[pb.MessageState]:
    told = [value for value in journal.told[since:] if isinstance(value, resource_pb2.Resource)]
    return [value.message.state for value in told if value.name.endswith(f"/messages/{message_id}")]


def test_a_prompt_that_was_answered_never_waits_again() -> None:
    """Its record comes once more with the history, which does not go back as far as its answer."""
    journal = MemoryJournal()
    former = Mirror(journal)
    for change in shapes.begun():
        former.apply(change, LIVE)
    former.status(shapes.status("busy"))
    before = len(journal.told)
    assert states_told(journal, 0, "m1")[-1] == pb.MESSAGE_STATE_COMPLETE

    mirror = Mirror(journal)
    mirror.adopt_session(shapes.session().info)
    mirror.apply(shapes.prompt("m1", 1), REPLAYED)
    mirror.cut_off(SESSION)
    # What stays as it is need not be told again.
    assert set(states_told(journal, before, "m1")) <= {pb.MESSAGE_STATE_COMPLETE}
    # What nobody has answered does wait, and was cut off with the turn.
    mirror.apply(shapes.prompt("m3", 3), REPLAYED)
    assert states_told(journal, before, "m3") == [pb.MESSAGE_STATE_INTERRUPTED]


def test_only_the_newest_answers_are_looked_at() -> None:
    journal = MemoryJournal()
    mirror = Mirror(journal)
    mirror.apply(shapes.session(), LIVE)
    for turn in range(100, 100 + 3 * MAX_EARLY):
        mirror.apply(shapes.prompt(f"m{turn}a", turn), LIVE)
        mirror.apply(shapes.answer(f"m{turn}b", f"m{turn}a", turn, done=turn), LIVE)
    last = 100 + 3 * MAX_EARLY
    assert list(resumed(journal, shapes.session().info).tail.early) == [f"m{n}a" for n in range(last - MAX_EARLY, last)]
    assert list(resumed(MemoryJournal(), shapes.session().info).tail.early) == []
