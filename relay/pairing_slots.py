"""Slots in which one workstation meets one app, as a table. Pure: time (seconds of any clock) and chance come in.

Rules that everything rests on: a slot admits one guest, ever; it lives five minutes; a nameplate rests after use, so
that a late guest with an old code finds nothing instead of burning somebody else's.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from relay.errors import RateLimited, SlotBurnt, SlotExpired, SlotUnknown
from relay.limits import Limits
from relay.rates import Buckets

MAX_DIGITS = 4
# Longer nameplates are used before shorter ones run out: of a table half full, two draws find a free number.
_CROWDED = 0.5

Choose = Callable[[int], int]
"""A random number from 0 up to, not including, its argument."""


@dataclass(slots=True)
class Slot:
    """One open slot."""

    nameplate: str
    host: str
    """Device id of the workstation."""
    expires_at: float
    joined: bool = False


class SlotTable:
    """All open slots, and the nameplates that rest."""

    def __init__(self, limits: Limits, choose: Choose) -> None:
        self._limits = limits
        self._choose = choose
        # Both are in order of time, so what has expired is in front.
        self._slots: dict[str, Slot] = {}
        self._resting: dict[str, float] = {}
        self._hosts: Counter[str] = Counter()
        self._taken: Counter[int] = Counter()
        self._opens = Buckets(limits.slots_per_workstation)
        self._joins = Buckets(limits.joins_per_address)

    def __len__(self) -> int:
        """How many slots are open."""
        return len(self._slots)

    def open(self, host: str, now: float) -> Slot:
        """A new slot for the workstation `host`; RateLimited when it or the table has too many."""
        self._expire(now)
        mine = self._hosts[host]
        if mine >= self._limits.max_slots_per_workstation or len(self._slots) >= self._limits.max_slots:
            raise RateLimited("Too many pairing codes are open; close one or wait until they expire.", 60.0)
        if wait := self._opens.take(host, now):
            raise RateLimited("Too many pairing codes in a row; wait a little and show a new one.", wait)
        slot = Slot(self._free_nameplate(), host, now + self._limits.slot_seconds)
        self._slots[slot.nameplate] = slot
        self._hosts[host] += 1
        self._taken[len(slot.nameplate)] += 1
        return slot

    def join(self, nameplate: str, address: str, now: float) -> Slot:
        """The slot, now this guest's for good. Every attempt counts against `address`, right or wrong."""
        if wait := self._joins.take(address, now):
            raise RateLimited("Too many attempts to pair from this address; wait a minute.", wait)
        slot = self._slots.get(nameplate)
        if slot is None:
            raise SlotUnknown("No pairing code answers to this; show a new one with `agentd pair`.")
        if slot.expires_at <= now:
            raise SlotExpired("This pairing code is older than five minutes; show a new one with `agentd pair`.")
        if slot.joined:
            raise SlotBurnt("This pairing code was already used; show a new one with `agentd pair`.")
        slot.joined = True
        return slot

    def close(self, slot: Slot, now: float) -> None:
        """The slot is gone; its nameplate rests as long as a slot lives. Closing twice changes nothing."""
        if self._slots.get(slot.nameplate) is slot:
            del self._slots[slot.nameplate]
            self._hosts -= Counter({slot.host: 1})
            self._resting[slot.nameplate] = now + self._limits.slot_seconds

    def sweep(self, now: float) -> None:
        """Lets expired slots, rested nameplates and full buckets go."""
        self._expire(now)
        self._opens.sweep(now)
        self._joins.sweep(now)

    def _expire(self, now: float) -> None:
        while self._slots and (oldest := next(iter(self._slots.values()))).expires_at <= now:
            self.close(oldest, now)
        while self._resting and self._resting[nameplate := next(iter(self._resting))] <= now:
            del self._resting[nameplate]
            self._taken[len(nameplate)] -= 1

    def _free_nameplate(self) -> str:
        for digits in range(1, MAX_DIGITS + 1):
            first = 10 ** (digits - 1)
            while self._taken[digits] < _CROWDED * 9 * first:
                nameplate = str(first + self._choose(9 * first))
                if nameplate not in self._slots and nameplate not in self._resting:
                    return nameplate
        raise RateLimited("All pairing codes are in use; try again in a few minutes.", 60.0)
