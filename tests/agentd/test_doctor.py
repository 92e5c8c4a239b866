"""The examination by a real daemon against a real relay, and from outside while no daemon runs."""

import os
import re
import signal
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agentd import doctor
from agentd.agents.agent import Vitals
from agentd.call_book import CallBook
from agentd.config import Config, RelayAddress, environment, make_private_dir
from agentd.daemon import Daemon, running
from agentd.doctor import Doctor, Place, examine_from_outside, report
from agentd.identity_file import load_or_make
from agentd.store import Store
from agentd.uplink import Uplink
from agentd.verdicts import MIB
from halyard.agent.v1 import workstation_pb2
from halyard.agent.v1 import workstation_service_pb2 as pb
from tests.fakes.app_link import AppLink
from tests.fakes.leaks import HOME, KNOWN, LEAK, leaked
from tests.fakes.pair_app import pair_app
from tests.fakes.relay_process import RunningRelay, relay_process
from tests.fakes.scripted_agent import ScriptedAgent
from wire.calls import uuid7

FAILED, LOOK, SKIPPED = pb.CHECK_STATE_FAILED, pb.CHECK_STATE_WARNING, pb.CHECK_STATE_SKIPPED
# What the scripted agent and this machine leave open; everything else must be well.
ELSEWHERE = {"git", "rg", "model", "push"}


async def diagnose(app: AppLink) -> dict[str, pb.Check]:
    told = await app.call("WorkstationService/Diagnose", pb.DiagnoseRequest(), pb.DiagnoseResponse)
    return {check.id: check for check in told.checks}


def troubles(checks: dict[str, pb.Check]) -> set[str]:
    return {name for name, check in checks.items() if check.state in (FAILED, LOOK)} - ELSEWHERE


async def test_through_the_link_everything_is_told(daemon: Daemon, relay: RunningRelay) -> None:
    app = await pair_app(daemon, relay)
    async with app.attached():
        found = await diagnose(app)
    assert troubles(found) == set()
    assert found["push"].state == SKIPPED
    assert list(found) == [
        *("config", "files", "disk", "git", "rg", "daemon", "store", "link", "log", "inbox", "devices"),
        *("address", "tls", "relay", "clock", "grpc", "agent", "model", "push"),
    ]
    assert f"pid {os.getpid()}" in found["daemon"].message
    assert found["relay"].HasField("duration")
    assert re.search(r"up for .+, heard \d+ s ago, .*dialled again", found["link"].message)


