"""The slot table: one guest ever, five minutes, short nameplates that rest, limits."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from relay.errors import RateLimited, SlotBurnt, SlotExpired, SlotUnknown
from relay.limits import Limits, Rate
from relay.pairing_slots import Slot, SlotTable

FREE = Rate(burst=1e9, per_second=1e6)


def _table(**limits: object) -> SlotTable:
    defaults = {"slots_per_workstation": FREE, "joins_per_address": FREE, "max_slots_per_workstation": 10_000}
    return SlotTable(Limits(**{**defaults, **limits}), random.Random(7).randrange)  # type: ignore[arg-type]


def test_a_slot_is_entered_once() -> None:
    table = _table()
    slot = table.open("host", 0.0)
    assert table.join(slot.nameplate, "1.2.3.4", 1.0) is slot
    with pytest.raises(SlotBurnt):
        table.join(slot.nameplate, "1.2.3.4", 2.0)


def test_a_slot_lives_five_minutes() -> None:
    table = _table()
    slot = table.open("host", 0.0)
    with pytest.raises(SlotExpired):
        table.join(slot.nameplate, "1.2.3.4", 300.0)
    table.sweep(300.0)
    with pytest.raises(SlotUnknown):
        table.join(slot.nameplate, "1.2.3.4", 301.0)


def test_a_nameplate_rests_after_use() -> None:
    table = _table()
    used = table.open("host", 0.0)
    table.close(used, 1.0)
    during = {table.open("host", 2.0).nameplate for _ in range(500)}
    assert used.nameplate not in during
    table.sweep(301.0)
    assert table.open("host", 302.0).nameplate is not None


def test_nameplates_grow_before_they_run_out() -> None:
    table = _table(max_slots=10_000)
    nameplates = [table.open("host", 0.0).nameplate for _ in range(1_000)]
    assert len(set(nameplates)) == 1_000
    assert len(nameplates[0]) == 1
    assert len(nameplates[-1]) == 4


def test_when_all_are_taken_the_next_is_told_to_wait() -> None:
    table = _table(max_slots=10_000)
    with pytest.raises(RateLimited):
        for _ in range(10_000):
            table.open("host", 0.0)


@pytest.mark.parametrize("limits", [{"max_slots": 2}, {"max_slots_per_workstation": 2}])
def test_open_slots_are_bounded(limits: dict[str, object]) -> None:
    table = _table(**limits)
    table.open("host", 0.0)
    closed = table.open("host", 0.0)
    with pytest.raises(RateLimited):
        table.open("host", 0.0)
    table.close(closed, 1.0)
    table.open("host", 1.0)


def test_opening_slots_in_a_row_is_slowed() -> None:
    table = _table(slots_per_workstation=Rate(burst=2, per_second=0.1))
    for _ in range(2):
        table.close(table.open("host", 0.0), 0.0)
    with pytest.raises(RateLimited, match="in a row"):
        table.open("host", 0.0)
    table.open("another host", 0.0)


def test_attempts_are_counted_right_or_wrong() -> None:
    table = _table(joins_per_address=Rate(burst=2, per_second=0.1))
    slot = table.open("host", 0.0)
    for _ in range(2):
        with pytest.raises(SlotUnknown):
            table.join("0", "guesser", 0.0)
    with pytest.raises(RateLimited) as refused:
        table.join(slot.nameplate, "guesser", 0.0)
    assert refused.value.retry_after == pytest.approx(10.0)
    assert not slot.joined
    assert table.join(slot.nameplate, "someone else", 0.0) is slot


class SlotLife(RuleBasedStateMachine):
    """However slots are opened, entered, closed and swept: nobody enters twice, and no two open slots share a name."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.table = _table()
        self.open_slots: list[Slot] = []
        self.entered: set[int] = set()

    @rule()
    def open(self) -> None:
        slot = self.table.open("host", self.now)
        assert slot.nameplate not in {other.nameplate for other in self.open_slots if other.expires_at > self.now}
        self.open_slots.append(slot)

    @rule(which=st.integers(0, 50))
    def join(self, which: int) -> None:
        if not self.open_slots:
            return
        wanted = self.open_slots[which % len(self.open_slots)]
        try:
            got = self.table.join(wanted.nameplate, "address", self.now)
        except (SlotBurnt, SlotExpired, SlotUnknown):
            return
        assert id(got) not in self.entered
        assert got.expires_at > self.now
        self.entered.add(id(got))

    @rule(which=st.integers(0, 50))
    def close(self, which: int) -> None:
        if self.open_slots:
            self.table.close(self.open_slots[which % len(self.open_slots)], self.now)

    @rule(seconds=st.floats(0, 400))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.table.sweep(self.now)

    @invariant()
    def no_more_open_than_opened(self) -> None:
        assert len(self.table) <= sum(slot.expires_at > self.now for slot in self.open_slots)


TestSlotLife = SlotLife.TestCase
TestSlotLife.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)


@given(st.lists(st.floats(0, 1_000), max_size=30))
def test_whatever_is_opened_is_gone_five_minutes_later(times: list[float]) -> None:
    table = _table()
    for now in sorted(times):
        table.open("host", now)
    table.sweep(1_301.0)
    assert len(table) == 0
