"""A real agentd that streams (`bench.source`), and apps that it lets in: what the benches of the path are made of."""

import asyncio
import secrets
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from tempfile import TemporaryDirectory

import psutil

from bench.relay_process import RelayProcess
from bench.spoken_to import SpokenTo, spoken_to
from halyard.agent.v1 import resource_pb2 as agent
from halyard.pairing.v1 import pairing_service_pb2 as pairing
from tests.fakes.app_link import AppLink, LinkRefused
from wire.identity import Identity


class StreamingAgentd:
    """The process, spoken to over its pipes."""

    def __init__(self, process: SpokenTo) -> None:
        self._process = process
        self.sessions: list[str] = process.first["ready"]
        self.process = psutil.Process(process.pid)

    def app(self, relay: RelayProcess) -> AppLink:
        """A new app that this workstation lets in."""
        identity = Identity.from_bytes(secrets.token_bytes(64))
        told = self._process.ask("admit", identity.public.sign.hex(), identity.public.agree.hex())
        sign_key, agree_key = bytes.fromhex(told["sign_key"]), bytes.fromhex(told["agree_key"])
        host = pairing.HostIntroduction(sign_key=sign_key, agree_key=agree_key, relay_origin=relay.origin)
        return AppLink(relay.http, identity, host)

    async def stream(self, rate: float, seconds: float) -> None:
        """Every session says `rate` hints a second in a new part; returns when all parts are closed."""
        await asyncio.to_thread(self._process.ask, "stream", rate, seconds)


@contextmanager
def streaming_agentd(relay: RelayProcess, sessions: int, grpc: str = "") -> Iterator[StreamingAgentd]:
    """Linked to the relay, at the address `grpc` if it is given, until the block ends."""
    with (
        TemporaryDirectory(prefix="halyard-bench-") as folder,
        spoken_to("bench.source", folder, relay.origin, grpc or relay.grpc, sessions) as process,
    ):
        yield StreamingAgentd(process)


async def attach(apps: AsyncExitStack, app: AppLink) -> None:
    """The relay hears of a new member a moment after the workstation let it in."""
    async with asyncio.timeout(30):
        while True:
            try:
                await apps.enter_async_context(app.attached())
            except LinkRefused:
                await asyncio.sleep(0.05)
            else:
                return


class Hints(list[agent.Delta]):
    """Takes the place of an app's list of hints, and hands each text on as it arrives."""

    def __init__(self, arrived: Callable[[str], None]) -> None:
        super().__init__()
        self._arrived = arrived

    def append(self, delta: agent.Delta) -> None:
        """A hint is in the reader's hands."""
        self._arrived(delta.text)
