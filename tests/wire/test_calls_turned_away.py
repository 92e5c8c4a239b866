from wire.calls import CallState, Outbox, uuid7

SOON = 30_000
ONE, TWO, THREE = (uuid7(number, bytes([number]) * 10) for number in (1, 2, 3))


def test_what_a_relay_turns_away_waits_and_holds_up_what_follows_it_to_the_same_workstation_only() -> None:
    outbox = Outbox()
    for call_id, workstation in ((ONE, "desk"), (TWO, "desk"), (THREE, "forge")):
        outbox.enqueue(call_id, workstation, b"", SOON)
    outbox.leave(ONE)
    outbox.turned_away(ONE)
    assert [call.state for call in outbox] == [CallState.ON_DEVICE] * 3
    assert [call.call_id for call in outbox.due(0)] == [THREE]
    outbox.doubt()
    assert [call.call_id for call in outbox.due(0)] == [ONE, TWO, THREE]
    outbox.turned_away(ONE)
    outbox.link_began()
    assert [call.call_id for call in outbox.due(0)] == [ONE, TWO, THREE]


def test_what_was_turned_away_and_is_over_holds_nothing_up() -> None:
    outbox = Outbox()
    outbox.enqueue(ONE, "desk", b"now or never", SOON - 1)
    outbox.enqueue(TWO, "desk", b"later", SOON)
    outbox.leave(ONE)
    outbox.turned_away(ONE)
    assert outbox.due(0) == []
    outbox.expire(SOON - 1)
    assert [call.call_id for call in outbox.due(SOON - 1)] == [TWO]
