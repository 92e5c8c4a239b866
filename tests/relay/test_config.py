"""Settings that would be unsafe stop the start with a sentence."""

from pathlib import Path

import pytest

from relay import config
from relay.config import Address, ServeConfig
from relay.errors import ConfigError
from relay.limits import Limits

PUBLIC = {"public_url": "https://relay.example.org"}
LOOPBACK, ANYWHERE = Address("127.0.0.1", 0), Address("0.0.0.0", 0)


def _config(tmp_path: Path, **settings: object) -> ServeConfig:
    defaults = {
        "http": LOOPBACK,
        "grpc": LOOPBACK,
        "data_dir": tmp_path,
        "database": tmp_path / "db",
        "limits": Limits(),
    }
    return ServeConfig(**{**defaults, **settings})  # type: ignore[arg-type]


@pytest.mark.parametrize("where", [{"http": ANYWHERE}, {"grpc": ANYWHERE}, {"http": Address("::", 0)}])
def test_a_bind_that_the_outside_reaches_needs_tls(tmp_path: Path, where: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="--behind-tls-proxy"):
        _config(tmp_path, **where)
    assert not _config(tmp_path, **where, **PUBLIC, behind_tls_proxy=True).is_private
    cert = {"tls_cert": tmp_path / "c", "tls_key": tmp_path / "k"}
    assert _config(tmp_path, **where, **PUBLIC, **cert).scheme == "https"


def test_a_public_relay_says_how_it_is_reached(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--public-url"):
        _config(tmp_path, behind_tls_proxy=True)


def test_a_proxy_makes_a_loopback_bind_public(tmp_path: Path) -> None:
    assert _config(tmp_path).is_private
    assert not _config(tmp_path, **PUBLIC, behind_tls_proxy=True).is_private


@pytest.mark.parametrize("half", ["tls_cert", "tls_key"])
def test_half_a_certificate_is_none(tmp_path: Path, half: str) -> None:
    with pytest.raises(ConfigError, match="belong together"):
        _config(tmp_path, **{half: tmp_path})


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("127.0.0.1:80", "127.0.0.1", 80), ("[::1]:0", "::1", 0), ("localhost:1", "localhost", 1)],
)
def test_addresses(text: str, host: str, port: int) -> None:
    address = Address.parse(text)
    assert (address.host, address.port, address.is_loopback) == (host, port, True)
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize("text", ["", "80", ":80", "host:", "host:http", "host:70000", "host:-1"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ConfigError, match="HOST:PORT"):
        Address.parse(text)


def test_the_data_folder_comes_from_the_option_the_environment_or_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HALYARD_RELAY_DATA", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert config.data_dir(None) == tmp_path / "xdg" / "halyard" / "relay"
    monkeypatch.setenv("HALYARD_RELAY_DATA", str(tmp_path / "told"))
    assert config.data_dir(None) == tmp_path / "told"
    assert config.data_dir(str(tmp_path / "given")) == tmp_path / "given"


def test_databases(tmp_path: Path) -> None:
    assert config.database(None, tmp_path) == tmp_path / "relay.db"
    assert config.database("sqlite:////srv/relay.db", tmp_path) == Path("/srv/relay.db")
    for url in ("postgresql://host/db", "sqlite://", "sqlite:///", "relay.db"):
        with pytest.raises(ConfigError, match="SQLite"):
            config.database(url, tmp_path)


def test_origins() -> None:
    assert config.origin("https://Relay.example.org/") == "https://relay.example.org"
    assert config.origin("http://10.0.0.1:8460") == "http://10.0.0.1:8460"
    assert config.origin(None) is None
    for url in ("relay.example.org", "ftp://relay", "https://", "https://relay/path", "https://relay?x=1"):
        with pytest.raises(ConfigError, match="not an origin"):
            config.origin(url)


def test_an_operator_sets_how_much_and_how_long_is_kept() -> None:
    assert config.limits(1, 2) == Limits(log_bytes=1024 * 1024, log_age_seconds=2 * 86_400.0)
    assert config.limits(None, None) == Limits()
    for mib, days in ((0, None), (None, 0), (-1, 5)):
        with pytest.raises(ConfigError, match="at least 1"):
            config.limits(mib, days)
