"""`agentd up`, the one command: what it starts, what it says, and that nothing of it is left in the end."""

import asyncio
import json
import os
import signal
import socket
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from websockets.exceptions import InvalidHandshake

from halyard.agent.v1 import session_pb2 as session
from tests.fakes.app_link import AppLink
from tests.fakes.opencode import find_opencode, person, repository
from tests.flows.stack import (
    AGENTD,
    IN_A_TERMINAL,
    START_SECONDS,
    STOP_SECONDS,
    all_gone,
    family_of,
    left_running,
    surroundings,
)
from tests.flows.steps import ONCE, decide, ended, permission, said, start

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who has OpenCode and no provider."""
    return surroundings(person(tmp_path / "home", {}), tmp_path / "state")


async def up(machine: dict[str, str], *arguments: str, terminal: bool = False, folder: Path | None = None) -> Process:
    return await asyncio.create_subprocess_exec(
        *(IN_A_TERMINAL if terminal else ()),
        *(*AGENTD, "up", "--opencode", str(find_opencode()), *arguments),
        cwd=folder,
        env=machine,
        stdin=PIPE if terminal else DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )


@asynccontextmanager
async def running(machine: dict[str, str], *arguments: str) -> AsyncIterator[tuple[Process, dict[str, str]]]:
    """`agentd up --json` and what it told; killed with all its children if the test fails half-way."""
    process = await up(machine, "--json", "--no-browser", *arguments)
    try:
        yield process, await told(process)
    finally:
        await end(process)


async def told(process: Process) -> dict[str, str]:
    assert process.stdout is not None
    async with asyncio.timeout(START_SECONDS):
        line = await process.stdout.readline()
    if not line:
        _, err = await process.communicate()
        pytest.fail(f"agentd up ended with {process.returncode}: {err.decode()}")
    ready: dict[str, str] = json.loads(line)
    return ready


async def end(process: Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGINT)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise


async def test_from_nothing_to_an_edited_file_and_back_to_nothing(machine: dict[str, str], tmp_path: Path) -> None:
    async with running(machine, "--demo", "--port", "0") as (process, ready):
        assert set(ready) == {"app_url", "pair_url", "relay_http", "relay_grpc", "socket", "model"}
        assert ready["model"] == "demo/scripted"
        assert is_socket(ready["socket"])
        app = await AppLink.pair(ready["relay_http"], ready["pair_url"], display_name="Phone")
        async with app.attached():
            await app.until(lambda: "workstation" in app.resources)
            workstation = app.resources["workstation"].workstation
            assert workstation.demo_model
            greeter = Path(workstation.default_project) / "greeter.py"
            assert "nmae" in read(greeter)
            name, message = await start(app, "Please fix the greeter.")
            asked = await permission(app, name)
            assert asked.kind == session.TOOL_KIND_EDIT
            await decide(app, asked, ONCE)
            await decide(app, await permission(app, name), ONCE)
            await ended(app, name, message)
            assert "nmae" not in read(greeter)
            assert "Done." in said(app, name, message)

        second = await up(machine, "--json", "--demo")
        _, err = await second.communicate()
        assert second.returncode == 4
        refusal = json.loads(err)["error"]["message"]
        assert str(process.pid) in refusal
        assert ready["app_url"] in refusal

        logout = await asyncio.create_subprocess_exec(
            *(*IN_A_TERMINAL, *AGENTD, "logout", "--yes"), env=machine, stdin=DEVNULL, stdout=PIPE
        )
        out, _ = await logout.communicate()
        assert logout.returncode == 0, out
        async with asyncio.timeout(STOP_SECONDS):
            assert await process.wait() == 0
    assert left_running(str(tmp_path)) == []
    state = Path(machine["HALYARD_STATE_DIR"]) / "default"
    assert names_in(state) == ["sample"], "what somebody worked on is kept; who this machine was is forgotten"


async def test_killed_and_started_again_it_is_where_it_was(machine: dict[str, str], tmp_path: Path) -> None:
    async with running(machine, "--demo", "--port", str(free_port())) as (process, ready):
        app = await AppLink.pair(ready["relay_http"], ready["pair_url"], display_name="Phone")
        family = family_of(process.pid)
        started = " ".join(word for one in family for word in one.cmdline())
        assert "relay.main" in started
        assert "opencode" in started
        process.kill()
        await process.wait()
    # Nobody starts it again, and still nothing of it is left: no relay, no OpenCode, no model.
    await all_gone(family)
    assert left_running(str(tmp_path)) == []
    async with running(machine, "--demo") as (process, again):
        assert again["app_url"] == ready["app_url"]
        async with app.attached():
            await app.until(lambda: app.online)
            name, message = await start(app, "hello")
            await ended(app, name, message)
            (relay,) = [c for c in psutil.Process(process.pid).children() if "relay.main" in c.cmdline()]
            relay.kill()
            await app.until(lambda: app.closed)
        await reattached(app)
    assert left_running(str(tmp_path)) == []


async def reattached(app: AppLink) -> None:
    """The relay comes back at the same address, and the workstation with it."""
    async with asyncio.timeout(START_SECONDS):
        while True:
            try:
                async with app.attached():
                    await app.until(lambda: app.online)
                    return
            except (OSError, InvalidHandshake):
                # Nobody listens yet, and nobody tells when; a real app waits longer between its tries.
                await asyncio.sleep(0.1)


async def test_in_a_terminal_it_shows_the_way_in_opens_a_browser_and_ends_with_ctrl_c(
    machine: dict[str, str], tmp_path: Path
) -> None:
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    # As a browser that returns only when it is closed: it must not hold up what it was opened for.
    closed = tmp_path / "closed"
    os.mkfifo(closed)
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}.new && mv {opened}.new {opened}\ncat {closed}\n')
    browser.chmod(0o700)
    project = repository(tmp_path / "project")
    machine |= {"BROWSER": f"{browser} %s", "TERM": "xterm"}
    # OpenCode offers everybody the models of its makers: nobody chose those.
    del machine["OPENCODE_MODELS_PATH"]
    process = await up(machine, "--port", "0", terminal=True, folder=project)
    assert process.stdin is not None
    shown = await read_until(process, "one use, five minutes")
    assert "Halyard is up" in shown
    assert str(project) in shown, "without -w it works on the current folder"
    assert "scripted demo model" in shown, "nobody configured a provider, and it says so"
    assert "█" in shown
    link = next(word for word in shown.split() if "/pair#" in word)
    await read_until(process, "is ready")
    assert opened.read_text() == link
    origin = link.partition("/pair#")[0]
    await AppLink.pair(origin, link, display_name="Browser")
    await read_until(process, "Paired: Browser (operator)")
    closed.write_text("")
    process.stdin.write(b"\x03")
    assert "Stopped." in await read_until(process, "Stopped.")
    async with asyncio.timeout(STOP_SECONDS):
        await process.communicate()
    assert process.returncode == 0
    assert left_running(str(tmp_path)) == []


async def read_until(process: Process, words: str) -> str:
    assert process.stdout is not None
    shown = ""
    async with asyncio.timeout(START_SECONDS):
        while words not in shown:
            data = await process.stdout.read(4096)
            assert data, shown
            shown += data.decode(errors="replace")
    return shown


async def test_without_opencode_it_says_what_to_install(machine: dict[str, str], tmp_path: Path) -> None:
    process = await up(machine, "--json", "--opencode", str(tmp_path / "absent"))
    _, err = await process.communicate()
    assert process.returncode == 5
    assert "Give --opencode the OpenCode binary itself" in json.loads(err)["error"]["message"]


async def test_a_port_that_is_taken_is_said(machine: dict[str, str], tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        process = await up(machine, "--json", "--demo", "--port", str(port))
        _, err = await process.communicate()
    assert process.returncode == 5
    assert f"Port {port} is taken" in json.loads(err)["error"]["message"]
    assert left_running(str(tmp_path)) == []


def read(path: Path) -> str:
    return path.read_text()


def names_in(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


def is_socket(path: str) -> bool:
    return Path(path).is_socket()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
