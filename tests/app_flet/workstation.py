"""A workstation as an app meets it.

Everything that leaves is sealed by `wire` exactly as agentd would; only the storing and the agents are make-believe.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from halyard_client.google.protobuf import Any as ProtoAny
from halyard_client.google.rpc import ErrorInfo, Status
from halyard_client.halyard.agent import v1
from halyard_client.halyard.link import v1 as link
from wire import names
from wire.identity import Identity, PublicKeys
from wire.log import Head, Log, new_epoch
from wire.sealing import Channel, EpochKey, KeyRing, Origin, seal_head, seal_record, seal_volatile

Answer = Callable[[str, bytes], "bytes | Status"]
"""(method, request) → response or why not."""


def now() -> datetime:
    return datetime.now(UTC)


def refusal(code: int, reason: str, message: str) -> Status:
    """A status as the contract makes them."""
    info = ErrorInfo(reason=reason, domain="halyard")
    return Status(
        code=code,
        message=message,
        details=[ProtoAny(type_url="type.googleapis.com/google.rpc.ErrorInfo", value=bytes(info))],
    )


def resource(name: str, **value: object) -> v1.Resource:
    return v1.Resource(name=name, update_time=now(), **value)  # type: ignore[arg-type]


@dataclass(eq=False)
class Workstation:
    """What one workstation writes and answers."""

    name: str = "bench"
    identity: Identity = field(default_factory=lambda: Identity.from_bytes(secrets.token_bytes(64)))
    log: Log[bytes] = field(
        default_factory=lambda: Log(new_epoch(round(now().timestamp() * 1000), secrets.token_bytes(10)))
    )
    ring: KeyRing = field(
        default_factory=lambda: KeyRing(secrets.token_bytes(32), (EpochKey(1, secrets.token_bytes(32)),))
    )
    members: dict[str, PublicKeys] = field(default_factory=dict)
    answer: Answer = lambda method, request: Status(code=12, message="This workstation answers nothing.")  # noqa: ARG005
    calls: list[tuple[str, bytes]] = field(default_factory=list)
    called: asyncio.Event = field(default_factory=asyncio.Event)
    online: bool = True

    @property
    def id(self) -> str:
        return self.identity.device_id

    @property
    def origin(self) -> Origin:
        return Origin(self.id, self.log.epoch)

    def write(self, value: v1.Resource) -> link.Record:
        """Seals a value at its place in the log."""
        key = names.opaque_key(self.ring.name_key, value.name)
        seq = self.log.head.seq + 1
        sealed = seal_record(self.ring.newest, self.origin, seq, key, bytes(value))
        self.log.put(key, sealed)
        return link.Record(seq=seq, key=key, key_epoch=self.ring.newest.number, sealed=sealed)

    def records_after(self, seq: int) -> list[link.Record]:
        return [
            link.Record(seq=record.seq, key=record.key, key_epoch=self.ring.newest.number, sealed=record.value)
            for record in self.log.after(seq)
        ]

    def head(self) -> link.Head:
        head = Head(self.log.head.seq, round(now().timestamp() * 1000))
        return link.Head(key_epoch=self.ring.newest.number, sealed=seal_head(self.ring.newest, self.origin, head))

    def hints(self, session: str, deltas: Iterable[v1.Delta]) -> link.Volatile:
        focus = names.opaque_key(self.ring.name_key, session)
        sealed = seal_volatile(self.ring.newest, self.origin, focus, bytes(v1.DeltaBatch(deltas=list(deltas))))
        return link.Volatile(focus=focus, key_epoch=self.ring.newest.number, sealed=sealed)

    def channel(self, device: str) -> Channel:
        return Channel(self.identity, self.members[device])

    def grant(self, device: str) -> link.Record:
        sealed = self.channel(device).seal_grant(self.log.epoch, self.ring)
        return link.Record(seq=1, key=names.grant(device).encode(), key_epoch=1, sealed=sealed)

    def reply(self, device: str, call: link.SealedCall) -> link.SealedReply:
        """Opens a call, answers it, seals the answer."""
        expires_ms = round(call.expire_time.timestamp() * 1000) if call.expire_time else 0
        channel = self.channel(device)
        asked = v1.Call.parse(channel.open_call(call.call_id, expires_ms, call.sealed))
        self.calls.append((asked.method, asked.request))
        self.called.set()
        outcome = self.answer(asked.method, asked.request)
        result = v1.CallResult(error=outcome) if isinstance(outcome, Status) else v1.CallResult(response=outcome)
        return link.SealedReply(
            call_id=call.call_id, sealed=channel.seal_reply(call.call_id, expires_ms, bytes(result))
        )
