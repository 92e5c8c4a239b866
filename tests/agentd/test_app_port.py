import socket
from collections.abc import Iterator

import pytest

from agentd import app_port
from agentd.errors import ConfigError


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_that_was_asked_for_and_is_taken_is_refused(taken: int) -> None:
    with pytest.raises(ConfigError, match=f"Port {taken} is taken"):
        app_port.choose(taken, last=0)


def test_zero_leaves_it_to_the_system() -> None:
    assert app_port.choose(0, last=8787) == 0


def test_the_last_one_comes_first(taken: int) -> None:
    assert app_port.choose(None, last=taken) != taken


def test_a_free_last_one_is_taken_again() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    assert app_port.choose(None, last=free) == free


def test_the_next_free_one_follows_the_preferred(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_port, "PREFERRED", taken)
    assert taken < app_port.choose(None, last=0) < taken + app_port.TRIED


def test_when_all_are_taken_it_says_what_to_give(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_port, "PREFERRED", taken)
    monkeypatch.setattr(app_port, "TRIED", 1)
    with pytest.raises(ConfigError, match="--port"):
        app_port.choose(None, last=0)
