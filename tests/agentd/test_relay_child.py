"""The supervised relay, with the real one."""

import asyncio
import json
import logging
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

from agentd import relay_child, storage
from agentd.config import RelayAddress
from agentd.ended import has_ended
from agentd.errors import RelayDamagedError, RelayFailedError
from agentd.relay_child import RelayChild, RelayCommand, RelayReady, running
from tests.fakes.unasked import unasked


@pytest.fixture
def command(tmp_path: Path) -> RelayCommand:
    data = tmp_path / "relay"
    data.mkdir()
    return RelayCommand(data, tmp_path / "relay.log", dict(os.environ))  # noqa: TID251 - for the child


async def answers(child: RelayChild) -> bool:
    async with httpx.AsyncClient() as http:
        return (await http.get(f"{child.address.http}/healthz")).is_success


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def test_it_runs_in_a_session_of_its_own_and_is_gone_in_the_end(command: RelayCommand) -> None:
    async with running(command) as child:
        assert await answers(child)
        assert os.getsid(child.address.pid) != os.getsid(0)
    assert is_gone(child.address.pid)


async def test_a_killed_relay_comes_back_at_the_same_address(command: RelayCommand) -> None:
    async with running(command) as child, asyncio.TaskGroup() as group:
        first = child.address
        again: asyncio.Queue[RelayReady] = asyncio.Queue()
        keeper = group.create_task(child.keep(again.put_nowait))
        os.kill(first.pid, signal.SIGKILL)
        assert await again.get() is child.address
        assert (child.address.http, child.address.grpc) == (first.http, first.grpc)
        assert child.address.pid != first.pid
        assert await answers(child)
        keeper.cancel()
    assert is_gone(child.address.pid)


async def test_the_relay_of_a_killed_agentd_is_stopped_before_a_new_one_starts(command: RelayCommand) -> None:
    async with running(command) as left_behind, running(left_behind.command) as child:
        assert is_gone(left_behind.address.pid)
        assert child.address.http == left_behind.address.http
        assert await answers(child)


async def test_the_relay_of_a_killed_agentd_stops_by_itself(command: RelayCommand) -> None:
    owner = (
        "import asyncio, os, sys\n"
        "from pathlib import Path\n"
        "from agentd.relay_child import RelayCommand, running\n"
        "async def own():\n"
        "    async with running(RelayCommand(Path(sys.argv[1]), Path(sys.argv[2]), dict(os.environ))) as child:\n"
        "        print(child.address.pid, flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(own())\n"
    )
    arguments = (sys.executable, "-c", owner, str(command.data), str(command.log))
    owning = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE)
    assert owning.stdout is not None
    relay = psutil.Process(int(await owning.stdout.readline()))
    owning.kill()
    await owning.wait()
    assert psutil.wait_procs([relay], timeout=60)[1] == []
    assert command.log.stat().st_mode & 0o777 == 0o600


def test_the_relay_of_a_killed_agentd_that_ended_unasked_is_not_waited_for(
    command: RelayCommand, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger=relay_child.logger.name)
    with unasked("time.sleep(3600)") as running_on, unasked("pass") as zombie:
        for noted, words in (running_on, "left behind"), (zombie, ""):
            told = {"pid": noted.pid, "create_time": noted.create_time()}
            (command.data / "relay.pid").write_text(json.dumps(told))
            caplog.clear()
            relay_child.reap_orphan(command.data)
            assert words in caplog.text
            assert has_ended(noted)
    assert not caplog.text, "it had ended before"


async def test_a_process_that_only_has_the_noted_pid_is_left_alone(command: RelayCommand) -> None:
    noted = {"pid": os.getpid(), "create_time": psutil.Process().create_time() - 1000}
    (command.data / "relay.pid").write_text(json.dumps(noted))
    async with running(command) as child:
        assert await answers(child)


async def test_a_relay_whose_store_is_damaged_is_not_started_again_and_says_what_to_do(command: RelayCommand) -> None:
    store = command.data / "relay.db"
    async with running(command) as child:
        store.write_bytes(b"x" * store.stat().st_size)
        store.with_name("relay.db-wal").unlink()
        os.kill(child.address.pid, signal.SIGKILL)
        await child.keep()
        assert is_gone(child.address.pid)
        assert child.damage is not None
        assert "relay.db is damaged" in str(child.damage)
        assert "start `agentd up` again" in str(child.damage)
    with pytest.raises(RelayDamagedError, match="damaged"):
        async with running(command):
            pass


async def test_a_relay_that_cannot_start_is_quoted(command: RelayCommand) -> None:
    async with running(command) as first:
        (command.data / "relay.pid").unlink()
        second = replace(command, data=command.data.parent / "other", http_port=first.command.http_port)
        second.data.mkdir()
        with pytest.raises(RelayFailedError, match="did not start"):
            async with running(second):
                pass


async def test_a_relay_that_had_no_room_for_its_words_is_spoken_for(
    command: RelayCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.log.write_text("What it said when there was room.\n")
    command.data.rmdir()
    command.data.touch()
    with pytest.raises(RelayFailedError, match="cannot be used: File exists"):
        await _start_and_fail(command)
    monkeypatch.setattr(storage, "NEEDED_BYTES", 1 << 62)
    with pytest.raises(RelayFailedError, match="did not start: its disk is full"):
        await _start_and_fail(command)


async def _start_and_fail(command: RelayCommand) -> None:
    async with running(command):
        pass


def test_a_public_address_means_a_proxy_and_an_admitted_workstation(command: RelayCommand) -> None:
    arguments = replace(command, public_url="https://halyard.example.org", admitted="abc").arguments()
    assert arguments[-5:] == ["--public-url", "https://halyard.example.org", "--behind-tls-proxy", "--admit", "abc"]
    assert "--behind-tls-proxy" not in command.arguments()


async def test_behind_a_proxy_it_is_known_by_its_public_address_and_reached_in_the_clear(command: RelayCommand) -> None:
    public = replace(command, public_url="https://halyard.example.org", admitted="a" * 26)
    async with running(public) as child:
        assert child.address.origin == "https://halyard.example.org"
        assert await answers(child)
        # The proxy ends TLS: from here the relay is on loopback, where no certificate would fit.
        assert not RelayAddress(child.address.origin, child.address.grpc).is_encrypted


def test_settled_keeps_the_ports(command: RelayCommand) -> None:
    ready = RelayReady("http://127.0.0.1:8787", "127.0.0.1:4711", "http://127.0.0.1:8787", 1)
    assert (command.settled(ready).http_port, command.settled(ready).grpc_port) == (8787, 4711)
