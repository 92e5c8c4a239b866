"""What is asked, settled and left over. That OpenCode really leaves things over is shown in test_adapter.py."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from agentd.agents.opencode import schema
from agentd.agents.opencode.client import Client
from agentd.agents.opencode.clock import Clock
from agentd.agents.opencode.event_schema import PermissionReplied, QuestionSettled
from agentd.agents.opencode.mirror import Mirror
from agentd.agents.opencode.waiting import NO_LONGER_WAITS, RESTARTED, Waiting
from halyard.agent.v1 import decision_pb2 as pb
from tests.agentd.agents.opencode import shapes
from tests.agentd.agents.opencode.shapes import LIVE, SESSION
from tests.fakes.canned_http import CannedServer
from tests.fakes.journal import MemoryJournal


@dataclass
class Desk:
    server: CannedServer
    journal: MemoryJournal
    mirror: Mirror
    waiting: Waiting

    @property
    def posted(self) -> list[str]:
        return [line.split(" ")[1] for line in self.server.asked if line.startswith("POST")]


@contextlib.asynccontextmanager
async def desk(status: int = 200) -> AsyncIterator[Desk]:
    """A session that works at one call, before a server that accepts (or refuses) everything."""
    journal = MemoryJournal()
    mirror = Mirror(journal)
    for change in (*shapes.begun(), shapes.tool("t", "running")):
        mirror.apply(change, LIVE)
    mirror.status(shapes.status("busy"))
    async with CannedServer(status, b"true").serving() as server:
        client = Client(server.url, "p")
        try:
            yield Desk(server, journal, mirror, Waiting(client, mirror, journal, Clock()))
        finally:
            await client.close()


def name(request_id: str, kind: str = "permissions") -> str:
    return f"sessions/{SESSION}/{kind}/{request_id}"


def question(request_id: str = "que_1") -> schema.QuestionRequest:
    asked = {"id": request_id, "sessionID": SESSION, "questions": [{"question": "Which?"}]}
    return schema.QuestionRequest.model_validate(asked)


async def test_what_is_asked_names_the_call_that_waits() -> None:
    async with desk() as made:
        made.waiting.ask(shapes.permission())
        made.waiting.ask(question())
        assert made.journal.permissions[name("per_1")].part == f"sessions/{SESSION}/messages/m2/parts/t"
        assert made.journal.questions[name("que_1", "questions")].part == ""


async def test_what_is_asked_before_the_stream_tells_of_its_call_names_it_once_it_does() -> None:
    async with desk() as made:
        made.waiting.ask(shapes.permission(call="c2"))
        asked = made.journal.permissions[name("per_1")]
        assert asked.part == ""
        made.mirror.apply(shapes.tool("t2", "running", call="c2"), LIVE)
        assert asked.part == f"sessions/{SESSION}/messages/m2/parts/t2"
        # The call is told before what it asks.
        assert made.journal.told[-2:] == [made.journal.known(asked.part), name("per_1")]


async def test_what_is_listed_before_the_stream_tells_of_its_call_names_it_all_the_same() -> None:
    """As when a call began between the history and the listing of what waits, both asked on a new connection."""
    async with desk() as made:
        await made.waiting.reconcile([shapes.permission(call="c2")], [])
        made.mirror.apply(shapes.tool("t2", "running", call="c2"), LIVE)
        assert made.journal.permissions[name("per_1")].part == f"sessions/{SESSION}/messages/m2/parts/t2"


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ("once", pb.DECISION_STATE_ALLOWED_ONCE),
        ("always", pb.DECISION_STATE_ALLOWED_ALWAYS),
        ("reject", pb.DECISION_STATE_DENIED),
        ("a word of a later release", pb.DECISION_STATE_EXPIRED),
    ],
)
async def test_what_is_settled_in_opencode_is_withdrawn_with_its_outcome(reply: str, outcome: pb.DecisionState) -> None:
    async with desk() as made:
        made.waiting.ask(shapes.permission())
        made.waiting.settled(PermissionReplied(sessionID=SESSION, requestID="per_1", reply=reply))
        assert made.journal.withdrawn[name("per_1")][0] == outcome


async def test_a_question_is_answered_or_dismissed() -> None:
    async with desk() as made:
        made.waiting.settled(QuestionSettled(sessionID=SESSION, requestID="a", answers=[["x"]]))
        made.waiting.settled(QuestionSettled(sessionID=SESSION, requestID="b", answers=None))
        made.waiting.settled(QuestionSettled(sessionID="unknown", requestID="c", answers=None))
        assert {n: outcome for n, (outcome, _) in made.journal.withdrawn.items()} == {
            name("a", "questions"): pb.DECISION_STATE_ANSWERED,
            name("b", "questions"): pb.DECISION_STATE_DENIED,
        }


async def test_leftovers_are_told_from_live_requests_and_taken_off_the_list() -> None:
    async with desk() as made:
        made.waiting.ask(shapes.permission("per_gone"))
        made.mirror.apply(shapes.tool("old", "error", call="c0"), LIVE)
        listed = [shapes.permission("per_live"), shapes.permission("per_old", call="c0")]
        await made.waiting.reconcile([*listed, shapes.permission("per_other", session_id="unknown")], [question()])
        assert made.waiting.pending() == [name("per_live"), name("que_1", "questions")]
        assert made.journal.withdrawn == {name("per_gone"): (pb.DECISION_STATE_EXPIRED, NO_LONGER_WAITS)}
        assert made.posted == ["/permission/per_old/reply"]


async def test_when_a_turn_is_over_everything_listed_is_left_over() -> None:
    async with desk() as made:
        made.mirror.status(shapes.status("idle"))
        await made.waiting.reconcile([shapes.permission()], [question()])
        assert made.waiting.pending() == []
        assert made.posted == ["/permission/per_1/reply", "/question/que_1/reject"]


async def test_clearing_a_session_withdraws_and_dismisses_only_its_own() -> None:
    async with desk() as made:
        made.mirror.apply(shapes.session("ses_2"), LIVE)
        made.waiting.ask(shapes.permission())
        made.waiting.ask(shapes.permission("per_2", session_id="ses_2"))
        await made.waiting.clear(SESSION, "stopped")
        assert made.waiting.pending() == ["sessions/ses_2/permissions/per_2"]
        assert made.journal.withdrawn[name("per_1")] == (pb.DECISION_STATE_EXPIRED, "stopped")
        assert made.posted == ["/permission/per_1/reply"]


async def test_what_is_gone_already_is_no_error() -> None:
    async with desk(status=404) as made:
        await made.waiting.dismiss(name("per_1"))
        await made.waiting.dismiss("sessions/unknown/permissions/per_1")
        assert len(made.posted) == 1


async def test_a_restart_expires_everything() -> None:
    async with desk() as made:
        made.waiting.ask(shapes.permission())
        made.waiting.ask(question())
        made.waiting.expire_all(RESTARTED)
        assert {note for _, note in made.journal.withdrawn.values()} == {RESTARTED}
        assert made.posted == []
