"""What `up` says. What it does is in tests/flows/test_up.py, with everything real."""

import os
from pathlib import Path

import pytest

from agentd.cli.up import headline, ready_line
from agentd.config import Config, RelayAddress
from agentd.relay_child import RelayChild, RelayCommand, RelayReady
from agentd.up import Surroundings


def around(origin: str, *, demo: bool) -> Surroundings:
    ready = RelayReady(http="http://127.0.0.1:8787", grpc="127.0.0.1:4711", origin=origin, pid=1)
    command = RelayCommand(Path("/state/relay"), Path("/state/relay.log"), {})
    told = Config(
        Path("/state"),
        relay=RelayAddress(ready.origin, ready.grpc),
        default_project=Path("/home/mira/project"),
        demo_model=demo,
    )
    relay = RelayChild(command, process=None, address=ready)  # type: ignore[arg-type]  # nothing runs here
    return Surroundings(told, Path("/usr/bin/opencode"), {}, relay, {})


def test_the_line_for_scripts() -> None:
    line = ready_line(around("http://127.0.0.1:8787", demo=True), "http://127.0.0.1:8787/pair#n=7&k=x", "demo/scripted")
    assert line == {
        "app_url": "http://127.0.0.1:8787",
        "pair_url": "http://127.0.0.1:8787/pair#n=7&k=x",
        "relay_http": "http://127.0.0.1:8787",
        "relay_grpc": "127.0.0.1:4711",
        "socket": os.fspath(Path("/state/agentd.sock")),
        "model": "demo/scripted",
    }


@pytest.mark.parametrize(
    ("origin", "hinted"), [("http://127.0.0.1:8787", True), ("https://halyard.example.org", False)]
)
def test_a_loopback_address_comes_with_a_word_about_phones(origin: str, hinted: bool) -> None:
    said = headline(around(origin, demo=False))
    assert origin in said
    assert ("--public-url" in said) is hinted
    assert "/home/mira/project" in said


def test_the_demo_model_is_called_what_it_is() -> None:
    assert "no intelligence" in headline(around("http://127.0.0.1:8787", demo=True))
    assert "no intelligence" not in headline(around("http://127.0.0.1:8787", demo=False))
