"""An app, a relay and a workstation, over lines that lose, repeat and reorder everything, with crashes at every point.

Whatever happens, a call takes effect at most once, and never differently from what the person is told. At the end, with
good lines (`teardown`), every call that still has time is done.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from wire.calls import Advice, CallMemory, CallState, Outbox, QueuedCall, Remembered, uuid7
from wire.errors import CallExpired, CallLeft

HOUR = 3600 * 1000
BEGIN = 1_000 * HOUR
PHONE = "phone"
DONE, EXPIRED, UNKNOWN = b"done", b"expired", b"unknown"
# Which of the waiting frames comes next (mostly the oldest), and whether it will come again.
DELIVERIES = st.lists(st.tuples(st.sampled_from([0, 0, 0, 1, 2]), st.booleans()), min_size=1, max_size=6)
STOPS = st.sampled_from(["before the effect", "after the effect", "after the answer", "", "", "", ""])


@dataclass(frozen=True)
class Frame:
    kind: str
    call_id: bytes
    content: bytes = b""
    expires_ms: int = 0


def drawn(frames: list[Frame], deliveries: list[tuple[int, bool]]) -> Iterator[Frame]:
    for place, comes_again in deliveries:
        if frames:
            at = place % len(frames)
            yield frames[at] if comes_again else frames.pop(at)


class CallsOverBadLines(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.now = BEGIN
        self.clock_error = 0
        self.made = 0
        self.outbox = Outbox()
        self.outbox_disk: dict[bytes, QueuedCall] = {}
        self.inbox: dict[bytes, Frame] = {}
        self.memory = CallMemory()
        self.memory_disk: dict[bytes, Remembered] = {}
        self.horizon_disk = 0
        self.to_relay: list[Frame] = []
        self.to_workstation: list[Frame] = []
        self.to_app: list[Frame] = []
        self.old_calls: list[Frame] = []
        self.wanted: dict[bytes, bytes] = {}
        self.cancelled: set[bytes] = set()
        self.told_not_done: set[bytes] = set()
        self.effects: list[tuple[bytes, bytes]] = []

    @property
    def workstation_now(self) -> int:
        return self.now + self.clock_error

    # --- the app: whatever a method returns is on disk before anything is done with it

    def keep(self, call: QueuedCall | None) -> None:
        if call is not None:
            self.outbox_disk[call.call_id] = call

    @rule(ttl_hours=st.sampled_from([1, 24, 100]))
    def the_person_asks(self, ttl_hours: int) -> None:
        self.made += 1
        call_id = uuid7(self.now, self.made.to_bytes(10))
        self.wanted[call_id] = b"text %d" % self.made
        self.keep(self.outbox.enqueue(call_id, "desk", self.wanted[call_id], self.now + ttl_hours * HOUR))

    @rule(data=st.data(), cancels=st.booleans())
    def the_person_thinks_again(self, data: st.DataObject, cancels: bool) -> None:
        calls = list(self.outbox)
        if not calls:
            return
        call_id = data.draw(st.sampled_from([call.call_id for call in calls]))
        try:
            if cancels:
                del self.outbox_disk[self.outbox.cancel(call_id).call_id]
                self.cancelled.add(call_id)
            else:
                self.wanted[call_id] = self.outbox.edit(call_id, self.wanted[call_id] + b"!").payload
                self.keep(self.outbox.get(call_id))
        except CallLeft:
            return

    @rule(new_link=st.booleans(), crash_after=st.sampled_from([0, 1, 99, 99]))
    def app_sends(self, new_link: bool, crash_after: int) -> None:
        if new_link:
            self.outbox.link_began()
        for sent, call in enumerate(self.outbox.due(self.now)):
            self.keep(self.outbox.leave(call.call_id))
            if sent == crash_after:
                self.app_crashes()
                return
            self.to_relay.append(Frame("call", call.call_id, call.payload, call.expires_ms))

    def app_crashes(self) -> None:
        self.outbox = Outbox(self.outbox_disk.values())

    @rule(deliveries=DELIVERIES)
    def deliver_to_the_app(self, deliveries: list[tuple[int, bool]]) -> None:
        for frame in drawn(self.to_app, deliveries):
            self.app_hears(frame)

    def app_hears(self, frame: Frame) -> None:
        match frame.kind:
            case "stored":
                self.keep(self.outbox.stored(frame.call_id))
            case "taken":
                self.keep(self.outbox.taken(frame.call_id))
            case "reply":
                self.keep(self.outbox.answered(frame.call_id, frame.content, ok=frame.content == DONE))
            case "refused":
                self.keep(self.outbox.refused_by_relay(frame.call_id, EXPIRED))

    # --- the relay: one copy of each call while it waits

    @rule(deliveries=DELIVERIES, is_full=st.sampled_from([False, False, False, True]))
    def deliver_to_the_relay(self, deliveries: list[tuple[int, bool]], is_full: bool) -> None:
        for frame in drawn(self.to_relay, deliveries):
            self.relay_hears(frame, is_full=is_full)

    def relay_hears(self, frame: Frame, *, is_full: bool = False) -> None:
        if is_full and frame.call_id not in self.inbox:
            # An honest relay's refusal holds: a link does not repeat a frame by itself, and a dead link is dead.
            self.to_relay[:] = [other for other in self.to_relay if other.call_id != frame.call_id]
            self.to_app.append(Frame("refused", frame.call_id))
            return
        self.inbox.setdefault(frame.call_id, frame)
        self.to_app.append(Frame("stored", frame.call_id))

    @rule(loses_its_disk=st.sampled_from([False, False, False, True]))
    def relay_hands_over(self, loses_its_disk: bool) -> None:
        self.to_workstation += self.inbox.values()
        if loses_its_disk:
            self.inbox.clear()

    # --- the workstation

    def write(self, call: Remembered) -> Remembered:
        self.memory_disk[call.call_id] = call
        return call

    @rule(deliveries=DELIVERIES, acknowledges=st.booleans())
    def deliver_to_the_workstation(self, deliveries: list[tuple[int, bool]], acknowledges: bool) -> None:
        for frame in drawn(self.to_workstation, deliveries):
            self.workstation_hears(frame)
            if acknowledges:
                self.inbox.pop(frame.call_id, None)
                self.to_app.append(Frame("taken", frame.call_id))

    def workstation_hears(self, frame: Frame) -> None:
        match self.memory.advise(PHONE, frame.call_id, frame.expires_ms, self.workstation_now):
            case Advice.TAKE:
                self.write(self.memory.take(PHONE, frame.call_id, frame.expires_ms, frame.content))
            case Advice.REFUSE_EXPIRED:
                self.write(self.memory.take(PHONE, frame.call_id, frame.expires_ms, frame.content))
                self.refuse(frame.call_id)
            case Advice.REFUSE_UNKNOWN:
                self.to_app.append(Frame("reply", frame.call_id, UNKNOWN))
            case Advice.ANSWER:
                known = self.memory.get(PHONE, frame.call_id)
                assert known is not None
                self.to_app.append(Frame("reply", frame.call_id, known.answer))
            case Advice.WAIT | Advice.LOOK_FIRST:
                pass

    def refuse(self, call_id: bytes) -> None:
        answer = self.write(self.memory.answer(PHONE, call_id, EXPIRED, self.workstation_now)).answer
        self.told_not_done.add(call_id)
        self.to_app.append(Frame("reply", call_id, answer))

    @rule(stop=STOPS)
    def workstation_works(self, stop: str) -> None:
        for call in self.memory.uncertain():
            self.look(call)
        for call in self.memory.waiting():
            if not self.carry_out(call, stop):
                self.workstation_crashes()
                return

    def look(self, call: Remembered) -> None:
        if (call.call_id, call.request) in self.effects:
            self.reply(call.call_id)
        else:
            self.write(self.memory.not_done(PHONE, call.call_id))

    def carry_out(self, call: Remembered, stop: str) -> bool:
        try:
            self.write(self.memory.start(PHONE, call.call_id, self.workstation_now))
        except CallExpired:
            self.refuse(call.call_id)
            return True
        assert call.expires_ms > self.workstation_now
        if stop == "before the effect":
            return False
        self.effects.append((call.call_id, call.request))
        if stop == "after the effect":
            return False
        self.write(self.memory.answer(PHONE, call.call_id, DONE, self.workstation_now))
        if stop == "after the answer":
            return False
        self.reply(call.call_id)
        return True

    def reply(self, call_id: bytes) -> None:
        answered = self.write(self.memory.answer(PHONE, call_id, DONE, self.workstation_now))
        self.to_app.append(Frame("reply", call_id, answered.answer))

    def workstation_crashes(self) -> None:
        self.memory = CallMemory(self.memory_disk.values(), self.horizon_disk)

    # --- all of it in one go, so that deep states are reached often

    @rule(stop=STOPS, hears_back=st.booleans())
    def a_round_trip(self, stop: str, hears_back: bool) -> None:
        self.app_sends(new_link=True, crash_after=99)
        for frame in self.to_relay:
            self.relay_hears(frame)
        for frame in list(self.inbox.values()):
            self.old_calls.append(frame)
            self.workstation_hears(frame)
        self.inbox.clear()
        self.workstation_works(stop)
        if hears_back:
            for frame in self.to_app:
                self.app_hears(frame)

    @rule(which=st.integers(0, 3))
    def the_relay_replays_an_old_call(self, which: int) -> None:
        for frame in self.old_calls[which : which + 1]:
            self.workstation_hears(frame)

    # --- time

    @rule(hours=st.sampled_from([1, 30, 100]))
    def time_passes(self, hours: int) -> None:
        self.now += hours * HOUR
        for call in self.outbox.expire(self.now):
            self.keep(call)
        for forgotten in self.memory.forget(self.workstation_now):
            del self.memory_disk[forgotten.call_id]
        self.horizon_disk = self.memory.horizon_ms

    @rule(hours=st.sampled_from([0, 0, -60, -1, 1, 60]))
    def somebody_sets_the_workstations_clock(self, hours: int) -> None:
        self.clock_error = hours * HOUR

    # --- what must hold

    @invariant()
    def a_call_takes_effect_once_and_as_it_was_last_wanted(self) -> None:
        assert len({call_id for call_id, _ in self.effects}) == len(self.effects)
        assert all(self.wanted[call_id] == text for call_id, text in self.effects)

    @invariant()
    def nobody_is_told_wrongly(self) -> None:
        done = {call_id for call_id, _ in self.effects}
        assert not done & self.cancelled
        assert not done & self.told_not_done
        for call in self.outbox:
            assert call.state is not CallState.DONE or call.call_id in done
            if call.state is CallState.REFUSED and call.answer == EXPIRED:
                assert call.call_id not in done
            if call.state is CallState.EXPIRED and call.is_certain:
                assert call.call_id not in done

    def teardown(self) -> None:
        if not hasattr(self, "outbox"):
            return  # Hypothesis stopped before the first step.
        self.clock_error = 0
        for line in (self.to_relay, self.to_workstation, self.to_app):
            line.clear()
        self.a_round_trip("", hears_back=True)
        self.a_call_takes_effect_once_and_as_it_was_last_wanted()
        self.nobody_is_told_wrongly()
        for call in self.outbox:
            assert call.state.is_final or call.expires_ms <= max(self.now, self.memory.horizon_ms)


CallsOverBadLines.TestCase.settings = settings(max_examples=120, stateful_step_count=50, deadline=None)
TestCallsOverBadLines = CallsOverBadLines.TestCase
