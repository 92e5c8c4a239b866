"""A TCP proxy that counts what one link costs a battery: bytes, segments and wake-ups. Linux only (TCP_INFO)."""

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

RADIO_SECONDS = 1.0
"""Traffic that follows other traffic within this wakes nobody: the radio is up."""
_HEADER_BYTES = 52
"""IPv4 and TCP with timestamps, for each segment."""
_TCP_INFO_BYTES = 144
# struct tcp_info of linux/tcp.h: tcpi_segs_out and tcpi_segs_in, 32 bits each.
_SEGMENTS_AT = 136


@dataclass(frozen=True)
class Cost:
    """What a link cost since its beginning, both directions together."""

    payload_bytes: int
    """What TCP carried; on a real network TLS adds about 22 bytes to each message."""
    segments: int
    wake_ups: int

    def since(self, before: "Cost") -> "Cost":
        """Only what came after `before`."""
        return Cost(
            self.payload_bytes - before.payload_bytes,
            self.segments - before.segments,
            self.wake_ups - before.wake_ups,
        )

    def row(self, link: str, seconds: float) -> dict[str, object]:
        """Scaled to an hour and a minute."""
        wire_bytes = self.payload_bytes + _HEADER_BYTES * self.segments
        return {
            "link": link,
            "wake_ups_per_minute": round(60 * self.wake_ups / seconds, 2),
            "payload_kb_per_hour": round(3.6 * self.payload_bytes / seconds, 1),
            "with_headers_kb_per_hour": round(3.6 * wire_bytes / seconds, 1),
        }


class CountingProxy:
    """Forwards to `target` (HOST:PORT) and counts. One connection at a time."""

    def __init__(self) -> None:
        self.target = ""
        self._payload_bytes = 0
        self._wake_ups = 0
        self._last = 0.0
        self._device: socket.socket | None = None
        self.address = ""

    def cost(self) -> Cost:
        """So far."""
        assert self._device is not None, "nothing has connected"
        info = self._device.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
        out, into = struct.unpack_from("=II", info, _SEGMENTS_AT)
        return Cost(self._payload_bytes, out + into, self._wake_ups)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["CountingProxy"]:
        """Listens on a free port of the loopback until the block ends."""
        async with asyncio.TaskGroup() as links:

            def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                links.create_task(self._carry(reader, writer))

            server = await asyncio.start_server(accept, "127.0.0.1", 0)
            self.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
            try:
                yield self
            finally:
                server.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._device = writer.get_extra_info("socket")
        host, _, port = self.target.rpartition(":")
        there_reader, there_writer = await asyncio.open_connection(host, int(port))
        async with asyncio.TaskGroup() as both:
            both.create_task(self._pump(reader, there_writer))
            both.create_task(self._pump(there_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                now = time.monotonic()
                self._wake_ups += now - self._last > RADIO_SECONDS
                self._last = now
                self._payload_bytes += len(data)
                writer.write(data)
                await writer.drain()
        writer.close()
