"""Settings of `relay serve`, checked before a port is opened. The relay's only module that reads the environment."""

import ipaddress
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from relay.errors import ConfigError
from relay.limits import DAY, Limits

DEFAULT_HTTP = "127.0.0.1:8460"
DEFAULT_GRPC = "127.0.0.1:8461"
RUN_FILE = "relay.json"
"""In the data folder while a relay serves: where it is reached, for the relay's own commands."""
RESTORE_SIGNAL = signal.SIGUSR1
"""Tells a relay that a backup was laid out beside its store: relay/restore_served.py."""
_MIB = 1024 * 1024


def is_loopback(address: str) -> bool:
    """Whether an address is this machine's own loopback."""
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return address == "localhost"


@dataclass(frozen=True, slots=True)
class Address:
    """HOST:PORT to listen on; port 0 takes any free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """The address in `HOST:PORT` or `[IPV6]:PORT`; ConfigError when it is none."""
        host, colon, port = text.rpartition(":")
        if not colon or not host or not port.isdecimal() or int(port) > 0xFFFF:
            raise ConfigError(f"{text!r} is not an address; write HOST:PORT, for example 127.0.0.1:8460.")
        return cls(host.strip("[]"), int(port))

    def __str__(self) -> str:
        """As it is written."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class ServeConfig:
    """Everything that `relay serve` was told."""

    http: Address
    grpc: Address
    data_dir: Path
    database: Path
    limits: Limits
    public_url: str | None = None
    """Origin under which apps and workstations know this relay; tokens name it."""
    public_grpc: str | None = None
    """HOST:PORT under which workstations reach it."""
    web_app: bool = True
    tls_cert: Path | None = None
    tls_key: Path | None = None
    behind_tls_proxy: bool = False
    admitted: frozenset[str] = frozenset()
    """Workstations that need no invite."""

    def __post_init__(self) -> None:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ConfigError("--tls-cert and --tls-key belong together; give both or neither.")
        exposed = [str(address) for address in (self.http, self.grpc) if not address.is_loopback]
        if exposed and not (self.tls_cert or self.behind_tls_proxy):
            raise ConfigError(
                f"{' and '.join(exposed)} can be reached from outside. Give --tls-cert and --tls-key, or say "
                "--behind-tls-proxy if a proxy in front ends TLS."
            )
        if not self.is_private and self.public_url is None:
            raise ConfigError(
                "Say with --public-url how the outside reaches this relay, for example https://relay.example.org: "
                "devices name it in their tokens, and pages of another origin are refused."
            )

    @property
    def is_private(self) -> bool:
        """Whether only this machine can reach it. A proxy makes a loopback address public."""
        return self.http.is_loopback and self.grpc.is_loopback and not self.behind_tls_proxy

    @property
    def scheme(self) -> str:
        """`https` when this process ends TLS."""
        return "https" if self.tls_cert else "http"


def data_dir(given: str | None) -> Path:
    """The data folder: as given, from HALYARD_RELAY_DATA, or in the user's data folder."""
    if told := given or os.environ.get("HALYARD_RELAY_DATA"):
        return Path(told).expanduser().resolve()
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "halyard" / "relay"


def database(url: str | None, folder: Path) -> Path:
    """The database's file: `relay.db` in the data folder, or what `sqlite:///FILE` names."""
    if url is None:
        return folder / "relay.db"
    prefix = "sqlite:///"
    if not url.startswith(prefix) or len(url) == len(prefix):
        raise ConfigError(f"{url!r} cannot be used: this release keeps its store in SQLite. Give sqlite:///FILE.")
    return Path(url.removeprefix(prefix)).resolve()


def origin(url: str | None) -> str | None:
    """`url` as an origin, scheme://host[:port]; ConfigError when it is none."""
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise ConfigError(f"{url!r} is not an origin; write it like https://relay.example.org, without a path.")
    return f"{parts.scheme}://{parts.netloc}".lower()


def limits(log_mib: int | None, log_days: int | None) -> Limits:
    """The default limits with the two that an operator may set."""
    default = Limits()
    if any(told is not None and told < 1 for told in (log_mib, log_days)):
        raise ConfigError("--log-mib and --log-days are at least 1.")
    return Limits(
        log_bytes=log_mib * _MIB if log_mib else default.log_bytes,
        log_age_seconds=log_days * DAY if log_days else default.log_age_seconds,
    )
