"""A machine that moved to another network dials anew; one whose network was away for a moment only hurries."""

import asyncio

import pytest

from agentd import network
from agentd.config import RelayAddress
from agentd.network import MOVED, own_address, watch
from wire.network import ANYWHERE, LOOPBACK

HOME, TRAIN = "192.168.1.20", "10.44.0.7"


@pytest.mark.parametrize(
    ("grpc", "there"), [("relay.example.org:443", ANYWHERE), ("localhost:1", LOOPBACK), ("[fd00::2]:443", "fd00::2")]
)
async def test_each_look_has_its_consequence(grpc: str, there: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "LOOK_SECONDS", 0.0)
    told: list[str] = []
    seen = iter((HOME, HOME, "", "", HOME, TRAIN, TRAIN, "", HOME))
    over = asyncio.Event()

    def look(at: str) -> str:
        assert at == there
        address = next(seen, None)
        if address is None:
            over.set()
        return HOME if address is None else address

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        watching = group.create_task(
            watch(RelayAddress("https://relay", grpc), told.append, lambda: told.append("hurry"), look)
        )
        await over.wait()
        watching.cancel()
    assert told == ["hurry", MOVED, MOVED]


def test_this_machine_is_asked_without_a_word_to_anybody() -> None:
    assert own_address(LOOPBACK) == LOOPBACK
    assert own_address("255.255.255.255") == "", "there is no way there"
