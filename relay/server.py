"""The composition root: builds every part of a relay in view, runs it, and stops it in order.

Stopping: strangers are refused, links are told and flushed, what is queued is committed, the store is closed.
"""

import asyncio
import contextlib
import logging
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

import grpc
import grpc.aio
import uvicorn
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from starlette.types import ASGIApp

from halyard.relay.v1 import relay_service_pb2_grpc
from relay import database, link_service, operator_service, pairing_service, reading
from relay.config import Address, ServeConfig
from relay.errors import ConfigError, StoreUnavailable
from relay.grpc_door import server_options
from relay.hub import Hub
from relay.link_service import LinkService
from relay.listening import Addresses, Listeners, addresses, listening, page_origins
from relay.metrics import Metrics
from relay.operator_service import OperatorInterceptor, OperatorService
from relay.pairing_service import PairingService
from relay.pairing_slots import SlotTable
from relay.places import Swept
from relay.roster import ROSTER_FILE, Roster
from relay.services import Rates, Services
from relay.socket_protocol import SocketProtocol
from relay.store import Store, open_store
from relay.tokens import OperatorGate, TokenGate, operator_token
from relay.web import WebDoor

_WEB_APPS = "halyard.web_app"
_SWEEP_SECONDS = 60.0
_STOP_SECONDS = 2.0
_SERVICES = (link_service.NAME, pairing_service.NAME, operator_service.NAME)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Relay:
    """A running relay."""

    config: ServeConfig
    """As it was told, with the ports that were taken."""
    addresses: Addresses
    services: Services


@contextlib.asynccontextmanager
async def running(config: ServeConfig, now: Callable[[], float] = time.time) -> AsyncIterator[Relay]:
    """A relay that answers; it is stopped in order when the block ends. Raises ConfigError or StoreBroken.

    The block must end when `services.store.broken` is set; `broken_by` says why.
    """
    _make_folder(config.data_dir)
    in_use = f"Another relay uses {config.database}; stop it, or give this one another --data."
    with database.alone(config.database, in_use), listening(config) as listeners:
        store = open_store(config.database, config.limits)
        operators = OperatorGate(_operator_token(config.data_dir))
        grpc_server, grpc_port = _bind_grpc(config, operators)
        known = addresses(config, listeners, grpc_port)
        services = _services(config, known, store, operators, now)
        pairing = PairingService(services, behind_proxy=config.behind_tls_proxy)
        _add_grpc_services(grpc_server, config, services, pairing)
        door = _door(config, known, services, pairing)
        failure: ConfigError | None = None
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(store.run())
            try:
                async with _serving_grpc(grpc_server), _serving_web(config, listeners, door):
                    beating = tasks.create_task(_beat(services))
                    try:
                        yield Relay(_settled(config, listeners, grpc_port), known, services)
                    except ConfigError as error:
                        # Raised here, it would leave as one of a group of errors, and nobody would know it again.
                        failure = error
                    beating.cancel()
                    await _drain(services)
            finally:
                store.close()
        if failure is not None:
            raise failure


def _services(
    config: ServeConfig, known: Addresses, store: Store, operators: OperatorGate, now: Callable[[], float]
) -> Services:
    limits, metrics = config.limits, Metrics()
    stored = _known(store)
    roster = Roster(config.data_dir / ROSTER_FILE, config.admitted)
    if not config.is_private:
        roster.enter(place.device_id for place in stored.places)
    return Services(
        version=metadata.version("halyard"),
        origin=known.origin,
        limits=limits,
        now=now,
        store=store,
        hub=Hub(stored, limits, store, metrics),
        metrics=metrics,
        tokens=TokenGate(known.origin, known.local_aliases, now),
        operators=operators,
        rates=Rates(limits, metrics, count_local=not config.is_private),
        slots=SlotTable(limits, secrets.randbelow),
        invited_only=not config.is_private,
        roster=roster,
        started=now(),
    )


def _settled(config: ServeConfig, listeners: Listeners, grpc_port: int) -> ServeConfig:
    http_port = int(listeners.http.getsockname()[1])
    return replace(config, http=Address(config.http.host, http_port), grpc=Address(config.grpc.host, grpc_port))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be used: {error.strerror}. Make room or rights, or give --data.") from None


def _operator_token(folder: Path) -> str:
    try:
        return operator_token(folder)
    except OSError as error:
        raise ConfigError(f"No operator's token in {folder}: {error.strerror}. Make room, then start again.") from None


def _known(store: Store) -> reading.Known:
    try:
        return store.read_now(reading.known)
    except StoreUnavailable as error:
        raise store.broken_by or ConfigError(f"{error.message} The relay did not start.") from None


