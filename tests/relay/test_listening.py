"""Where a relay is reached, by whom it is named, and whose pages it lets in."""

from dataclasses import replace
from pathlib import Path

import pytest

from relay.config import Address, ServeConfig
from relay.errors import ConfigError
from relay.limits import Limits
from relay.listening import addresses, listening, page_origins


def _config(folder: Path) -> ServeConfig:
    anywhere = Address("127.0.0.1", 0)
    return ServeConfig(http=anywhere, grpc=anywhere, data_dir=folder, database=folder / "db", limits=Limits())


def test_a_private_relay_is_known_by_its_loopback_names(tmp_path: Path) -> None:
    config = _config(tmp_path)
    with listening(config) as listeners:
        port = listeners.http.getsockname()[1]
        known = addresses(config, listeners, 4711)
    assert known.http == known.origin == known.local == f"http://127.0.0.1:{port}"
    assert known.grpc == "127.0.0.1:4711"
    assert page_origins(config, known) == {f"http://127.0.0.1:{port}", f"http://localhost:{port}"}


def test_a_wildcard_is_reached_on_loopback(tmp_path: Path) -> None:
    public = replace(_config(tmp_path), public_url="https://relay.example.org", behind_tls_proxy=True)
    config = replace(public, http=Address("0.0.0.0", 0), grpc=Address("::", 0))
    with listening(config) as listeners:
        known = addresses(config, listeners, 4711)
    assert known.http.startswith("http://127.0.0.1:")
    assert known.grpc == "[::1]:4711"
    assert page_origins(config, known) == {known.http, "https://relay.example.org"}


def test_a_public_name_is_what_tokens_and_pages_name(tmp_path: Path) -> None:
    config = replace(_config(tmp_path), public_url="https://relay.example.org", behind_tls_proxy=True)
    with listening(config) as listeners:
        known = addresses(config, listeners, 4711)
    assert known.origin == "https://relay.example.org"
    assert known.local == known.http
    assert "https://relay.example.org" in page_origins(config, known)


def test_with_tls_the_web_app_reaches_the_relay_on_a_plain_loopback_port(tmp_path: Path) -> None:
    config = replace(_config(tmp_path), tls_cert=tmp_path / "cert", tls_key=tmp_path / "key")
    with listening(config) as listeners:
        assert len(listeners.all) == 2
        known = addresses(config, listeners, 4711)
    assert known.http.startswith("https://")
    assert known.local.startswith("http://127.0.0.1:")
    with listening(replace(config, web_app=False)) as listeners:
        assert len(listeners.all) == 1


def test_a_taken_port_is_said_so(tmp_path: Path) -> None:
    config = _config(tmp_path)
    with listening(config) as listeners:
        taken = replace(config, http=Address("127.0.0.1", listeners.http.getsockname()[1]))
        with pytest.raises(ConfigError, match="Cannot listen"), listening(taken):
            pass
