"""Asks the world for facts about the path: files, disk, addresses, certificates, relays, providers.

Nothing here judges (`verdicts.py`), retries or raises: what goes wrong is a fact. Every probe ends within
PROBE_SECONDS and costs nothing but a connection.
"""

import asyncio
import os
import shutil
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

import grpc
import httpx

from agentd import relay_card
from agentd.verdicts import LOOPBACK, CardFacts, PathFacts, Reached

PROBE_SECONDS = 5.0

_PORTS = {"http": 80, "https": 443}


def look_at(path: Path) -> PathFacts:
    """How a file or folder is on disk."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return PathFacts(path, None)
    return PathFacts(path, found.st_mode, owned=found.st_uid == os.getuid())


def free_bytes(folder: Path) -> int:
    """Room left on the disk that holds `folder`, or the nearest folder above it that exists."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(there).free


async def reach_address(origin: str) -> Reached:
    """Whether a connection to the host of `origin` opens; by way of the proxy that stands in between."""
    where, proxy = urlsplit(origin), _proxy_for(urlsplit(origin))
    target = urlsplit(proxy) if proxy else where
    return await _timed(lambda: _connect(target, None), through_proxy=target.netloc.rpartition("@")[2] if proxy else "")


async def reach_tls(origin: str, context: ssl.SSLContext | None = None) -> Reached | None:
    """Whether the certificate at `origin` is accepted, and when it ends; None without TLS or through a proxy."""
    where = urlsplit(origin)
    if where.scheme != "https" or _proxy_for(where):
        return None
    return await _timed(lambda: _connect(where, context or ssl.create_default_context()))


async def reach_grpc(target: str, *, encrypted: bool) -> Reached:
    """Whether the gRPC server at `target` answers."""
    if not target:
        return Reached("the relay does not announce one")
    where = urlsplit(f"{'https' if encrypted else 'http'}://{target}")
    dialled = (
        grpc.aio.secure_channel(target, grpc.ssl_channel_credentials())
        if encrypted
        else grpc.aio.insecure_channel(target)
    )

    async def ready() -> None:
        if not _proxy_for(where):
            # gRPC itself keeps trying and does not say why.
            await _connect(where, None)
        async with dialled as channel:
            await channel.channel_ready()

    return await _timed(ready)


async def reach_provider(address: str) -> Reached:
    """Whether the server at `address` answers at all; any answer will do, because none is asked for.

    Nothing is authorised and no model is named, so nothing can cost anything.
    """
    local = urlsplit(address).hostname in LOOPBACK

    async def answer() -> None:
        async with httpx.AsyncClient(timeout=PROBE_SECONDS, trust_env=not local) as http:
            await http.get(address)

    return await _timed(answer)


async def read_card(origin: str, now: Callable[[], datetime]) -> CardFacts:
    """What the relay at `origin` says of itself, and its time beside ours."""
    began = time.monotonic()
    try:
        async with httpx.AsyncClient(timeout=PROBE_SECONDS) as http:
            answer = (await http.get(f"{origin}{relay_card.CARD_PATH}")).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return CardFacts(origin, error=str(error) or type(error).__name__, seconds=time.monotonic() - began)
    facts = relay_card.read(origin, answer.content, answer.headers.get("date", ""), now())
    return replace(facts, seconds=time.monotonic() - began)


async def _connect(where: SplitResult, context: ssl.SSLContext | None) -> datetime | None:
    """Opens a connection and closes it again; when its certificate ends, where there is one."""
    port = where.port or _PORTS.get(where.scheme, 443)
    name = where.hostname if context else None
    _, writer = await asyncio.open_connection(where.hostname, port, ssl=context, server_hostname=name)
    try:
        shown = writer.get_extra_info("peercert") or {}
        end = shown.get("notAfter")
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(end), UTC) if end else None
    finally:
        writer.transport.abort()


async def _timed(probe: Callable[[], Awaitable[datetime | None]], *, through_proxy: str = "") -> Reached:
    began, end, error = time.monotonic(), None, ""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            end = await probe()
    except TimeoutError:
        error = f"no answer within {PROBE_SECONDS:.0f} seconds"
    except ssl.SSLCertVerificationError as refused:
        error = refused.verify_message
    except socket.gaierror:
        error = "its name is not known; DNS does not find it"
    except ConnectionRefusedError:
        error = "nothing listens at that port"
    except (OSError, httpx.HTTPError, httpx.InvalidURL) as problem:
        error = _words(problem)
    return Reached(error, time.monotonic() - began, end, through_proxy)


def _words(problem: Exception) -> str:
    if isinstance(problem, httpx.ConnectError):
        return "no connection" + (f" ({problem})" if str(problem) else "")
    return (problem.strerror if isinstance(problem, OSError) else str(problem)) or type(problem).__name__


def _proxy_for(where: SplitResult) -> str:
    """The proxy that stands between here and there, as httpx and gRPC see it; empty for none."""
    if where.hostname in LOOPBACK:
        return ""
    proxies = getproxies()
    bypassed = proxy_bypass(where.netloc.rpartition("@")[2])
    return "" if bypassed else proxies.get(where.scheme, "")
