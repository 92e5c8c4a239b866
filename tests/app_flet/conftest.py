"""What tests of the app share: a harbour, a device on a scratch store, a workstation with something to tell."""

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from app_flet.device import Device
from app_flet.pairing import Guise, pair
from app_flet.store import Store
from tests.app_flet.harbour import Harbour, open_harbour
from tests.app_flet.scenes import Scene
from tests.app_flet.workstation import Workstation
from wire.pairing import parse_code


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
async def harbour() -> AsyncIterator[Harbour]:
    async with open_harbour() as opened:
        yield opened


@pytest.fixture
def bench(harbour: Harbour) -> Workstation:
    """A workstation in the harbour, with a log full of work."""
    workstation = harbour.add(Workstation())
    for value in Scene(device_id=workstation.id).everything():
        workstation.write(value)
    return workstation


@pytest.fixture
def make_device(tmp_path: Path, harbour: Harbour) -> Callable[[str], Device]:
    def make(name: str = "device") -> Device:
        return Device(Store(tmp_path / f"{name}.sqlite"), now_ms, relay=harbour.origin)

    return make


@pytest.fixture
def device(make_device: Callable[[str], Device]) -> Device:
    return make_device("device")


@pytest.fixture
async def paired(device: Device, harbour: Harbour, bench: Workstation) -> Device:
    """A device that is paired with the workstation; links are up where a test keeps them up."""
    code, _ = harbour.invite(bench)
    guise = Guise("Test phone", "android")
    device.paired(await pair(harbour.origin, parse_code(code), device.identity, guise, device.now_ms))
    return device
