"""How this workstation reaches its relay and proves who it is, for the link and for pairing alike."""

import secrets
from collections.abc import Callable

import grpc
from google.rpc import status_pb2
from grpc import aio

from agentd.config import RelayAddress
from wire.identity import JTI_BYTES, Identity, make_token

MAX_FRAME_BYTES = 4 * 1024 * 1024
TOLERANCE_MS = 60_000
"""Clocks that differ by less agree."""
MAX_CORRECTION_MS = 36 * 3600 * 1000
"""How far a relay may move the expiry of calls: docs/decisions/0092-whose-clock-calls-expire-by.md."""

_CHANNEL_OPTIONS = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_receive_message_length", MAX_FRAME_BYTES),
    ("grpc.max_send_message_length", MAX_FRAME_BYTES),
    # gRPC would ping after every frame to guess at a window, at four times the bytes of an idle link's heartbeat.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 1024 * 1024),
    # Each dial is a fresh try: gRPC's own waiting between connections would come on top of ours.
    ("grpc.use_local_subchannel_pool", 1),
)


def channel(relay: RelayAddress) -> aio.Channel:
    """A channel to the relay; nothing is dialled before it is used."""
    if relay.is_encrypted:
        return aio.secure_channel(relay.grpc, grpc.ssl_channel_credentials(), options=_CHANNEL_OPTIONS)
    return aio.insecure_channel(relay.grpc, options=_CHANNEL_OPTIONS)


class RelayAccess:
    """How this workstation proves itself to its relay."""

    def __init__(
        self, relay: RelayAddress, identity: Identity, clock_ms: Callable[[], int], elapsed: Callable[[], float]
    ) -> None:
        """`elapsed`: seconds that pass also while the machine sleeps, and that nobody can set."""
        self.relay = relay
        self._identity = identity
        self._clock_ms = clock_ms
        self._elapsed = elapsed
        self._heard: tuple[int, float] | None = None
        """What the relay's clock said last, in Unix ms, and when that was by the clock that nobody can set."""

    def metadata(self) -> aio.Metadata:
        """A fresh token as call metadata: each is good once."""
        now = (self._clock_ms() + self._offset_ms()) // 1000
        token = make_token(self._identity, self.relay.origin, now, secrets.token_bytes(JTI_BYTES))
        return aio.Metadata(("authorization", f"Bearer {token}"))

    def now_ms(self) -> int:
        """The time by which calls expire: this machine's, or the relay's where this one is plainly wrong."""
        offset = self._offset_ms()
        if abs(offset) <= TOLERANCE_MS:
            return self._clock_ms()
        return self._clock_ms() + max(-MAX_CORRECTION_MS, min(offset, MAX_CORRECTION_MS))

    def correct_clock(self, server_time_ms: int) -> bool:
        """Follows the relay's clock, for tokens and the expiry of calls.

        False when that changes nothing: trying again is useless.
        """
        former = self._offset_ms()
        self._heard = server_time_ms, self._elapsed()
        return abs(self._offset_ms() - former) > 1_000

    def _offset_ms(self) -> int:
        """How far the relay's clock is ahead of this machine's right now, also when this one was set meanwhile."""
        if self._heard is None:
            return 0
        told_ms, at = self._heard
        return told_ms + round((self._elapsed() - at) * 1000) - self._clock_ms()


def rpc_status(error: aio.AioRpcError) -> status_pb2.Status:
    """The google.rpc.Status that came with the error, or one made from its code and details."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            return status_pb2.Status.FromString(value)
    return status_pb2.Status(code=error.code().value[0], message=error.details() or error.code().name)
