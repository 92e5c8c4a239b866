from app_flet.calling import UNCERTAIN, UNSENT, reason_of, view_of
from halyard_client.google.rpc import Status
from halyard_client.halyard.agent.v1 import Call, CallResult
from tests.app_flet.workstation import refusal
from wire.calls import CallState, QueuedCall, uuid7

ID = uuid7(1_700_000_000_000, bytes(10))


def queued(state: CallState, answer: bytes = b"", attempts: int = 1) -> QueuedCall:
    payload = bytes(Call(method="/x/Y", request=b"r"))
    return QueuedCall(ID, "w", payload, 5, state, attempts, answer)


def test_a_call_shows_what_was_asked_and_when() -> None:
    view = view_of(queued(CallState.AT_RELAY))
    assert (view.method, view.request, view.created_ms) == ("/x/Y", b"r", 1_700_000_000_000)
    assert view.is_open
    assert view.error == ""


def test_an_answer_is_handed_on() -> None:
    view = view_of(queued(CallState.DONE, bytes(CallResult(response=b"ok"))))
    assert (view.response, view.error, view.is_open) == (b"ok", "", False)


def test_a_refusal_says_why_and_names_its_reason() -> None:
    status = refusal(9, "ALREADY_DECIDED", "Mira allowed it at 14:02.")
    view = view_of(queued(CallState.REFUSED, bytes(CallResult(error=status))))
    assert (view.error, view.reason) == ("Mira allowed it at 14:02.", "ALREADY_DECIDED")


def test_a_call_that_left_and_ran_out_of_time_may_have_taken_effect() -> None:
    assert view_of(queued(CallState.EXPIRED, attempts=1)).error == UNCERTAIN
    assert view_of(queued(CallState.EXPIRED, attempts=0)).error == UNSENT


def test_a_status_of_another_domain_has_no_reason_here() -> None:
    status = refusal(9, "X", "y")
    status.details[0].value = b"\x0a\x01X"
    assert reason_of(status) == ""
    assert reason_of(Status(code=3)) == ""


def test_a_refusal_without_a_word_still_says_something() -> None:
    assert view_of(queued(CallState.REFUSED, bytes(CallResult(error=Status(code=13))))).error
