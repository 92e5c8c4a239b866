"""The workstation's memory of calls, on disk: wire.calls.CallMemory with a table under it.

Every change is queued to the store at once; whoever acts on one awaits the store's `flush` first.
"""

from collections.abc import Callable

from agentd.store import Statement, Store, put_meta
from wire.calls import Advice, CallMemory, Remembered, Step, check_call_id, uuid7_time_ms
from wire.errors import CallExpired

_HORIZON = "call_horizon_ms"


class CallBook:
    """All calls that are or may be repeated, filed by (device, call id)."""

    def __init__(self, store: Store, clock_ms: Callable[[], int], lost_ms: int = 0) -> None:
        """`lost_ms`: when a store before this one was lost, and with it the memory of calls; 0 for never."""
        self._store = store
        self._lost_ms = lost_ms
        self._clock_ms = clock_ms
        rows = store.rows("SELECT * FROM calls ORDER BY arrival")
        self._arrivals = {(device, call_id): arrival for arrival, device, call_id, *_ in rows}
        self._last_arrival = max(self._arrivals.values(), default=0)
        self._plans = {(row[1], row[2]): bytes(row[6]) for row in rows if row[6]}
        calls = (
            Remembered(device, call_id, expires_ms, request, Step(step), answer, answered_ms)
            for _, device, call_id, expires_ms, request, step, _, answer, answered_ms in rows
        )
        self._memory = CallMemory(calls, int.from_bytes(store.meta(_HORIZON) or b""))

    def get(self, device: str, call_id: bytes) -> Remembered | None:
        """What is remembered of a call."""
        return self._memory.get(device, call_id)

    def advise(self, device: str, call_id: bytes, expires_ms: int) -> Advice:
        """What to do with a call that has just arrived."""
        if uuid7_time_ms(check_call_id(call_id)) < self._lost_ms and self.get(device, call_id) is None:
            # Made while the store before was there: it may have been done and answered, and nobody remembers.
            return Advice.REFUSE_UNKNOWN
        return self._memory.advise(device, call_id, expires_ms, self._clock_ms())

    def left_over(self) -> list[Remembered]:
        """What a former process left: first what it had started, then what it had not, each in order of arrival."""
        return self._memory.uncertain() + self._memory.waiting()

    def take(self, device: str, call_id: bytes, expires_ms: int, request: bytes) -> Remembered:
        """A new call; acknowledge it once it is on disk."""
        call = self._memory.take(device, call_id, expires_ms, request)
        self._arrived(device, call_id)
        return self._keep(call)

    def withdraw(self, device: str, call_id: bytes, expires_ms: int, answer: bytes) -> Remembered | None:
        """The call, answered with `answer` instead of begun; None when it was begun. Await `flush` before saying so."""
        call = self._memory.withdraw(device, call_id, expires_ms, answer, self._clock_ms())
        if call is None:
            return None
        self._arrived(device, call_id)
        return self._keep(call)

    def _arrived(self, device: str, call_id: bytes) -> None:
        if (device, call_id) not in self._arrivals:
            self._last_arrival += 1
            self._arrivals[device, call_id] = self._last_arrival

    async def start(self, call: Remembered) -> Remembered:
        """The effect is about to begin, and this is on disk. CallExpired when it is too late, or got so on a full disk.

        What a former process had started stays uncertain; it is looked at by whoever knows the effect.
        """
        if call.step is Step.TAKEN:
            call = self._keep(self._memory.start(call.device, call.call_id, self._clock_ms()))
            await self._store.flush_patiently()
            if call.expires_ms <= self._clock_ms():
                raise CallExpired("The workstation's disk took nothing until it was too late. Send it again if needed.")
        return call

    def plan(self, call: Remembered) -> str:
        """The id that was drawn for the call's effect; empty when none was yet."""
        return self._plans.get((call.device, call.call_id), b"").decode()

    async def note_plan(self, call: Remembered, drawn: str) -> None:
        """Remembers the id drawn for the call's effect; returns once it is on disk."""
        self._plans[call.device, call.call_id] = drawn.encode()
        self._keep(call)
        await self._store.flush_patiently()

    async def answer(self, call: Remembered, answer: bytes) -> bytes:
        """Remembers the answer, on disk, and returns it; or the one that was given before."""
        kept = self._keep(self._memory.answer(call.device, call.call_id, answer, self._clock_ms()))
        await self._store.flush_patiently()
        return kept.answer

    async def flush(self) -> None:
        """Returns once everything is on disk."""
        await self._store.flush()

    def forget_old(self) -> int:
        """Lets go of what need no longer be remembered, and returns how many those were."""
        old = self._memory.forget(self._clock_ms())
        forgotten = [self._drop(call) for call in old]
        if forgotten:
            self._store.write(*forgotten, put_meta(_HORIZON, self._memory.horizon_ms.to_bytes(8)))
        return len(forgotten)

    def _drop(self, call: Remembered) -> Statement:
        self._arrivals.pop((call.device, call.call_id))
        self._plans.pop((call.device, call.call_id), None)
        return "DELETE FROM calls WHERE device = ? AND call_id = ?", (call.device, call.call_id)

    def _keep(self, call: Remembered) -> Remembered:
        place = (call.device, call.call_id)
        values = (call.expires_ms, call.request, call.step.value, self._plans.get(place, b""), call.answer)
        row = (self._arrivals[place], *place, *values, call.answered_ms)
        self._store.write(("INSERT OR REPLACE INTO calls VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)", row))
        return call
