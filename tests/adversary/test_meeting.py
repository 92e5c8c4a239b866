"""Pairing past a relay that listens, meddles, guesses and replays."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agentd.config import Config
from agentd.daemon import Daemon, running
from agentd.errors import Refused
from app_flet.pairing import Guise, PairingBroken, pair
from halyard.agent.v1 import workstation_pb2
from halyard.agent.v1 import workstation_service_pb2 as ws
from tests.adversary.malicious_relay import PATIENCE_SECONDS, MaliciousRelay, malicious_relay
from tests.fakes.scripted_agent import ScriptedAgent
from wire.errors import PairingFailed
from wire.identity import Identity
from wire.pairing import Code, Guest, Link, parse_code, parse_link

OPERATOR = workstation_pb2.DEVICE_ROLE_OPERATOR
GUISE = Guise("Phone", "test")


@pytest.fixture
async def relay() -> AsyncIterator[MaliciousRelay]:
    async with malicious_relay() as listening:
        yield listening


@pytest.fixture
async def desk(tmp_path: Path, relay: MaliciousRelay) -> AsyncIterator[Daemon]:
    agent = ScriptedAgent()
    async with running(Config(state_dir=tmp_path / "state", relay=relay.address), lambda _: [agent]) as daemon:
        await agent.started()
        yield daemon


def new_identity() -> Identity:
    return Identity.from_bytes(secrets.token_bytes(64))


class Told:
    """What a person at the workstation is told, as it comes: a guest is met only while somebody looks."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[str] = asyncio.Queue()
        self.codes: list[ws.PairingCode] = []

    async def listen(self, events: AsyncIterator[ws.PairResponse]) -> None:
        try:
            async for event in events:
                if event.HasField("code"):
                    self.codes.append(event.code)
                self._events.put_nowait(str(event.WhichOneof("event")))
        except Refused as refused:
            self._events.put_nowait(refused.reason)

    async def until(self, kind: str) -> list[str]:
        """The kinds of what is told, up to this one."""
        kinds: list[str] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while kind not in kinds:
                kinds.append(await self._events.get())
        return kinds


@contextlib.asynccontextmanager
async def pairing(desk: Daemon) -> AsyncIterator[Told]:
    """`agentd pair` runs meanwhile and has shown its first code."""
    told, events = Told(), desk.pairing.pair(OPERATOR)
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(told.listen(events))
        await told.until("code")
        yield told
        listening.cancel()
    await events.aclose()


async def join(relay: MaliciousRelay, code: Code | Link) -> bool:
    """Whether an app got in with this code."""
    try:
        await pair(relay.origin, code, new_identity(), GUISE, lambda: 0)
    except PairingBroken:
        return False
    return True


@pytest.mark.parametrize("side", ["host", "guest"])
async def test_whoever_meddles_with_a_step_burns_the_code(desk: Daemon, relay: MaliciousRelay, side: str) -> None:
    """One bit of each step in turn, and each step replaced by the relay's own."""
    own = Guest("7", "000000", b"relay", 0)

    def meddle(body: bytes, to: str) -> bytes:
        if to != side:
            return body
        return own.first_step[: len(body)] if len(body) <= 34 else body[:-1] + bytes([body[-1] ^ 1])

    relay.bend_step = meddle
    async with pairing(desk) as told:
        assert not await join(relay, parse_code(told.codes[0].code))
        await told.until("burnt")
    assert desk.devices.list() == []


async def test_a_relay_that_guesses_has_one_guess_per_code_and_three_codes(desk: Daemon, relay: MaliciousRelay) -> None:
    """It counts nobody's attempts and lets itself into every slot, twice where it can."""
    async with pairing(desk) as told:
        for number in range(3):
            shown = parse_code(told.codes[number].code)
            wrong = f"{(int(shown.digits) + 1) % 1_000_000:06}"
            guess, second = (Guest("7", digits, b"relay", 0) for digits in (wrong, shown.digits))
            relay.say_to_host(guess.first_step)
            with pytest.raises(PairingFailed) as failed:
                guess.receive(await relay.host_said(), 0)
            assert failed.value.last_words is not None
            # Now it knows that the guess was wrong. The second comes on the same slot, and happens to be right.
            relay.say_to_host(second.first_step)
            await told.until("burnt")
            if number < 2:
                await told.until("code")
        assert await told.until("CODE_BURNT") == ["CODE_BURNT"]
    assert len(told.codes) == 3
    assert desk.devices.list() == []


async def test_who_listened_to_a_pairing_cannot_try_codes_offline(desk: Daemon, relay: MaliciousRelay) -> None:
    """With a whole pairing recorded, even the right code proves nothing: every candidate looks the same."""
    steps: list[tuple[str, bytes]] = []

    def record(body: bytes, to: str) -> bytes:
        steps.append((to, body))
        return body

    relay.bend_step = record
    async with pairing(desk) as told:
        code = parse_code(told.codes[0].code)
        assert await join(relay, code)
        await told.until("paired")
    answer = next(body for to, body in steps if to == "guest")
    for digits in [code.digits, *(f"{number:06}" for number in range(20))]:
        with pytest.raises(PairingFailed):
            Guest(code.nameplate, digits, b"relay", 0).receive(answer, 0)


async def test_a_link_that_was_used_is_used_up_and_its_steps_pair_nobody_else(
    desk: Daemon, relay: MaliciousRelay
) -> None:
    """Somebody photographed the QR code, and the relay replays what the guest said."""
    steps: list[bytes] = []

    def record(body: bytes, to: str) -> bytes:
        steps.extend([body] if to == "host" else [])
        return body

    relay.bend_step = record
    async with pairing(desk) as told:
        link = parse_link(told.codes[0].url)
        assert await join(relay, link)
        await told.until("paired")
    [device] = desk.devices.list()

    async with pairing(desk) as told:
        late = Guest(link.nameplate, link.secret, b"late", 0)
        relay.say_to_host(late.first_step)
        with pytest.raises(PairingFailed):
            late.receive(await relay.host_said(), 0)
        relay.say_to_host(b"\0")
        await told.until("burnt")
        await told.until("code")
        relay.say_to_host(steps[0])
        relay.say_to_host(steps[1])
        await told.until("burnt")
    assert desk.devices.list() == [device]
