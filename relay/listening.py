"""Ports and addresses of a relay: sockets bound before anything else is built, so that port 0 is known everywhere."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from relay.config import Address, ServeConfig, is_loopback
from relay.errors import ConfigError

_WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 - recognised here, not bound


@dataclass(frozen=True, slots=True)
class Listeners:
    """Bound sockets. `local` is the one that this process reaches itself through: plain, on loopback where possible."""

    http: socket.socket
    local: socket.socket

    @property
    def all(self) -> tuple[socket.socket, ...]:
        """Each socket once."""
        return (self.http,) if self.http is self.local else (self.http, self.local)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a running relay is reached."""

    http: str
    """URL on this machine."""
    grpc: str
    """HOST:PORT on this machine."""
    origin: str
    """What tokens must name."""
    local: str
    """Origin at which this very process reaches itself."""

    @property
    def local_aliases(self) -> frozenset[str]:
        """Names that processes of this machine may use instead of `origin`."""
        port = self.local.rpartition(":")[2]
        return frozenset({self.local, self.http, f"http://127.0.0.1:{port}", f"http://localhost:{port}"})


@contextmanager
def listening(config: ServeConfig) -> Iterator[Listeners]:
    """The HTTP sockets, closed when the block ends. ConfigError when a port is taken."""
    with ExitStack() as stack:
        http = stack.enter_context(_bound(config.http))
        needs_plain = config.tls_cert is not None and config.web_app
        local = stack.enter_context(_bound(Address("127.0.0.1", 0))) if needs_plain else http
        yield Listeners(http, local)


def addresses(config: ServeConfig, listeners: Listeners, grpc_port: int) -> Addresses:
    """Where the relay is reached, with real ports."""
    http = f"{config.scheme}://{_reachable(config.http, _port(listeners.http))}"
    local = http
    if listeners.local is not listeners.http:
        local = f"http://127.0.0.1:{_port(listeners.local)}"
    return Addresses(
        http=http,
        grpc=str(_reachable(config.grpc, grpc_port)),
        origin=config.public_url or http,
        local=local,
    )


def page_origins(config: ServeConfig, known: Addresses) -> frozenset[str]:
    """Whose pages may open WebSockets: the relay's own, under every name that it has."""
    own = {known.origin, known.http}
    return frozenset(own | known.local_aliases if is_loopback(config.http.host) else own)


def _bound(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family, backlog=1024)
    except OSError as error:
        raise ConfigError(f"Cannot listen on {address}: {error.strerror}. Stop what uses it, or give --http.") from None


def _port(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def _reachable(address: Address, port: int) -> Address:
    """A wildcard cannot be dialled; loopback answers for it."""
    if address.host not in _WILDCARDS:
        return Address(address.host, port)
    return Address("127.0.0.1" if address.host == _WILDCARDS[0] else "::1", port)
