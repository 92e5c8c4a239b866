"""A turn as the log tells it, and what is printed of it."""

from agentd.cli.answer import Noted, Said, Turn
from halyard.agent.v1 import agent_service_pb2 as service
from halyard.agent.v1 import decision_pb2 as decision
from halyard.agent.v1 import resource_pb2 as resource
from halyard.agent.v1 import session_pb2 as session

SESSION, PROMPT, ANSWER = "sessions/s", "sessions/s/messages/p", "sessions/s/messages/a"
PART = f"{ANSWER}/parts/t"


def played(turn: Turn, *events: service.WatchResponse) -> list[Said | Noted]:
    return [output for event in events for output in turn.take(event)]


def printed(outputs: list[Said | Noted]) -> str:
    return "".join(output.text for output in outputs if isinstance(output, Said))


def noted(outputs: list[Said | Noted]) -> list[str]:
    return [output.line for output in outputs if isinstance(output, Noted)]


def state(value: session.SessionState, detail: str = "", name: str = SESSION) -> service.WatchResponse:
    return _record(resource.Resource(name=name, session=session.Session(name=name, state=value, state_detail=detail)))


def answer(value: session.MessageState, error: str = "", answers: str = PROMPT) -> service.WatchResponse:
    message = session.Message(name=ANSWER, role=session.ROLE_AGENT, state=value, answers=answers, error=error)
    return _record(resource.Resource(name=ANSWER, message=message))


def text(value: str, part_state: session.PartState, name: str = PART) -> service.WatchResponse:
    part = session.Part(name=name, state=part_state, text=session.Text(text=value))
    return _record(resource.Resource(name=name, part=part))


def hint(offset: int, value: str) -> service.WatchResponse:
    delta = resource.Delta(part=PART, offset_bytes=offset, text=value, field=resource.DELTA_FIELD_TEXT)
    return service.WatchResponse(delta=delta)


def _record(value: resource.Resource) -> service.WatchResponse:
    return service.WatchResponse(resource=value)


WORKING = state(session.SESSION_STATE_WORKING)
IDLE = state(session.SESSION_STATE_IDLE)
WRITING = answer(session.MESSAGE_STATE_WRITING)
COMPLETE = answer(session.MESSAGE_STATE_COMPLETE)


def test_streamed_text_is_printed_once_whatever_the_records_repeat() -> None:
    turn = Turn(SESSION, PROMPT)
    outputs = played(
        turn,
        WORKING,
        WRITING,
        text("", session.PART_STATE_OPEN),
        hint(0, "Hé"),
        hint(3, "llo"),
        text("Héllo", session.PART_STATE_OPEN),
        hint(6, " you"),
        text("Héllo you", session.PART_STATE_COMPLETE),
        text("Héllo you", session.PART_STATE_COMPLETE),
        COMPLETE,
        IDLE,
    )
    assert printed(outputs) == "Héllo you\n"
    assert turn.text == "Héllo you\n"
    assert turn.ended
    assert not turn.failed


def test_the_closing_record_fills_in_for_lost_hints() -> None:
    turn = Turn(SESSION, PROMPT)
    outputs = played(
        turn,
        WRITING,
        text("", session.PART_STATE_OPEN),
        hint(0, "one "),
        hint(8, "three"),
        text("one two three", session.PART_STATE_COMPLETE),
    )
    assert printed(outputs) == "one two three\n"


def test_idle_before_the_answer_began_is_not_the_end() -> None:
    turn = Turn(SESSION, PROMPT)
    played(turn, IDLE)
    assert not turn.ended


def test_the_gap_between_two_messages_of_a_turn_is_not_the_end() -> None:
    turn = Turn(SESSION, PROMPT)
    played(turn, WORKING, COMPLETE)
    assert not turn.ended


def test_an_older_turn_that_ends_is_not_ours() -> None:
    turn = Turn(SESSION, PROMPT)
    outputs = played(
        turn,
        answer(session.MESSAGE_STATE_COMPLETE, answers="sessions/s/messages/older"),
        text("Old words", session.PART_STATE_COMPLETE),
        IDLE,
    )
    assert outputs == []
    assert not turn.ended


def test_other_sessions_are_not_printed() -> None:
    turn = Turn("sessions/s", PROMPT)
    assert played(turn, state(session.SESSION_STATE_FAILED, "boom", name="sessions/s2")) == []
    assert not turn.ended


def test_a_failure_ends_the_turn_and_is_told() -> None:
    turn = Turn(SESSION, PROMPT)
    outputs = played(
        turn, WORKING, answer(session.MESSAGE_STATE_FAILED, "bad key"), state(session.SESSION_STATE_FAILED)
    )
    assert noted(outputs) == ["bad key"]
    assert turn.ended
    assert turn.failed
    assert turn.error == "bad key"


def test_a_stopped_answer_is_a_failure() -> None:
    turn = Turn(SESSION, PROMPT)
    played(turn, WORKING, answer(session.MESSAGE_STATE_STOPPED), IDLE)
    assert turn.ended
    assert turn.failed


def test_what_waits_for_a_person_is_told_once() -> None:
    permission = decision.Permission(
        name=f"{SESSION}/permissions/p1", state=decision.DECISION_STATE_PENDING, title="Run ls"
    )
    asked = service.WatchResponse(resource=resource.Resource(name=permission.name, permission=permission))
    assert noted(played(Turn(SESSION, PROMPT), asked, asked)) == ["waits for your decision: Run ls"]


def test_tools_are_told_as_they_change() -> None:
    def tool(tool_state: session.ToolState) -> service.WatchResponse:
        call = session.ToolCall(tool="bash", state=tool_state, command="ls")
        part = session.Part(name=PART, state=session.PART_STATE_OPEN, tool_call=call)
        return service.WatchResponse(resource=resource.Resource(name=PART, part=part))

    running, complete = tool(session.TOOL_STATE_RUNNING), tool(session.TOOL_STATE_COMPLETE)
    outputs = played(Turn(SESSION, PROMPT), WRITING, running, running, complete)
    assert noted(outputs) == ["bash running: ls", "bash complete: ls"]


def test_a_slow_reader_gets_the_parts_before_their_message() -> None:
    turn = Turn(SESSION, PROMPT)
    elsewhere = text("Another turn's.", session.PART_STATE_COMPLETE, "sessions/s/messages/b/parts/t")
    outputs = played(turn, elsewhere, text("All at once.", session.PART_STATE_COMPLETE), COMPLETE, IDLE)
    assert printed(outputs) == turn.text == "All at once.\n"
    assert turn.ended
