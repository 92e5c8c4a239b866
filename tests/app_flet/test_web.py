import asyncio
import base64
import hashlib
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from app_flet.web import assets_folder, content_security_policy, create_app
from app_flet.web_assets import ClientUnknown, WebAssets, _without_service_worker
from tests.app_flet.harbour import Harbour
from tests.browser.served import served


@pytest.fixture
async def origin(harbour: Harbour, tmp_path: Path) -> AsyncIterator[str]:
    async with served(harbour, tmp_path) as url:
        yield url


@pytest.fixture
async def client(origin: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=origin) as opened:
        yield opened


def client_path(page: str) -> str:
    found = re.search(r'entrypointBaseUrl: "([^"]+)"', page)
    assert found
    return found[1]


async def test_every_place_of_the_app_answers_with_its_page(client: httpx.AsyncClient) -> None:
    for path in ("/", "/pair", "/w/abc/s/ses_1", "/w/abc/p/x/files?path=a.py", "/index.html"):
        answer = await client.get(path)
        assert answer.status_code == 200
        assert "<title>Halyard</title>" in answer.text
        assert answer.headers["cache-control"] == "no-cache"


async def test_what_is_not_there_is_not_there(client: httpx.AsyncClient) -> None:
    for path in (
        "/nothing.png",
        "/client/0000/main.dart.js",
        "/pyodide/pyodide.js",
        "/python.js",
        "/../pyproject.toml",
    ):
        assert (await client.get(path)).status_code == 404
    assert (await client.post("/")).status_code == 405


async def test_the_page_allows_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    answer = await client.get("/")
    policy = answer.headers["content-security-policy"]
    assert "http" not in policy
    assert "'unsafe-eval'" not in policy
    scripts = re.findall(r"<script>(.*?)</script>", answer.text, re.DOTALL)
    assert scripts
    for script in scripts:
        assert f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in policy
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]


async def test_the_client_is_kept_for_ever_and_compressed_once_a_copy_is_there(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    wasm = client_path((await client.get("/")).text) + "main.dart.mjs"
    plain = await client.get(wasm, headers={"accept-encoding": "identity"})
    assert "immutable" in plain.headers["cache-control"]
    async with asyncio.timeout(30):
        while (answer := await client.get(wasm, headers={"accept-encoding": "br"})).headers.get(
            "content-encoding"
        ) != "br":
            await asyncio.to_thread(lambda: None)
    assert answer.content == plain.content
    assert answer.num_bytes_downloaded < len(plain.content) / 3
    assert await asyncio.to_thread(lambda: list(tmp_path.glob("cache/*/*.br")))


async def test_an_unchanged_file_is_not_sent_again(client: httpx.AsyncClient) -> None:
    first = await client.get("/manifest.json")
    again = await client.get("/manifest.json", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_page_of_another_site_cannot_open_a_session(origin: str) -> None:
    url = "ws" + origin.removeprefix("http") + "/ws"
    with pytest.raises(InvalidStatus):
        async with connect(url, additional_headers={"Origin": "https://elsewhere.example"}, proxy=None):
            pass


async def test_flutters_own_service_worker_is_taken_out(client: httpx.AsyncClient) -> None:
    page = (await client.get("/")).text
    bootstrap = (await client.get(client_path(page) + "flutter_bootstrap.js")).text
    assert "serviceWorkerVersion" not in bootstrap.partition("_flutter.loader.load")[2]


def test_another_client_is_noticed() -> None:
    with pytest.raises(ClientUnknown):
        _without_service_worker(b"_flutter.loader.load({});")


def test_the_release_follows_the_contents(tmp_path: Path) -> None:
    for name in ("client", "overlay"):
        (tmp_path / name).mkdir()
    before = WebAssets(tmp_path / "overlay", tmp_path, tmp_path / "client").release
    (tmp_path / "overlay" / "x.txt").write_text("x")
    assert WebAssets(tmp_path / "overlay", tmp_path, tmp_path / "client").release != before


def test_nothing_outside_the_folders_is_served(tmp_path: Path) -> None:
    assets = WebAssets(assets_folder(), tmp_path)
    for path in ("/../index.html.txt", f"{assets.client_path}../../pyproject.toml", "/%2e%2e/x.toml"):
        assert assets.find(path, accepts_brotli=False) is None


def test_the_policy_names_the_scripts() -> None:
    assert "'sha256-abc'" in content_security_policy(["'sha256-abc'"])


def test_flet_does_not_write_down_whose_tab_is_whose(tmp_path: Path) -> None:
    create_app(relay_url="http://127.0.0.1:1", data_dir=tmp_path)
    assert not logging.getLogger("flet_web.fastapi").isEnabledFor(logging.INFO)
    assert not logging.getLogger("flet").isEnabledFor(logging.INFO)
