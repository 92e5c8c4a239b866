from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.calls import (
    MAX_TTL_MS,
    REMEMBER_MS,
    Advice,
    CallMemory,
    CallState,
    Outbox,
    QueuedCall,
    Step,
    check_call_id,
    uuid7,
    uuid7_time_ms,
)
from wire.errors import CallExpired, CallLeft, Malformed

NOW = 1_800_000_000_000
SOON = NOW + 30_000
ONE, TWO = uuid7(NOW, b"\1" * 10), uuid7(NOW + 1, b"\2" * 10)


# --- ids --------------------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_an_id_is_a_uuid_of_version_7_that_tells_its_time(now_ms: int, random: bytes) -> None:
    call_id = uuid7(now_ms, random)
    uuid = UUID(bytes=call_id)
    assert (uuid.version, uuid.variant) == (7, "specified in RFC 4122")
    assert uuid7_time_ms(check_call_id(call_id)) == now_ms


def test_the_example_of_the_rfc() -> None:
    """RFC 9562 appendix A.6: rand_a 0xCC3, rand_b 0x18C4DC0C0C07398F."""
    random = (0xCC3).to_bytes(2) + (0x18C4DC0C0C07398F).to_bytes(8)
    assert UUID(bytes=uuid7(0x017F22E279B0, random)) == UUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")


def test_ids_sort_by_their_time() -> None:
    assert uuid7(NOW, b"\xff" * 10) < uuid7(NOW + 1, bytes(10))


@pytest.mark.parametrize(("now_ms", "random"), [(NOW, bytes(9)), (-1, bytes(10)), (1 << 48, bytes(10))])
def test_an_id_is_made_of_what_fits(now_ms: int, random: bytes) -> None:
    with pytest.raises(Malformed):
        uuid7(now_ms, random)


@pytest.mark.parametrize("value", [b"", bytes(15), bytes(16), UUID(int=0, version=4).bytes, ONE[:8] + b"\0" + ONE[9:]])
def test_what_is_no_id_is_refused(value: bytes) -> None:
    with pytest.raises(Malformed):
        check_call_id(value)


# --- the author's side ------------------------------------------------------------------------------------------------


def queued() -> Outbox:
    outbox = Outbox()
    outbox.enqueue(ONE, "desk", b"first", SOON)
    outbox.enqueue(TWO, "desk", b"second", SOON)
    return outbox


def state(outbox: Outbox, call_id: bytes = ONE) -> CallState:
    call = outbox.get(call_id)
    assert call is not None
    return call.state


def test_calls_are_due_in_the_order_in_which_they_were_made() -> None:
    outbox = queued()
    assert [call.call_id for call in outbox.due(NOW)] == [ONE, TWO]
    outbox.leave(ONE)
    assert [call.call_id for call in outbox.due(NOW)] == [TWO]


def test_what_is_past_its_time_is_not_sent() -> None:
    assert [call.call_id for call in queued().due(SOON - 1)] == [ONE, TWO]
    assert queued().due(SOON) == []


def test_on_a_new_link_everything_unanswered_is_due_again_in_order() -> None:
    outbox = queued()
    for call_id in (ONE, TWO):
        outbox.leave(call_id)
    outbox.taken(TWO)
    outbox.link_began()
    assert [call.call_id for call in outbox.due(NOW)] == [ONE, TWO]
    outbox.answered(ONE, b"", ok=True)
    assert [call.call_id for call in outbox.due(NOW)] == [TWO]


def test_what_was_taken_and_not_answered_is_due_again_when_in_doubt() -> None:
    outbox = queued()
    for call_id in (ONE, TWO):
        outbox.leave(call_id)
    outbox.stored(ONE)
    outbox.taken(TWO)
    outbox.doubt()
    assert [call.call_id for call in outbox.due(NOW)] == [TWO]
    outbox.answered(TWO, b"", ok=True)
    outbox.doubt()
    assert outbox.due(NOW) == []


def test_a_restored_outbox_knows_what_left() -> None:
    outbox = queued()
    outbox.leave(ONE)
    restored = Outbox(list(outbox))
    assert [call.call_id for call in restored.due(NOW)] == [ONE, TWO]
    with pytest.raises(CallLeft):
        restored.cancel(ONE)
    assert restored.cancel(TWO).payload == b"second"


def test_a_call_may_be_edited_until_it_leaves() -> None:
    outbox = queued()
    outbox.edit(ONE, b"better")
    assert outbox.leave(ONE) == QueuedCall(ONE, "desk", b"better", SOON, attempts=1)
    with pytest.raises(CallLeft):
        outbox.edit(ONE, b"too late")


def test_a_call_that_is_not_there_cannot_be_edited() -> None:
    with pytest.raises(CallLeft):
        Outbox().edit(ONE, b"")


def test_an_id_is_for_one_call() -> None:
    with pytest.raises(Malformed):
        queued().enqueue(ONE, "desk", b"other", SOON)