async def test_a_relay_that_takes_in_nothing(
    daemon: Daemon, relay: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await pair_app(daemon, relay)
    async with app.attached():
        monkeypatch.setattr(Uplink, "stored_through", 1)
        monkeypatch.setattr(Uplink, "stalled_seconds", 600.0)
        found = await diagnose(app)
    assert troubles(found) == {"log"}
    assert "acknowledged nothing for 10 min" in found["log"].message


async def test_an_agent_that_is_switched_off(daemon: Daemon, relay: RunningRelay, agent: ScriptedAgent) -> None:
    app = await pair_app(daemon, relay)
    agent.available = False
    async with app.attached():
        found = await diagnose(app)
    assert troubles(found) == {"agent"}
    assert "is switched off" in found["agent"].message
    assert found["agent"].advice
    assert found["model"].state == SKIPPED


async def test_a_provider_at_which_nothing_listens(daemon: Daemon, relay: RunningRelay, agent: ScriptedAgent) -> None:
    app = await pair_app(daemon, relay)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        agent.health = Vitals(provider_address=f"http://127.0.0.1:{taken.getsockname()[1]}")
        async with app.attached():
            found = await diagnose(app)
    assert found["model"].state == FAILED
    assert "no connection" in found["model"].message


async def test_a_relay_that_is_stopped(config: Config, agent: ScriptedAgent, tmp_path: Path) -> None:
    async with relay_process(tmp_path / "relay") as relay:
        told = replace(config, relay=relay.address)
        async with running(told, lambda _: [agent]) as daemon:
            assert daemon.uplink is not None
            await daemon.uplink.until(pb.LINK_STATE_UP)
            os.kill(relay.pid, signal.SIGKILL)
            await daemon.uplink.until(pb.LINK_STATE_WAITING)
            assert daemon.uplink.heard_seconds is None
            await daemon.uplink.until(pb.LINK_STATE_CONNECTING)
            await daemon.uplink.until(pb.LINK_STATE_WAITING)
            assert daemon.uplink.redials >= 1
            with Store(tmp_path / "book.sqlite") as store:
                asked = Doctor(Place(told, {"PATH": ""}), daemon.uplink, CallBook(store, lambda: 0), [agent])
                status = pb.GetStatusResponse(link_state=daemon.uplink.status.state, devices=1)
                found = {check.id: check for check in (await asked.examine(status)).checks}
    assert troubles(found) == {"link", "address"}
    assert "nothing listens" in found["address"].message
    assert "relay serve" in found["address"].advice
    assert {found[name].state for name in ("tls", "relay", "clock", "grpc", "log")} == {SKIPPED}


@pytest.fixture
def place(config: Config) -> Place:
    return Place(config, environment())


async def outside(place: Place) -> dict[str, pb.Check]:
    return {check.id: check for check in await examine_from_outside(place)}


async def test_a_clock_that_is_a_day_ahead(place: Place, relay: RunningRelay) -> None:
    told = replace(place.config, relay=relay.address)
    found = await outside(replace(place, config=told, clock=lambda: datetime.now(UTC) + timedelta(days=1)))
    assert found["grpc"].state == pb.CHECK_STATE_OK
    assert found["clock"].state == LOOK
    assert re.search(r"86[34]\d\d seconds ahead", found["clock"].message)
    assert "timedatectl" in found["clock"].advice


async def test_a_disk_that_is_nearly_full(place: Place) -> None:
    assert (await outside(place))["disk"].state == pb.CHECK_STATE_OK
    found = await outside(replace(place, free_bytes=lambda _: 20 * MIB))
    assert found["disk"].state == FAILED
    assert "20 MiB free" in found["disk"].message


async def test_a_key_that_others_can_read(place: Place) -> None:
    make_private_dir(place.config.state_dir)
    load_or_make(place.config.key_path)
    assert "agentd.sqlite" in (await outside(place))["files"].message
    place.config.key_path.chmod(0o644)
    found = await outside(place)
    assert found["files"].state == FAILED
    assert "chmod 600" in found["files"].advice


async def test_a_wrong_address_is_told_from_a_stopped_relay(place: Place) -> None:
    wrong = RelayAddress(origin="https://no-such-relay.invalid", grpc="no-such-relay.invalid:443")
    found = await outside(replace(place, config=replace(place.config, relay=wrong)))
    assert found["address"].state == FAILED
    assert "DNS" in found["address"].message


async def test_without_a_relay_the_rest_is_told(config: Config) -> None:
    found = await outside(Place(config, {"PATH": ""}))
    assert found["relay"].state == SKIPPED
    assert (found["git"].state, found["rg"].state) == (LOOK, LOOK)
    assert {"config", "files", "disk", "push"} <= set(found)


async def test_calls_that_wait_are_counted_by_their_age(config: Config, tmp_path: Path) -> None:
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    with Store(tmp_path / "book.sqlite") as store:
        book = CallBook(store, lambda: now_ms)
        book.take("a" * 26, uuid7(now_ms - 600_000, bytes(10)), now_ms + 600_000, b"")
        told = await Doctor(Place(config, {}), None, book, []).examine(pb.GetStatusResponse(devices=1))
    found = {check.id: check for check in told.checks}
    assert found["inbox"].state == LOOK
    assert "for 10 min" in found["inbox"].message
    assert found["agent"].state == FAILED


@pytest.mark.parametrize("vitals", ["it answers", "it does not"])
async def test_what_relay_and_agent_say_is_cleaned_before_it_leaves(
    config: Config, tmp_path: Path, agent: ScriptedAgent, monkeypatch: pytest.MonkeyPatch, vitals: str
) -> None:
    said = f"{KNOWN} {LEAK}"
    unwell = workstation_pb2.Agent(display_name="Agent", state=workstation_pb2.AGENT_STATE_UNHEALTHY, state_detail=said)
    monkeypatch.setattr(agent, "describe", lambda: unwell)
    agent.available = vitals == "it answers"
    place = Place(config, {"HOME": HOME, "PROVIDER_TOKEN": KNOWN})
    status = pb.GetStatusResponse(link_state=pb.LINK_STATE_REFUSED, link_detail=said)
    with Store(tmp_path / "book.sqlite") as store:
        told = await Doctor(place, None, CallBook(store, lambda: 0), [agent]).examine(status)
    found = {check.id: check for check in told.checks}
    for words in (found["link"].message, found["agent"].message):
        assert "Refused: Bearer [secret]" in words, "what is no secret is still told"
        assert "~/.local/halyard.log" in words
    assert leaked(report(told, "1.0"), KNOWN) == []


async def test_a_report_holds_no_secret_and_no_home(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "a-known-secret-value"
    monkeypatch.setattr(doctor, "PUSH", f"{secret} lies in {config.state_dir}; Bearer abcdefgh1234.")
    place = Place(config, {"HOME": str(config.state_dir.parent), "SOME_API_KEY": secret})
    told = pb.DiagnoseResponse(checks=await examine_from_outside(place))
    text = report(told, "1.0")
    assert secret not in text
    assert "abcdefgh1234" not in text
    assert str(config.state_dir.parent) not in text
    assert "~/state" in text
    assert text.startswith("Halyard 1.0, 1970-01-01T00:00:00+00:00\n")
