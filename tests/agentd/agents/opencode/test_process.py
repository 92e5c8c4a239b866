from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path

import psutil
import pytest

from agentd.agents.agent import AgentUnavailableError
from agentd.agents.opencode.launch import ACCESS_VARIABLE, MARK_VARIABLE
from agentd.agents.opencode.process import OpenCodeProcess, draw_mark, free_port, reap
from agentd.ended import has_ended


def program(folder: Path, script: str) -> Path:
    path = folder / "opencode"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def environment(mark: str) -> dict[str, str]:
    return {ACCESS_VARIABLE: "p", MARK_VARIABLE: mark, "PATH": "/usr/bin:/bin"}


async def start(folder: Path, script: str, mark: str = "") -> OpenCodeProcess:
    return await OpenCodeProcess.start(
        program(folder, script), folder, environment(mark or draw_mark()), folder / "log"
    )


def test_a_free_port_can_be_bound() -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", free_port()))


async def test_everything_that_was_started_ends_with_the_server_whatever_group_it_is_in(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "up")
    process = await start(tmp_path, "setsid sleep 1000 &\nsleep 1000 &\necho up > up\nwait")
    assert await asyncio.to_thread((tmp_path / "up").read_text) == "up\n"
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    await process.stop()
    _, alive = psutil.wait_procs(family, timeout=30)
    assert len(family) == 3
    assert alive == []
    assert process.memory_bytes() == 0
    assert not process.is_running


async def test_what_a_dead_server_left_behind_ends_with_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "up")
    process = await start(tmp_path, "setsid sleep 1000 &\necho $! > up\nexit 3")
    left_behind = int(await asyncio.to_thread((tmp_path / "up").read_text))
    assert await process.wait() == 3
    assert not psutil.pid_exists(left_behind)
    await process.stop()


async def test_what_killed_wardens_left_behind_is_found_by_its_mark(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "up")
    mark = draw_mark()
    process = await start(tmp_path, "setsid sleep 1000 &\necho $! > up\nwait", mark)
    left_behind = psutil.Process(int(await asyncio.to_thread((tmp_path / "up").read_text)))
    server = psutil.Process(process.pid)
    upper, lower = psutil.Process(process._process.pid), server.parent()
    assert lower is not None
    # Stopped first: it would end everything when it sees the other die.
    upper.suspend()
    lower.kill()
    upper.kill()
    await process.wait()
    # The kernel ends the server with its warden; what that had started is left.
    psutil.wait_procs([server], timeout=30)
    assert left_behind.is_running()
    assert await asyncio.to_thread(reap, mark) >= 1
    assert has_ended(left_behind)
    assert await asyncio.to_thread(reap, mark) == 0
    await process.stop()


async def test_what_hides_its_mark_ends_with_what_is_found_by_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "up")
    mark = draw_mark()
    process = await start(tmp_path, "env -i setsid sleep 1000 &\necho $! > up\nwait", mark)
    hidden = psutil.Process(int(await asyncio.to_thread((tmp_path / "up").read_text)))
    assert await asyncio.to_thread(reap, mark) >= 3
    assert psutil.wait_procs([hidden], timeout=30)[1] == []
    await process.stop()


async def test_the_servers_words_are_for_its_user_only(tmp_path: Path) -> None:
    (tmp_path / "log").touch(0o644)
    process = await start(tmp_path, "echo a word")
    await process.wait()
    assert (tmp_path / "log").read_text() == "a word\n"
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600
    await process.stop()


async def test_a_server_that_ends_at_once_is_told_with_its_code(tmp_path: Path) -> None:
    process = await start(tmp_path, "exit 7")
    with pytest.raises(AgentUnavailableError, match="exit code 7"):
        await process.wait_until_healthy(10)
    await process.stop()


async def test_a_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    process = await start(tmp_path, "exec sleep 1000")
    with pytest.raises(AgentUnavailableError, match="did not answer"):
        await process.wait_until_healthy(0.05)
    await process.stop()


# Listens, leaves whoever asks first without an answer, and serves from the second request on.
FORGETFUL = """
import socket, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
    forgotten, _ = server.accept()
    while True:
        asking, _ = server.accept()
        asking.recv(4096)
        body = b'{"healthy": true, "version": "1.0"}'
        asking.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: %d\\r\\n\\r\\n%s" % (len(body), body))
"""


async def test_a_server_that_forgets_what_it_was_asked_too_early_is_asked_again(tmp_path: Path) -> None:
    (tmp_path / "forgetful.py").write_text(FORGETFUL)
    process = await start(tmp_path, f"shift 4; exec {sys.executable} {tmp_path / 'forgetful.py'} $1")
    try:
        # Less than the patience with a server that serves.
        assert await process.wait_until_healthy(4) == "1.0"
    finally:
        await process.stop()


async def test_a_program_that_cannot_be_started_says_what_to_check(tmp_path: Path) -> None:
    with pytest.raises(AgentUnavailableError, match="Check"):
        await OpenCodeProcess.start(tmp_path / "nothing", tmp_path, environment("m"), tmp_path / "log")
