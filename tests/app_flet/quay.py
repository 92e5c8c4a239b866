"""Where an app's calls go, without sockets: a relay that stores and loses, a workstation that does each call once.

The seals, the store on disk and the app's side are real; a link is a loop that a test turns by hand.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from app_flet import intents
from app_flet.device import Device
from app_flet.pairing import Paired
from app_flet.store import Store
from halyard_client.halyard.agent import v1
from halyard_client.halyard.link.v1 import AppReply, SealedCall, SealedReply
from tests.app_flet.workstation import Workstation, refusal
from wire.calls import Advice, CallMemory, QueuedCall

NOW_MS = 1_800_000_000_000
S = "sessions/s1"
MAKE_BELIEVE_RELAY = "http://quay.test"


def open_device(path: Path, bench: Workstation) -> Device:
    """The device whose store is at `path`, paired with `bench`: the first time, or after its app died."""
    device = Device(Store(path), lambda: NOW_MS, relay=MAKE_BELIEVE_RELAY)
    bench.members[device.identity.device_id] = device.identity.public
    if not device.is_paired:
        device.paired(Paired(bench.identity.public, "bench", "operator", MAKE_BELIEVE_RELAY))
    return device


def prompt_of(call: QueuedCall) -> str:
    """What a queued prompt says; empty for other calls."""
    asked = v1.Call.parse(call.payload)
    return v1.PromptRequest.parse(asked.request).text if asked.method == intents.PROMPT else ""


@dataclass
class Quay:
    """The relay's inbox and the workstation's memory, as they would be on their disks."""

    bench: Workstation
    inbox: list[SealedCall] = field(default_factory=list)
    memory: CallMemory = field(default_factory=CallMemory)
    done: list[str] = field(default_factory=list)
    """Prompts in the order in which they took effect."""

    def hand_over(self, device: Device) -> Iterator[QueuedCall]:
        """A new link stands: everything that is due leaves, call by call."""
        device.outgoing.outbox.link_began()
        for call in device.outgoing.outbox.due(NOW_MS):
            device.outgoing.leaving(call)
            yield call

    def store(self, device: Device, call: QueuedCall) -> None:
        """The relay has a call on disk."""
        channel = device.followings[self.bench.id].channel
        sealed = channel.seal_call(call.call_id, call.expires_ms, call.payload)
        if all(waiting.call_id != call.call_id for waiting in self.inbox):
            self.inbox.append(SealedCall(call_id=call.call_id, sealed=sealed))

    def work(self, device: Device) -> list[AppReply]:
        """The workstation does what waits, each call once, and answers all of it."""
        replies = [self._do(device, call) for call in self.inbox]
        self.inbox.clear()
        return replies

    def _do(self, device: Device, call: SealedCall) -> AppReply:
        me = device.identity.device_id
        expires_ms = next(c.expires_ms for c in device.store.calls() if c.call_id == call.call_id)
        channel = self.bench.channel(me)
        payload = channel.open_call(call.call_id, expires_ms, call.sealed)
        if self.memory.advise(me, call.call_id, expires_ms, NOW_MS) is Advice.TAKE:
            self.memory.take(me, call.call_id, expires_ms, payload)
            self.memory.start(me, call.call_id, NOW_MS)
            answer = self._effect(v1.Call.parse(payload))
            self.memory.answer(me, call.call_id, answer, NOW_MS)
        known = self.memory.get(me, call.call_id)
        assert known is not None
        return self.sealed(device, call.call_id, known.answer)

    def _effect(self, call: v1.Call) -> bytes:
        text = v1.PromptRequest.parse(call.request).text
        if text.startswith("refuse"):
            return bytes(v1.CallResult(error=refusal(9, "SESSION_BUSY", "The session is being summed up.")))
        self.done.append(text)
        return bytes(v1.CallResult(response=b""))

    def sealed(self, device: Device, call_id: bytes, result: bytes) -> AppReply:
        """`result` as the workstation's answer to a call."""
        expires_ms = next(c.expires_ms for c in device.store.calls() if c.call_id == call_id)
        sealed = self.bench.channel(device.identity.device_id).seal_reply(call_id, expires_ms, result)
        return AppReply(workstation_id=self.bench.id, reply=SealedReply(call_id=call_id, sealed=sealed))
