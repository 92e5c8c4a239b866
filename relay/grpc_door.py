"""gRPC as the relay uses it: bytes in and out, so that frames are bounded before they are parsed; refusals as Status.

Options follow what was measured to work. `min_recv_ping_interval…`, a name found in much advice, is ignored by the
core; `min_ping_interval_without_data_ms` is the one that counts.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import unquote

import grpc
import grpc.aio

from relay.config import is_loopback
from relay.errors import status_of
from relay.limits import Limits
from relay.link import PeerGone
from relay.tokens import bearer
from wire.errors import HalyardError

Context = grpc.aio.ServicerContext[bytes, bytes]
Behaviour = Callable[[Context], Awaitable[None]]

_CODES: Mapping[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}
# Where gRPC carries google.rpc.Status: https://grpc.io/docs/guides/error/#richer-error-model
_STATUS_KEY = "grpc-status-details-bin"
_log = logging.getLogger(__name__)

_KEEPALIVE_MS = 30_000
_MIN_PING_INTERVAL_MS = 10_000


def server_options(limits: Limits) -> list[tuple[str, int]]:
    """Channel arguments of the server."""
    return [
        ("grpc.max_receive_message_length", limits.hard_frame_bytes),
        ("grpc.max_send_message_length", limits.hard_frame_bytes),
        ("grpc.max_metadata_size", 16 * 1024),
        ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.http2.min_ping_interval_without_data_ms", _MIN_PING_INTERVAL_MS),
        # Two relays must not share a port: a second one has to fail, not to take half of the connections.
        ("grpc.so_reuseport", 0),
        # A link is one request for hours: a table of headers to come is never used, and costs a kilobyte per link.
        ("grpc.http2.hpack_table_size.decoder", 0),
        ("grpc.http2.hpack_table_size.encoder", 0),
        ("grpc.enable_channelz", 0),
        # gRPC would ping after every frame to guess at a window, at four times the bytes of an idle link's heartbeat.
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", limits.max_frame_bytes),
    ]


class GrpcPeer:
    """A stream as `relay.link.Peer`."""

    __slots__ = ("_context", "address", "is_local")

    def __init__(self, context: Context, *, behind_proxy: bool) -> None:
        self._context = context
        forwarded = metadata(context).get("x-forwarded-for")
        direct = peer_address(context.peer())
        self.address = forwarded.rpartition(",")[2].strip() if behind_proxy and forwarded else direct
        self.is_local = forwarded is None and is_loopback(direct)

    async def receive(self) -> bytes | None:
        frame: object = await self._context.read()
        return frame if isinstance(frame, bytes) else None

    async def send(self, frame: bytes) -> None:
        try:
            await self._context.write(frame)
        except grpc.aio.BaseError:
            raise PeerGone from None

    def send_at_once(self, frame: bytes) -> bool:
        """Never: gRPC has no such way."""
        return False


def metadata(context: grpc.aio.ServicerContext[Any, Any]) -> dict[str, str]:
    """The text metadata of a call; of a repeated key the last value."""
    pairs = context.invocation_metadata() or ()
    return {key: value for key, value in pairs if isinstance(value, str)}


def authorization(context: grpc.aio.ServicerContext[Any, Any]) -> str | None:
    """The `authorization` value of a call."""
    return metadata(context).get("authorization")


def token(context: Context) -> str:
    """The bearer token of a call; TokenInvalid when there is none."""
    return bearer(authorization(context))


def peer_address(peer: str) -> str:
    """The IP address in gRPC's name of a peer (`ipv4:127.0.0.1:5000`, `ipv6:%5B::1%5D:5000`); else the name itself."""
    scheme, _, rest = unquote(peer).partition(":")
    if scheme not in ("ipv4", "ipv6"):
        return peer
    return rest.rpartition(":")[0].strip("[]")


def stream_handler(behaviour: Behaviour) -> "grpc.RpcMethodHandler[bytes, bytes]":
    """A bidirectional stream of raw frames. What `behaviour` refuses, the stream ends with."""

    async def handle(_requests: object, context: Context) -> None:
        try:
            await behaviour(context)
        except HalyardError as error:
            await _abort_stream(context, error)

    return grpc.stream_stream_rpc_method_handler(handle)


async def _abort_stream(context: Context, error: HalyardError) -> None:
    try:
        await abort(context, error)
    except grpc.aio.InternalError:
        # A write to a peer that does not read is still under way, so no status can be sent; the stream is reset.
        _log.info("A stuck stream was reset: %s", error)


async def abort(context: grpc.aio.ServicerContext[Any, Any], error: HalyardError) -> None:
    """Ends a call with the error's status, details included."""
    status = status_of(error)
    trailing = ((_STATUS_KEY, status.SerializeToString()),)
    await context.abort(_CODES[status.code], error.message, trailing_metadata=trailing)