def test_a_call_moves_up_only() -> None:
    outbox = queued()
    outbox.leave(ONE)
    assert outbox.taken(ONE) is not None
    assert outbox.stored(ONE) is None
    assert state(outbox) is CallState.AT_WORKSTATION
    assert outbox.answered(ONE, b"done", ok=True) is not None
    assert outbox.answered(ONE, b"refused", ok=False) is None
    assert outbox.taken(ONE) is None
    answered = outbox.get(ONE)
    assert answered is not None
    assert (answered.state, answered.answer) == (CallState.DONE, b"done")


def test_the_first_last_word_stands() -> None:
    outbox = queued()
    outbox.leave(ONE)
    outbox.answered(ONE, b"no", ok=False)
    assert outbox.answered(ONE, b"yes", ok=True) is None
    assert state(outbox) is CallState.REFUSED


def test_news_of_an_unknown_call_is_no_news() -> None:
    outbox = Outbox()
    assert outbox.stored(ONE) is None
    assert outbox.answered(ONE, b"", ok=True) is None
    assert outbox.refused_by_relay(ONE, b"") is None
    assert outbox.discard(ONE) is None


def test_a_relays_refusal_of_the_only_attempt_is_final() -> None:
    outbox = queued()
    outbox.leave(ONE)
    refused = outbox.refused_by_relay(ONE, b"too many")
    assert refused is not None
    assert (refused.state, refused.answer) == (CallState.REFUSED, b"too many")


@pytest.mark.parametrize("earlier", ["another attempt", "stored"])
def test_a_relays_refusal_after_the_call_may_have_got_through_is_not(earlier: str) -> None:
    outbox = queued()
    outbox.leave(ONE)
    if earlier == "stored":
        outbox.stored(ONE)
    else:
        outbox.leave(ONE)
    assert outbox.refused_by_relay(ONE, b"too many") is None
    assert not state(outbox).is_final


def test_a_call_that_expired_before_it_left_certainly_did_nothing() -> None:
    outbox = queued()
    outbox.leave(TWO)
    assert outbox.expire(SOON - 1) == []
    expired = {call.call_id: call for call in outbox.expire(SOON)}
    assert expired[ONE].is_certain
    assert not expired[TWO].is_certain
    assert outbox.expire(SOON) == []
    assert outbox.due(SOON) == []
    with pytest.raises(CallLeft):
        outbox.edit(ONE, b"again")


def test_an_answer_that_comes_after_the_expiry_still_counts() -> None:
    outbox = queued()
    outbox.leave(ONE)
    outbox.expire(SOON)
    answered = outbox.answered(ONE, b"done", ok=True)
    assert answered is not None
    assert answered.is_certain


def test_what_is_over_can_be_put_away() -> None:
    outbox = queued()
    assert outbox.discard(ONE) is None
    outbox.leave(ONE)
    outbox.answered(ONE, b"", ok=True)
    assert outbox.discard(ONE) is not None
    assert [call.call_id for call in outbox] == [TWO]


# --- the workstation's side -------------------------------------------------------------------------------------------


def taken() -> CallMemory:
    memory = CallMemory()
    memory.take("phone", ONE, SOON, b"first")
    return memory


def test_a_call_is_taken_started_answered_and_repeats_are_answered_from_memory() -> None:
    memory = CallMemory()
    assert memory.advise("phone", ONE, SOON, NOW) is Advice.TAKE
    assert memory.take("phone", ONE, SOON, b"first").step is Step.TAKEN
    assert memory.advise("phone", ONE, SOON, NOW) is Advice.WAIT
    assert memory.start("phone", ONE, NOW).step is Step.STARTED
    assert memory.advise("phone", ONE, SOON, NOW) is Advice.WAIT
    memory.answer("phone", ONE, b"done", NOW)
    assert memory.advise("phone", ONE, SOON, SOON + 1) is Advice.ANSWER
    known = memory.get("phone", ONE)
    assert known is not None
    assert known.answer == b"done"


def test_the_same_id_of_another_device_is_another_call() -> None:
    memory = taken()
    assert memory.advise("tablet", ONE, SOON, NOW) is Advice.TAKE
    assert memory.take("tablet", ONE, SOON, b"other").request == b"other"
    assert [call.request for call in memory.waiting()] == [b"first", b"other"]


def test_a_call_is_taken_once() -> None:
    memory = taken()
    assert memory.take("phone", ONE, SOON, b"changed").request == b"first"
    assert len(list(memory)) == 1


def test_a_call_is_started_once() -> None:
    memory = taken()
    memory.start("phone", ONE, NOW)
    with pytest.raises(CallLeft):
        memory.start("phone", ONE, NOW)


def test_the_first_answer_stands() -> None:
    memory = taken()
    memory.answer("phone", ONE, b"first answer", NOW)
    assert memory.answer("phone", ONE, b"second answer", NOW + 5).answer == b"first answer"


@pytest.mark.parametrize("now_ms", [SOON, SOON + 1])
def test_a_late_call_is_refused(now_ms: int) -> None:
    assert CallMemory().advise("phone", ONE, SOON, now_ms) is Advice.REFUSE_EXPIRED


