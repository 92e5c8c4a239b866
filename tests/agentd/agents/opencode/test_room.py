"""What a session is said to be doing follows from its messages, whatever was not heard of its turns."""

import pytest
from pydantic import JsonValue

from agentd.agents.opencode import schema
from agentd.agents.opencode.event_schema import MessageChanged
from agentd.agents.opencode.place import Place
from agentd.agents.opencode.room import CUT_OFF_DETAIL, Room
from halyard.agent.v1 import session_pb2 as pb
from tests.agentd.agents.opencode import shapes
from tests.agentd.agents.opencode.shapes import SESSION

STOPPED: JsonValue = {"name": "MessageAbortedError", "data": {}}
FAILED: JsonValue = {"name": "APIError", "data": {"message": "No."}}


def room(*messages: MessageChanged, state: pb.SessionState = pb.SESSION_STATE_WORKING) -> Room:
    detail = CUT_OFF_DETAIL if state == pb.SESSION_STATE_INTERRUPTED else ""
    known = pb.Session(state=state, state_detail=detail)
    found = Room.resumed(Place(SESSION, "/p"), shapes.session().info, known)
    for message in messages:
        found.note(message.info)
    return found


def answer(*, done: int | None = 3, **fields: JsonValue) -> MessageChanged:
    return shapes.answer("m2", "m1", 2, done=done, **fields)


PROMPT = shapes.prompt("m1", 1)
ENDED = [answer(finish="stop"), answer(finish="length"), answer(done=None, error=STOPPED)]
NOT_ENDED = [answer(finish="tool-calls"), answer(), answer(done=None), answer(finish="stop", summary=True)]


@pytest.mark.parametrize("last", ENDED)
def test_a_turn_that_had_ended_is_not_cut_off_by_the_end_of_its_process(last: MessageChanged) -> None:
    found = room(PROMPT, last)
    found.cut_off()
    assert found.activity.state == pb.SESSION_STATE_IDLE


@pytest.mark.parametrize("last", NOT_ENDED)
def test_a_turn_that_had_not_ended_is_cut_off_by_the_end_of_its_process(last: MessageChanged) -> None:
    found = room(PROMPT, last)
    found.cut_off()
    assert found.activity.state == pb.SESSION_STATE_INTERRUPTED


def test_a_prompt_behind_the_last_answer_is_cut_off() -> None:
    found = room(PROMPT, answer(finish="stop"), shapes.prompt("m3", 4))
    found.cut_off()
    assert found.activity.state == pb.SESSION_STATE_INTERRUPTED


def last_of(message: MessageChanged) -> schema.AssistantMessage:
    assert isinstance(message.info, schema.AssistantMessage)
    return message.info


@pytest.mark.parametrize("last", ENDED)
def test_a_turn_that_turns_out_to_have_ended_was_not_cut_off(last: MessageChanged) -> None:
    found = room(PROMPT, last, state=pb.SESSION_STATE_INTERRUPTED)
    found.found_last(last_of(last))
    assert (found.activity.state, found.activity.detail) == (pb.SESSION_STATE_IDLE, "")


def test_a_turn_that_turns_out_to_have_failed_says_why() -> None:
    last = answer(done=None, error=FAILED)
    found = room(PROMPT, last, state=pb.SESSION_STATE_INTERRUPTED)
    found.found_last(last_of(last))
    assert (found.activity.state, found.activity.detail) == (pb.SESSION_STATE_FAILED, "No.")


def test_a_turn_without_an_end_was_cut_off() -> None:
    last = answer(done=None)
    found = room(PROMPT, last, state=pb.SESSION_STATE_IDLE)
    found.found_last(last_of(last))
    assert found.activity.state == pb.SESSION_STATE_INTERRUPTED
