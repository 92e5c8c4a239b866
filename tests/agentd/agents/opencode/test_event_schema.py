from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import JsonValue

from agentd.agents.opencode import schema
from agentd.agents.opencode.event_schema import (
    Connected,
    Durable,
    Heartbeat,
    Ignored,
    MalformedEventError,
    MessageChanged,
    PartChanged,
    PartDelta,
    PermissionReplied,
    QuestionSettled,
    SessionChanged,
    SessionFailed,
    StatusChanged,
    decode_frame,
    decode_history,
)

RECORDED = Path(__file__).parent / "recorded" / "turn.jsonl"


def frame(kind: str, **properties: JsonValue) -> str:
    return json.dumps({"directory": "/p", "payload": {"id": "evt_1", "type": kind, "properties": properties}})


def sync(kind: str, data: JsonValue, seq: int = 3) -> str:
    event = {"id": "evt_1", "type": kind, "seq": seq, "aggregateID": "ses_1", "data": data}
    return json.dumps({"directory": "/p", "payload": {"type": "sync", "syncEvent": event}})


def test_a_recorded_turn_is_read_without_a_hole() -> None:
    events = [decode_frame(line).event for line in RECORDED.read_text().splitlines()]
    durable = [event for event in events if isinstance(event, Durable)]
    assert [event.seq for event in durable] == list(range(33))
    assert all(event.change is not None for event in durable)
    kinds = {type(event.change) for event in durable}
    assert kinds == {SessionChanged, MessageChanged, PartChanged}
    transient = {type(event) for event in events} - {Durable, Ignored}
    assert transient == {Connected, Heartbeat, PartDelta, StatusChanged, schema.PermissionRequest, PermissionReplied}
    ignored = {event.type for event in events if isinstance(event, Ignored)}
    assert ignored == {
        "session.created",
        "session.updated",
        "message.updated",
        "message.part.updated",
        "session.diff",
        "session.idle",
    }


def test_the_directory_comes_with_the_event() -> None:
    assert decode_frame(frame("server.heartbeat")).directory == "/p"


def test_kinds_that_nobody_has_heard_of_are_passed_over() -> None:
    assert decode_frame(frame("sails.torn", wind=12)).event == Ignored("sails.torn")
    assert decode_frame(sync("sails.torn.1", {})).event == Durable("ses_1", 3, None)


def test_another_shape_of_a_known_durable_kind_still_counts_its_number() -> None:
    assert decode_frame(sync("message.removed.1", {"nothing": "known"}, seq=9)).event == Durable("ses_1", 9, None)


@pytest.mark.parametrize("line", ["", "not JSON", "[]", '{"payload": 7}', frame("session.status", sessionID="s")])
def test_what_is_no_event_is_refused(line: str) -> None:
    with pytest.raises(MalformedEventError):
        decode_frame(line)


def test_an_answered_and_a_dismissed_question_differ_in_their_answers() -> None:
    answered = decode_frame(frame("question.replied", sessionID="s", requestID="q", answers=[["Jib"]])).event
    dismissed = decode_frame(frame("question.rejected", sessionID="s", requestID="q")).event
    assert isinstance(answered, QuestionSettled)
    assert isinstance(dismissed, QuestionSettled)
    assert (answered.answers, dismissed.answers) == ([["Jib"]], None)


def test_an_error_without_a_session_is_read() -> None:
    event = decode_frame(frame("session.error", error={"name": "X", "data": {"message": "m"}})).event
    assert isinstance(event, SessionFailed)
    assert event.session_id == ""


def test_history_spells_the_same_things_differently() -> None:
    body = [{"id": "e", "aggregate_id": "ses_1", "seq": 4, "type": "session.deleted.1", "data": {"sessionID": "ses_1"}}]
    [event] = decode_history(json.dumps(body).encode())
    assert (event.session_id, event.seq, type(event.change).__name__) == ("ses_1", 4, "SessionDeleted")
    with pytest.raises(MalformedEventError):
        decode_history(b"<html>")
