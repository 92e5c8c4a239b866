"""Nothing that a server started outlives it, its warden's owner, or the owner's being killed: by the process table."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import psutil
import pytest

from agentd.agents import warden

# One with a session of its own, one that was orphaned on purpose, one that cleared its environment besides.
FAMILY = """
setsid sleep 1000 &
(setsid sleep 1000 &)
(env -i setsid sleep 1000 &)
"""
WAIT_SECONDS = 60.0


async def start(folder: Path, script: str, grace: float = 0.2) -> asyncio.subprocess.Process:
    program = folder / "server"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", warden.__file__, str(grace), str(program)),
        cwd=folder,
        stdin=PIPE,
        stdout=PIPE,
    )


async def first_line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(WAIT_SECONDS):
        return (await process.stdout.readline()).decode().strip()


async def family_of(process: asyncio.subprocess.Process, folder: Path) -> list[psutil.Process]:
    """All that descend from the warden, once the server says that they run."""
    await asyncio.to_thread((folder / "up").read_text)
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            found = psutil.Process(process.pid).children(recursive=True)
            if sum("sleep" in command_line(child) for child in found) >= 3:
                return found
            # Shells are about to become them, and the process table wakes nobody.
            await asyncio.sleep(0.02)


def command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def left(family: list[psutil.Process]) -> list[psutil.Process]:
    return psutil.wait_procs(family, timeout=WAIT_SECONDS)[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "up")
    return tmp_path


async def test_when_its_owner_lets_go_everything_ends(folder: Path) -> None:
    process = await start(folder, f"trap 'exit 5' INT{FAMILY}echo up > up\nsleep 1000 & wait")
    family = await family_of(process, folder)
    assert process.stdin is not None
    process.stdin.close()
    assert await process.wait() == 5
    assert left(family) == []


async def test_when_its_owner_is_killed_everything_ends(folder: Path) -> None:
    process = await start(folder, f"{FAMILY}echo up > up\nsleep 1000")
    # An owner that holds the pipe and nothing else; what is killed is a process, as agentd would be.
    owner = (
        "import subprocess, sys\n"
        "child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "print(child.pid, flush=True)\nchild.wait()"
    )
    assert process.stdin is not None
    process.stdin.close()
    await process.wait()
    owned = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", owner, sys.executable, "-I", "-S", warden.__file__, "0.2", str(folder / "server")),
        cwd=folder,
        stdout=PIPE,
    )
    guard = psutil.Process(int(await first_line(owned)))
    await asyncio.to_thread((folder / "up").read_text)
    family = [guard, *guard.children(recursive=True)]
    assert len(family) >= 5
    owned.kill()
    await owned.wait()
    assert left(family) == []


async def test_when_the_server_is_killed_what_it_started_ends(folder: Path) -> None:
    process = await start(folder, f"{FAMILY}echo up > up\nsleep 1000")
    family = await family_of(process, folder)
    server = int((await first_line(process)).removeprefix("pid "))
    os.kill(server, signal.SIGKILL)
    assert await process.wait() == 128 + signal.SIGKILL
    assert left(family) == []


@pytest.mark.parametrize("which", [0, 1])
async def test_when_a_warden_is_killed_everything_ends(folder: Path, which: int) -> None:
    process = await start(folder, f"{FAMILY}echo up > up\nsleep 1000")
    family = [psutil.Process(process.pid), *await family_of(process, folder)]
    wardens = [one for one in family if warden.__file__ in command_line(one)]
    wardens[min(which, len(wardens) - 1)].kill()
    assert await process.wait() in (-signal.SIGKILL, 128 + signal.SIGKILL)
    assert left(family) == []


async def test_a_server_that_is_stopped_or_deaf_is_killed(folder: Path) -> None:
    process = await start(folder, "trap '' INT\necho up > up\nsleep 1000")
    await asyncio.to_thread((folder / "up").read_text)
    server = psutil.Process(int((await first_line(process)).removeprefix("pid ")))
    server.suspend()
    process.terminate()
    assert await process.wait() == 128 + signal.SIGKILL
    assert left([server]) == []


async def test_what_ends_while_the_server_runs_is_buried(folder: Path) -> None:
    process = await start(folder, "(sh -c 'echo $$ > up' &)\nsleep 1000")
    orphan = int(await asyncio.to_thread((folder / "up").read_text))
    assert left([psutil.Process(orphan)] if psutil.pid_exists(orphan) else []) == []
    process.terminate()
    await process.wait()


async def test_it_exits_as_the_server_did(tmp_path: Path) -> None:
    process = await start(tmp_path, "exit 7")
    assert (await first_line(process)).startswith("pid ")
    assert await process.wait() == 7


async def test_a_program_that_cannot_be_executed_is_told(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", warden.__file__, "1", str(tmp_path / "nothing")), stdin=PIPE, stdout=PIPE
    )
    assert (await first_line(process)).startswith("error No such file")
    assert await process.wait() == 1
