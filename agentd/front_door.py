"""The front door of the Unix socket: asks the kernel who connects, then passes the bytes on to gRPC's own socket.

gRPC does not tell a servicer which process is calling. Here each connection reaches it from an address that nobody can
guess, and that `Visitors` remembers for as long as the connection lives.
"""

import asyncio
import logging
import os
import secrets
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agentd import peer
from agentd.config import PRIVATE_FILE

_CHUNK = 64 * 1024
_HAS_ABSTRACT_SOCKETS = sys.platform.startswith("linux")

_log = logging.getLogger(__name__)


class Visitors:
    """Which of the connections were made by a person's own command."""

    def __init__(self) -> None:
        self._people: set[str] = set()

    @contextmanager
    def visiting(self, address: str, visitor: peer.Peer) -> Iterator[None]:
        """The visitor is behind this address meanwhile."""
        if peer.is_person(visitor, os.getpid()):
            self._people.add(address)
        try:
            yield
        finally:
            self._people.discard(address)

    def is_person(self, address: str) -> bool:
        """Whether a person's command is behind this address, as gRPC tells it."""
        return address in self._people


class FrontDoor:
    """Listens, identifies, passes on."""

    def __init__(self, inner: Path, visitors: Visitors) -> None:
        self._inner = inner
        self._visitors = visitors

    async def open(self, path: Path) -> asyncio.Server:
        """The listening server; a socket that a killed daemon left at `path` is replaced."""
        # Bound by hand, so that it is private from its first moment on.
        listening = socket.socket(socket.AF_UNIX)
        _bind_private(listening, path)
        return await asyncio.start_unix_server(self._admit, sock=listening)

    async def _admit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visitor = peer.identify(writer.get_extra_info("socket"))
        try:
            if peer.may_connect(visitor):
                await self._pass_on(visitor, reader, writer)
            else:
                _log.warning("Refused a connection of user %d to the socket.", visitor.uid)
        except ConnectionError as error:
            _log.debug("A connection to the socket broke: %s", error)
        finally:
            writer.close()

    async def _pass_on(self, visitor: peer.Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address, own = _named_socket(self._inner)
        await asyncio.get_running_loop().sock_connect(own, str(self._inner))
        inner_reader, inner_writer = await asyncio.open_unix_connection(sock=own)
        try:
            with self._visitors.visiting(address, visitor):
                async with asyncio.TaskGroup() as group:
                    group.create_task(_pump(reader, inner_writer))
                    group.create_task(_pump(inner_reader, writer))
        except* ConnectionError as errors:
            _log.debug("A connection to the socket broke: %s", errors.exceptions[0])
        finally:
            inner_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    # HTTP/2 knows no half-open connection: one side gone means both are.
    writer.close()


def _named_socket(inner: Path) -> tuple[str, socket.socket]:
    """A client socket with a fresh address of its own, and that address as gRPC tells it."""
    own = socket.socket(socket.AF_UNIX)
    own.setblocking(False)
    word = secrets.token_hex(16)
    if _HAS_ABSTRACT_SOCKETS:
        own.bind(f"\0halyard-{word}")
        return f"unix-abstract:halyard-{word}", own
    path = inner.with_suffix(f".{word[:8]}")
    own.bind(str(path))
    path.unlink()
    return f"unix:{path}", own


def _bind_private(listening: socket.socket, path: Path) -> None:
    path.unlink(missing_ok=True)
    # The folder is 0700 already; a umask would change that of all threads.
    listening.bind(str(path))
    path.chmod(PRIVATE_FILE)
