"""`relay` as a program: starts, says where it is, obeys signals, and its other commands ask it."""

import json
import subprocess
import sys
from pathlib import Path

import grpc
import grpc.aio
import pytest

from tests.relay.peers import FakeApp, FakeWorkstation, RelayProcess, record, relay_process


def _relay(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "relay.main", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


async def test_it_serves_and_drains_on_sigterm(tmp_path: Path) -> None:
    with relay_process(tmp_path / "data") as relay:
        workstation = FakeWorkstation(relay.grpc, relay.origin)
        app = FakeApp(relay.http, relay.origin)
        async with workstation.attached():
            await workstation.list_members(app.device_id)
            async with app.attached():
                relay.process.terminate()
                await workstation.expect("going_away")
                await app.expect("going_away")
                await app.rest()
        assert relay.process.wait(20) == 0
    assert not (tmp_path / "data" / "relay.json").exists()


def test_it_stops_when_the_program_that_started_it_is_gone(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "relay.main", "serve", "--json", "--until-stdin-closes", "--no-web-app"]
    where = ["--data", str(tmp_path), "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"]
    with subprocess.Popen([*command, *where], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as relay:
        assert relay.stdout is not None
        assert relay.stdin is not None
        assert json.loads(relay.stdout.readline())["pid"] == relay.pid
        relay.stdin.write(b"a word means nothing")
        relay.stdin.flush()
        assert relay.poll() is None
        relay.stdin.close()
        assert relay.wait(20) == 0


async def test_the_other_commands_ask_the_running_relay(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with relay_process(data) as relay:
        workstation = FakeWorkstation(relay.grpc, relay.origin)
        app = FakeApp(relay.http, relay.origin)
        async with workstation.attached():
            await workstation.list_members(app.device_id)
            listed = _relay("workstations", "--data", str(data), "--json")
            assert json.loads(listed.stdout)["workstation_id"] == workstation.device_id
            assert "online" in _relay("workstations", "--data", str(data)).stdout
            devices = _relay("devices", "--data", str(data), workstation.device_id)
            assert devices.stdout.split()[:3] == [app.device_id, "never", "seen"]
            invite = json.loads(_relay("invite", "--data", str(data), "--json").stdout)
            assert len(invite["invite"]) >= 24
            token = _relay("token", "--data", str(data)).stdout.strip()
            assert token == (data / "operator.token").read_text()
        assert relay.stop() == 0


def test_commands_without_a_relay_say_what_to_do(tmp_path: Path) -> None:
    for command in ("workstations", "token"):
        done = _relay(command, "--data", str(tmp_path))
        assert done.returncode == 2
        assert "start `relay serve`" in done.stderr


def test_a_relay_that_died_is_said_not_to_answer(tmp_path: Path) -> None:
    with relay_process(tmp_path / "data") as relay:
        relay.kill()
    done = _relay("devices", "--data", str(tmp_path / "data"))
    assert done.returncode == 1
    assert "does not answer" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--http", "0.0.0.0:0"], "--behind-tls-proxy"),
        (["--http", "nonsense"], "HOST:PORT"),
        (["--database", "postgresql://db/relay"], "SQLite"),
        (["--public-url", "relay"], "not an origin"),
        (["--log-mib", "0"], "at least 1"),
    ],
)
def test_unsafe_settings_stop_the_start(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = _relay("serve", "--data", str(tmp_path), "--no-web-app", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_ports_in_use_are_said_so(tmp_path: Path) -> None:
    with relay_process(tmp_path / "first") as relay:
        http = relay.http.removeprefix("http://")
        for where in (["--http", http, "--grpc", "127.0.0.1:0"], ["--http", "127.0.0.1:0", "--grpc", relay.grpc]):
            done = _relay("serve", "--data", str(tmp_path / "second"), "--no-web-app", *where)
            assert done.returncode == 2, done.stderr
            assert "Cannot listen on" in done.stderr
            assert "Traceback" not in done.stderr


def test_two_relays_do_not_share_a_store(tmp_path: Path) -> None:
    with relay_process(tmp_path / "data"):
        done = _relay("serve", "--data", str(tmp_path / "data"), "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0")
        assert done.returncode == 2
        assert "Another relay uses" in done.stderr


async def test_tls_on_both_ports(tmp_path: Path) -> None:
    certificate, key = _self_signed(tmp_path)
    with relay_process(tmp_path / "data", "--tls-cert", str(certificate), "--tls-key", str(key)) as relay:
        assert relay.http.startswith("https://")
        credentials = grpc.ssl_channel_credentials(certificate.read_bytes())
        async with grpc.aio.secure_channel(relay.grpc, credentials) as channel:
            workstation = FakeWorkstation(relay.grpc, relay.origin)
            await _publishes(workstation, channel)
        listed = _relay("workstations", "--data", str(tmp_path / "data"))
        assert workstation.device_id in listed.stdout, listed.stderr


async def _publishes(workstation: FakeWorkstation, channel: grpc.aio.Channel) -> None:
    workstation.open(channel)
    await workstation.send(hello={"head": {"log_epoch": workstation.epoch}})
    await workstation.expect("welcome")
    assert await workstation.publish(record(1)) == 1
    workstation._call.cancel()


def _self_signed(folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


def test_the_ready_line_is_the_first_and_only_one(tmp_path: Path) -> None:
    with relay_process(tmp_path / "data") as relay:
        assert isinstance(relay, RelayProcess)
        assert relay.stop() == 0
        assert relay.process.stdout is not None
        assert relay.process.stdout.read() == ""


def test_a_relay_that_cannot_say_where_it_is_does_not_start_and_says_why(tmp_path: Path) -> None:
    """As when its disk becomes full while it starts."""
    (tmp_path / "relay.json").mkdir()
    addresses = ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"]
    done = _relay("serve", "--no-web-app", "--data", str(tmp_path), *addresses)
    assert done.returncode == 2
    assert "relay.json cannot be written" in done.stderr
    assert "Make room or rights" in done.stderr
    assert "Traceback" not in done.stderr