def test_a_call_that_waited_too_long_is_not_started() -> None:
    memory = taken()
    with pytest.raises(CallExpired):
        memory.start("phone", ONE, SOON)
    assert memory.answer("phone", ONE, b"too late", SOON).step is Step.ANSWERED


def test_a_refusal_is_remembered_like_an_answer() -> None:
    memory = CallMemory()
    memory.take("phone", ONE, SOON, b"late")
    memory.answer("phone", ONE, b"expired", SOON)
    assert memory.advise("phone", ONE, SOON, NOW - 10**9) is Advice.ANSWER


def test_an_expiry_out_of_reach_is_refused() -> None:
    assert CallMemory().advise("phone", ONE, NOW + MAX_TTL_MS, NOW) is Advice.TAKE
    with pytest.raises(Malformed, match="clocks"):
        CallMemory().advise("phone", ONE, NOW + MAX_TTL_MS + 1, NOW)


def test_a_call_id_must_be_one() -> None:
    with pytest.raises(Malformed):
        CallMemory().advise("phone", b"short", SOON, NOW)
    with pytest.raises(Malformed):
        CallMemory().take("phone", bytes(16), SOON, b"")


def test_after_a_crash_what_was_started_is_uncertain_and_the_rest_as_it_was() -> None:
    memory = taken()
    memory.take("phone", TWO, SOON, b"second")
    memory.start("phone", ONE, NOW)
    restored = CallMemory(memory)
    assert [call.call_id for call in restored.uncertain()] == [ONE]
    assert [call.call_id for call in restored.waiting()] == [TWO]
    assert restored.advise("phone", ONE, SOON, NOW) is Advice.LOOK_FIRST
    with pytest.raises(CallLeft):
        restored.start("phone", ONE, NOW)


def test_what_did_not_happen_waits_again_in_its_place() -> None:
    memory = taken()
    memory.take("phone", TWO, SOON, b"second")
    memory.start("phone", ONE, NOW)
    restored = CallMemory(memory)
    assert restored.not_done("phone", ONE).step is Step.TAKEN
    assert [call.call_id for call in restored.waiting()] == [ONE, TWO]


def test_only_an_uncertain_call_can_be_found_not_done() -> None:
    memory = taken()
    memory.start("phone", ONE, NOW)
    assert memory.not_done("phone", ONE).step is Step.STARTED


def test_an_answer_is_remembered_for_two_days_at_least() -> None:
    memory = taken()
    memory.answer("phone", ONE, b"done", NOW)
    assert memory.forget(NOW + REMEMBER_MS - 1) == []
    assert [call.call_id for call in memory.forget(NOW + REMEMBER_MS)] == [ONE]
    assert memory.horizon_ms == SOON


def test_what_is_not_answered_or_could_be_replayed_is_not_forgotten() -> None:
    memory = taken()
    memory.take("phone", TWO, NOW + MAX_TTL_MS, b"long")
    memory.answer("phone", TWO, b"done", NOW)
    assert memory.forget(NOW + MAX_TTL_MS - 1) == []


def test_what_was_forgotten_stays_refused_when_the_clock_goes_back() -> None:
    memory = taken()
    memory.answer("phone", ONE, b"done", NOW)
    memory.forget(NOW + REMEMBER_MS)
    restored = CallMemory(memory, memory.horizon_ms)
    assert restored.advise("phone", ONE, SOON, NOW) is Advice.REFUSE_UNKNOWN
    assert restored.advise("phone", TWO, SOON + 1, NOW) is Advice.TAKE


def test_a_call_is_taken_back_before_it_begins_and_never_after() -> None:
    memory = CallMemory()
    waiting, begun, to_come = (uuid7(at, bytes(10)) for at in (1, 2, 3))
    memory.take("d", waiting, 9, b"")
    memory.take("d", begun, 9, b"")
    memory.start("d", begun, 5)
    for _ in range(2):
        taken_back = memory.withdraw("d", waiting, 9, b"back", 5)
        assert taken_back is not None
        assert (taken_back.step, taken_back.answer) == (Step.ANSWERED, b"back")
    assert memory.withdraw("d", begun, 9, b"back", 5) is None
    assert memory.withdraw("d", to_come, 9, b"back", 5) is not None
    assert memory.advise("d", to_come, 9, 5) is Advice.ANSWER
    with pytest.raises(CallLeft):
        memory.start("d", waiting, 5)


def test_what_may_have_been_done_and_forgotten_is_not_taken_back() -> None:
    assert CallMemory(horizon_ms=10).withdraw("d", uuid7(1, bytes(10)), 10, b"back", 5) is None


def test_a_withdrawal_cannot_fill_the_memory_for_ever() -> None:
    memory = CallMemory()
    taken_back = memory.withdraw("d", uuid7(1, bytes(10)), 1 << 60, b"back", 5)
    assert taken_back is not None
    assert taken_back.expires_ms == 5 + MAX_TTL_MS
