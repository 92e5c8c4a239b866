"""The HTTP side: small pages, who may open sockets, and the web app that is found and never named."""

import contextlib
from collections.abc import AsyncIterator
from importlib import metadata
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from relay.tokens import OPERATOR_TOKEN_FILE
from tests.relay.peers import FakeApp, pair_attached, relay_here


async def _get(url: str, **more: Any) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(url, **more)


async def test_health_and_address_card(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay:
        assert (await _get(relay.addresses.http + "/healthz")).text == "ok\n"
        card = (await _get(relay.addresses.http + "/.well-known/halyard-relay")).json()
        assert card["origin"] == relay.addresses.origin
        assert card["grpc"] == relay.addresses.grpc
        assert card["version"]


async def test_the_card_tells_the_public_addresses(tmp_path: Path) -> None:
    url, grpc = "https://relay.example.org", "relay.example.org:443"
    async with relay_here(tmp_path, behind_tls_proxy=True, public_url=url, public_grpc=grpc) as relay:
        card = (await _get(relay.addresses.http + "/.well-known/halyard-relay")).json()
        assert (card["origin"], card["grpc"]) == (url, grpc)


async def test_metrics_count_and_name_nobody(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, pair_attached(relay, records=2) as (workstation, app):
        text = (await _get(relay.addresses.http + "/metrics")).text
        values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        assert values["halyard_relay_records_published_total"] == "3"
        assert values["halyard_relay_workstations_online"] == "1"
        assert values["halyard_relay_apps_online"] == "1"
        assert app.device_id not in text
        assert workstation.device_id not in text


async def test_metrics_of_a_public_relay_need_the_operators_token(tmp_path: Path) -> None:
    async with relay_here(tmp_path, behind_tls_proxy=True) as relay:
        url = relay.addresses.http + "/metrics"
        assert (await _get(url)).status_code == 401
        token = (tmp_path / OPERATOR_TOKEN_FILE).read_text()
        assert (await _get(url, headers={"authorization": f"Bearer {token}"})).status_code == 200


@pytest.mark.parametrize(("path", "status"), [("/link", 426), ("/pairing", 426), ("/", 404), ("/anything", 404)])
async def test_what_is_not_a_page(tmp_path: Path, path: str, status: int) -> None:
    async with relay_here(tmp_path) as relay:
        assert (await _get(relay.addresses.http + path)).status_code == status


async def test_an_unknown_socket_is_refused(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay:
        with pytest.raises(websockets.InvalidStatus):
            async with FakeApp(relay.addresses.http, "").connected("/elsewhere"):
                pass


class _WebApp:
    """Stands in for any web app: says what it was made with, and echoes sockets."""

    def __init__(self, relay_url: str, data_dir: Path) -> None:
        self.made_with = f"{relay_url} {data_dir}"
        self.lifespan: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": f"{scope['scheme']} {self.made_with}".encode()})
        else:
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": scope["scheme"]})
            await send({"type": "websocket.close"})

    async def _live(self, receive: Any, send: Any) -> None:
        for _ in range(2):
            kind = (await receive())["type"]
            self.lifespan.append(kind)
            await send({"type": f"{kind}.complete"})


class _EntryPoint:
    def __init__(self, made: list[_WebApp]) -> None:
        self._made = made

    def load(self) -> Any:
        def create_app(*, relay_url: str, data_dir: Path) -> _WebApp:
            self._made.append(_WebApp(relay_url, data_dir))
            return self._made[-1]

        return create_app


class _MissingApp:
    def load(self) -> Any:
        raise ModuleNotFoundError("No module named 'some_app'")


@contextlib.asynccontextmanager
async def _with_web_app(
    folder: Path, monkeypatch: pytest.MonkeyPatch, entry_point: object, **settings: Any
) -> AsyncIterator[Any]:
    monkeypatch.setattr(metadata, "entry_points", lambda group: [entry_point] if group else [])
    async with relay_here(folder, web_app=True, **settings) as relay:
        yield relay


async def test_the_web_app_is_served_at_the_root_and_lives_with_the_relay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[_WebApp] = []
    async with _with_web_app(tmp_path, monkeypatch, _EntryPoint(made)) as relay:
        page = await _get(relay.addresses.http + "/any/page")
        assert page.text == f"http {relay.addresses.http} {tmp_path / 'web-app'}"
        assert made[0].lifespan == ["lifespan.startup"]
        assert (await _get(relay.addresses.http + "/healthz")).text == "ok\n"
    assert made[0].lifespan == ["lifespan.startup", "lifespan.shutdown"]


async def test_the_web_apps_sockets_pass_the_same_check_of_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _with_web_app(tmp_path, monkeypatch, _EntryPoint([])) as relay:
        url = relay.addresses.http.replace("http", "ws", 1) + "/ws"
        port = relay.addresses.http.rpartition(":")[2]
        for origin in (relay.addresses.origin, f"http://localhost:{port}"):
            async with websockets.connect(url, origin=origin) as socket:  # type: ignore[arg-type]
                assert await socket.recv() == "ws"
        with pytest.raises(websockets.InvalidStatus):
            async with websockets.connect(url, origin="http://evil.example"):  # type: ignore[arg-type]
                pass


async def test_behind_a_proxy_the_web_app_sees_the_browsers_scheme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _with_web_app(tmp_path, monkeypatch, _EntryPoint([]), behind_tls_proxy=True) as relay:
        assert (await _get(relay.addresses.http + "/")).text.startswith("https ")


async def test_a_relay_without_the_web_app_still_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with _with_web_app(tmp_path, monkeypatch, _MissingApp()) as relay:
        assert (await _get(relay.addresses.http + "/")).status_code == 404
        assert "web app is not installed" in caplog.text
