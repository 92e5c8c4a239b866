"""An end that nobody brought about is told from one that somebody did, and a full disk counts when a relay met it."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.chaos.disk import Disk
from tests.chaos.parts import Part
from tests.chaos.plan import Break, Fault
from tests.chaos.rig import Rig
from tests.chaos.wounds import Wounds

FULL = "The relay cannot start: its disk is full. Make room, then start again."
ENDS = "print('{}')"
WAITS = "print('{}', flush=True); import signal; signal.pause()"
REFUSES = f"import sys; sys.exit('{FULL}')"


def program(folder: Path, code: str) -> Part:
    return Part("relay", (sys.executable, "-c", code), {}, folder / "relay.log")


async def lived(part: Part, *excuses: str, until: signal.Signals | None = None) -> list[str]:
    """What is said of its end."""
    await part.start(*excuses)
    if until is not None:
        part.signal(until)
    await part.listen()
    return part.crashes


async def test_an_end_that_nobody_brought_about_is_a_crash_whatever_its_code(tmp_path: Path) -> None:
    assert len(await lived(program(tmp_path, ENDS))) == 1
    assert len(await lived(program(tmp_path, "import sys; sys.exit(3)"))) == 1


async def test_an_end_that_was_brought_about_is_none(tmp_path: Path) -> None:
    assert await lived(program(tmp_path, WAITS), until=signal.SIGKILL) == []
    assert await lived(program(tmp_path, WAITS), until=signal.SIGTERM) == []


async def test_what_is_done_may_end_and_what_failed_may_not(tmp_path: Path) -> None:
    done, failed = program(tmp_path, ENDS), program(tmp_path, "import sys; sys.exit(3)")
    done.may_end = failed.may_end = True
    assert await lived(done) == []
    assert len(await lived(failed)) == 1


@asynccontextmanager
async def stage(folder: Path, kind: str, code: str) -> AsyncIterator[Rig]:
    """A stage of which only the relay and its disk are used; what it starts is gone in the end."""
    relay = program(folder, code)
    async with asyncio.TaskGroup() as group:
        rig = Rig(folder, folder, Disk(folder, kind), relay, relay, relay, [], {}, "", group)
        try:
            yield rig
        finally:
            await relay.kill()


async def ended(rig: Rig) -> list[str]:
    """What is said of the end of a relay that is started now."""
    await rig.start(rig.relay)
    assert rig.relay.process is not None
    await rig.relay.process.wait()
    return rig.relay.crashes


async def test_a_full_disk_excuses_only_the_relay_that_met_it(tmp_path: Path) -> None:
    async with stage(tmp_path, "tmpfs", REFUSES) as rig:
        # As it is when the disk is full, without filling this machine's.
        (tmp_path / "filler").touch()
        await ended(rig)
        rig.disk.free()
        await ended(rig)
    assert len(rig.relay.crashes) == 1


async def test_last_words_of_a_former_life_excuse_nobody(tmp_path: Path) -> None:
    (tmp_path / "relay.log").write_text(f"{FULL}\n")
    assert len(await lived(program(tmp_path, ENDS), FULL)) == 1
    assert await lived(program(tmp_path, REFUSES), FULL) == []


@pytest.mark.parametrize(
    ("kind", "is_running", "count"),
    [("file size limit", True, 1), ("file size limit", False, 0), ("none", True, 0), ("none", False, 0)],
)
async def test_a_full_disk_counts_when_a_relay_met_it(tmp_path: Path, kind: str, is_running: bool, count: int) -> None:
    async with stage(tmp_path, kind, WAITS) as rig:
        if is_running:
            await rig.start(rig.relay)
        wounds = Wounds(rig)
        await wounds.inflict(Break(0.0, Fault.FILL_DISK, "relay", 0.0))
        assert wounds.faults.total() == count
