"""The app in a browser: Flet's protocol on `/ws`, its client and our assets on everything else.

Mounted by the relay through the entry point group `halyard.web_app`. The app's Python runs in the process that serves
it, so a browser session trusts that host. Each browser draws a random token and keeps it; its device store lives in
`data_dir` under a hash of that token, so a copy of the folder's listing opens nothing.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flet_web.fastapi.flet_app import FletApp
from flet_web.fastapi.flet_app_manager import app_manager
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.websockets import WebSocket

from app_flet.web_assets import Asset, WebAssets
from app_flet.web_session import WebSessions

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

SESSION_SECONDS = 3600
"""How long a screen survives its browser's absence; everything that matters is in the device's store."""
METHODS = ("GET", "HEAD")


def assets_folder() -> Path:
    """Beside this module when installed, in `src/assets` in a checkout."""
    here = Path(__file__).resolve().parent
    return here / "assets" if (here / "assets").is_dir() else here.parent / "assets"


def create_app(*, relay_url: str, data_dir: Path) -> ASGIApp:
    """The web app. `relay_url`: origin that it links to, and the audience of its tokens; `data_dir`: device stores."""
    if not logging.getLogger().isEnabledFor(logging.DEBUG):
        for chatty in ("flet", "flet_web"):
            # They would write down every tab's session, by which Flet knows it again.
            logging.getLogger(chatty).setLevel(logging.WARNING)
    assets = WebAssets(assets_folder(), data_dir / "cache")
    return WebApp(assets, WebSessions(relay_url, data_dir / "devices"))


def content_security_policy(inline_scripts: list[str]) -> str:
    """Nothing from anywhere else. Flutter needs WebAssembly, blob workers and inline styles."""
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' 'wasm-unsafe-eval' blob: {' '.join(inline_scripts)}",
            "worker-src 'self' blob:",
            "connect-src 'self' data: blob:",
            "img-src 'self' data: blob:",
            "style-src 'self' 'unsafe-inline'",
            "font-src 'self' data:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


class WebApp:
    """One ASGI application; `__call__` sorts by kind of scope."""

    def __init__(self, assets: WebAssets, sessions: WebSessions) -> None:
        self._assets = assets
        self._sessions = sessions
        self._headers = {
            "Content-Security-Policy": content_security_policy(assets.inline_script_hashes),
            # Shared memory, which the WebAssembly renderer draws with, needs an isolated page.
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Embedder-Policy": "require-corp",
            "Cross-Origin-Resource-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Permissions-Policy": "geolocation=(), microphone=()",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        match scope["type"]:
            case "http":
                response = await self._answer(scope)
                await response(scope, receive, send)
            case "websocket":
                await self._converse(WebSocket(scope, receive, send))
            case "lifespan":
                await self._live(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                self._assets.close()
                await app_manager.shutdown()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return

    # --- files --------------------------------------------------------------------------------------------------------

    async def _answer(self, scope: Scope) -> Response:
        if scope["method"] not in METHODS:
            return Response(status_code=405, headers={"Allow": ", ".join(METHODS)})
        headers = Headers(scope=scope)
        accepts_brotli = "br" in headers.get("accept-encoding", "")
        path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        asset = await asyncio.to_thread(self._assets.find, path, accepts_brotli=accepts_brotli)
        if asset is None:
            return Response("Not found.", status_code=404, headers=self._headers, media_type="text/plain")
        known = headers.get("if-none-match") == asset.etag
        return Response(
            b"" if known else asset.body,
            status_code=304 if known else 200,
            headers={**self._headers, **_headers_of(asset)},
            media_type=asset.media_type,
        )

    # --- sessions -----------------------------------------------------------------------------------------------------

    async def _converse(self, socket: WebSocket) -> None:
        if not _is_same_origin(socket.headers):
            await socket.close(code=1008, reason="Open the app from its own address.")
            return
        # The relay mounts this app without a lifespan of its own, so this is where Flet's upkeep begins.
        await app_manager.start()
        flet_app = FletApp(
            loop=asyncio.get_running_loop(),
            executor=app_manager.executor,
            main=self._sessions.main,
            before_main=None,
            session_timeout_seconds=SESSION_SECONDS,
        )
        await flet_app.handle(socket)


def _headers_of(asset: Asset) -> dict[str, str]:
    headers = {"ETag": asset.etag, "Cache-Control": asset.cache_control, "Vary": "Accept-Encoding"}
    return {**headers, "Content-Encoding": asset.encoding} if asset.encoding else headers


def _is_same_origin(headers: Headers) -> bool:
    """A page of another site may open a WebSocket here; browsers say so, and it is refused."""
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")
