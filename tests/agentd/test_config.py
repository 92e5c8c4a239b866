from pathlib import Path

import pytest

from agentd.config import Config, RelayAddress, load, make_private_dir, remember_relay, state_dir
from agentd.errors import ConfigError


def test_each_profile_has_its_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HALYARD_STATE_DIR", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_dir("work") == tmp_path / "halyard" / "work"
    monkeypatch.setenv("HALYARD_STATE_DIR", str(tmp_path / "elsewhere"))
    assert state_dir() == tmp_path / "elsewhere" / "default"


@pytest.mark.parametrize("profile", ["", "../x", "a/b", ".hidden", "x" * 33])
def test_a_profile_is_a_plain_word(profile: str) -> None:
    with pytest.raises(ConfigError):
        state_dir(profile)


def test_the_relay_is_remembered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HALYARD_STATE_DIR", str(tmp_path))
    assert load().relay is None
    known = Config(state_dir=tmp_path / "default", relay=RelayAddress("https://relay.example", "relay.example:443"))
    remember_relay(known)
    assert load().relay == known.relay
    (tmp_path / "default" / "relay.json").write_text("{")
    with pytest.raises(ConfigError, match="damaged"):
        load()


@pytest.mark.parametrize(
    ("origin", "grpc", "encrypted"),
    [
        ("https://relay.example", "relay.example:443", True),
        ("http://127.0.0.1:8080", "127.0.0.1:9090", False),
        ("https://relay.example", "127.0.0.1:9090", False),
    ],
)
def test_the_link_is_encrypted_unless_it_stays_on_this_machine(origin: str, grpc: str, *, encrypted: bool) -> None:
    assert RelayAddress(origin, grpc).is_encrypted is encrypted


def test_a_folder_too_deep_for_a_socket_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="HALYARD_STATE_DIR"):
        _ = Config(state_dir=tmp_path / ("x" * 100)).socket_path


def test_the_invite_is_not_shown() -> None:
    assert "hunter2" not in repr(Config(state_dir=Path("/x"), invite="hunter2"))


def test_a_folder_is_taken_back_from_others(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o755)
    make_private_dir(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
