"""The HTTP side, as one ASGI application: the app's sockets, health, metrics, the address card, and the web app at `/`.

Every WebSocket, the web app's included, passes one check: a page of another origin has no business here. Programs that
are no browsers send no Origin.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from relay.app_socket import SocketPeer, header, serve_guest, serve_link
from relay.errors import NotAnOperator
from relay.metrics import exposition
from relay.pairing_service import PairingService
from relay.services import Services
from relay.socket_protocol import LINK_PATH

_TEXT = "text/plain; charset=utf-8"
_NO_APP = "This relay serves no web app. Pair an app with `agentd pair`, or start the relay without --no-web-app."

Respond = Callable[[Scope, Send], Awaitable[None]]


@dataclass(slots=True)
class WebDoor:
    """The ASGI application."""

    services: Services
    pairing: PairingService
    card: Mapping[str, str]
    """What /.well-known/halyard-relay answers."""
    origins: frozenset[str]
    """Whose pages may open a WebSocket."""
    open_metrics: bool
    """Whether /metrics answers without the operator's token."""
    behind_proxy: bool
    web_app: ASGIApp | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        elif scope["type"] == "http" and (respond := self._pages().get(scope["path"])):
            await respond(scope, send)
        elif self.web_app is not None:
            await self.web_app(self._proxied(scope), receive, send)
        elif scope["type"] == "http":
            await _answer(send, 404, _TEXT, _NO_APP)

    def _pages(self) -> Mapping[str, Respond]:
        return {
            "/healthz": self._health,
            "/metrics": self._metrics,
            "/.well-known/halyard-relay": self._card,
            LINK_PATH: self._socket_only,
            "/pairing": self._socket_only,
        }

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = header(scope, b"origin")
        if origin is not None and origin not in self.origins:
            await send({"type": "websocket.close", "code": 1008})
        elif scope["path"] in (LINK_PATH, "/pairing"):
            await self._link(scope, receive, send)
        elif self.web_app is not None:
            await self.web_app(self._proxied(scope), receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _link(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        peer = SocketPeer(scope, receive, send, behind_proxy=self.behind_proxy)
        if scope["path"] == LINK_PATH:
            await serve_link(peer, self.services)
        else:
            await serve_guest(peer, self.pairing)

    async def _health(self, _scope: Scope, send: Send) -> None:
        await _answer(send, 200, _TEXT, "ok\n")

    async def _card(self, _scope: Scope, send: Send) -> None:
        await _answer(send, 200, "application/json", json.dumps(dict(self.card)))

    async def _socket_only(self, _scope: Scope, send: Send) -> None:
        await _answer(send, 426, _TEXT, "This address speaks WebSocket only; give it to a Halyard app.\n")

    async def _metrics(self, scope: Scope, send: Send) -> None:
        try:
            if not self.open_metrics:
                self.services.operators.admit(header(scope, b"authorization"))
        except NotAnOperator as error:
            await _answer(send, 401, _TEXT, error.message)
        else:
            await _answer(send, 200, "text/plain; version=0.0.4", exposition(self.services.metrics, self._gauges()))

    def _gauges(self) -> dict[str, float]:
        services = self.services
        return {
            "workstations_online": len(services.hub.workstation_links),
            "apps_online": len(services.hub.apps),
            "pairing_slots": len(services.slots),
            "store_bytes": services.store.file_bytes,
            "store_commits": services.store.counters.commits,
            "store_jobs": services.store.counters.jobs,
            "store_failures": services.store.counters.failures,
            "store_commit_seconds": services.store.counters.commit_seconds,
        }

    def _proxied(self, scope: Scope) -> Scope:
        """What the web app is told: behind a proxy, the scheme that the browser sees."""
        if not self.behind_proxy or "scheme" not in scope:
            return scope
        return {**scope, "scheme": {"http": "https", "ws": "wss"}.get(scope["scheme"], scope["scheme"])}


async def _answer(send: Send, status: int, content_type: str, text: str) -> None:
    body = text.encode()
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