def _bind_grpc(config: ServeConfig, operators: OperatorGate) -> tuple[grpc.aio.Server, int]:
    server = grpc.aio.server(interceptors=[OperatorInterceptor(operators)], options=server_options(config.limits))
    try:
        if config.tls_cert and config.tls_key:
            pair = (config.tls_key.read_bytes(), config.tls_cert.read_bytes())
            port = server.add_secure_port(str(config.grpc), grpc.ssl_server_credentials([pair]))
        else:
            port = server.add_insecure_port(str(config.grpc))
    except (RuntimeError, OSError) as error:
        raise ConfigError(f"Cannot listen on {config.grpc}: {error}. Stop what uses it, or give --grpc.") from None
    return server, port


def _add_grpc_services(
    server: grpc.aio.Server, config: ServeConfig, services: Services, pairing: PairingService
) -> None:
    links = LinkService(services, behind_proxy=config.behind_tls_proxy)
    server.add_generic_rpc_handlers((links.handler(), pairing.handler()))
    relay_service_pb2_grpc.add_RelayServiceServicer_to_server(OperatorService(services), server)
    reflection.enable_server_reflection((*_SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME), server)


@contextlib.asynccontextmanager
async def _serving_grpc(server: grpc.aio.Server) -> AsyncIterator[None]:
    healthy = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    for name in ("", *_SERVICES):
        await healthy.set(name, health_pb2.HealthCheckResponse.SERVING)
    await server.start()
    try:
        yield
    finally:
        await healthy.enter_graceful_shutdown()
        await server.stop(_STOP_SECONDS / 4)


class _WebServer(uvicorn.Server):
    """Uvicorn that says when it listens and leaves signals to the program."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def _serving_web(config: ServeConfig, listeners: Listeners, door: WebDoor) -> AsyncIterator[None]:
    servers = [_web_server(config, door, tls=listener is listeners.http) for listener in listeners.all]
    async with asyncio.TaskGroup() as tasks:
        for server, listener in zip(servers, listeners.all, strict=True):
            tasks.create_task(server.serve([listener]))
        try:
            for server in servers:
                await server.listens.wait()
            yield
        finally:
            for server in servers:
                server.should_exit = True


def _web_server(config: ServeConfig, door: WebDoor, *, tls: bool) -> _WebServer:
    settings = uvicorn.Config(
        door,
        ws=SocketProtocol,
        ws_max_size=config.limits.hard_frame_bytes,
        ws_per_message_deflate=False,
        lifespan="off" if door.web_app is None else "on",
        # Whose word about addresses counts is decided in app_socket.py.
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=round(_STOP_SECONDS),
        ssl_certfile=config.tls_cert if tls else None,
        ssl_keyfile=config.tls_key if tls else None,
    )
    return _WebServer(settings)


def _door(config: ServeConfig, known: Addresses, services: Services, pairing: PairingService) -> WebDoor:
    card = {"origin": known.origin, "grpc": config.public_grpc or known.grpc, "version": services.version}
    return WebDoor(
        services=services,
        pairing=pairing,
        card=card,
        origins=page_origins(config, known),
        open_metrics=config.is_private,
        behind_proxy=config.behind_tls_proxy,
        web_app=_web_app(config, known) if config.web_app else None,
    )


def _web_app(config: ServeConfig, known: Addresses) -> ASGIApp | None:
    for found in metadata.entry_points(group=_WEB_APPS):
        try:
            create_app = found.load()
        except ImportError as error:
            _log.warning("The web app is not installed (%s); install halyard[app], or give --no-web-app.", error)
            return None
        app: ASGIApp = create_app(relay_url=known.local, data_dir=config.data_dir / "web-app")
        return app
    return None


async def _beat(services: Services) -> None:
    """Heartbeats, and once a minute the sweep of what outlived its time."""
    last_sweep = services.now()
    while True:
        await asyncio.sleep(services.limits.heartbeat_seconds / 4)
        now = services.now()
        services.store.look()
        services.hub.beat(now)
        if now - last_sweep >= _SWEEP_SECONDS:
            last_sweep = now
            services.rates.sweep(now)
            services.slots.sweep(now)
            sweep(services)


def sweep(services: Services) -> None:
    """Queues the store's sweep; who is concerned hears of it."""
    now_ms = round(services.now() * 1000)

    def swept(result: Swept) -> None:
        services.hub.calls_expired(result.expired)
        services.hub.truncated(result.truncated)

    def failed(error: Exception) -> None:
        _log.warning("The sweep is put off: %s", error)

    services.store.submit(lambda ledger: ledger.sweep(now_ms), swept, failed)


async def _drain(services: Services) -> None:
    services.stopping = True
    services.hub.drain()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(services.limits.drain_seconds):
            await services.hub.empty()
