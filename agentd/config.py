"""What a daemon is told before it starts: where its state lies, which relay it dials, what it calls itself.

The only module of agentd that reads the environment. Values are frozen; the command line overrides them with
`dataclasses.replace`.
"""

import json
import os
import re
import socket
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from agentd.errors import ConfigError

DEFAULT_PROFILE = "default"
PRIVATE_DIR = 0o700
PRIVATE_FILE = 0o600
# sun_path holds 104 bytes on macOS and 108 on Linux, the final zero included.
MAX_SOCKET_PATH_BYTES = 103

_LOOPBACK = ("127.0.0.1", "[::1]", "localhost")
_PROFILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True)
class RelayAddress:
    """Where the relay is."""

    origin: str
    """Its public origin, for example "https://relay.example.org": the audience of tokens and the root of links."""
    grpc: str
    """Target of its gRPC server, "host:port"."""

    @property
    def is_encrypted(self) -> bool:
        """Whether the link runs over TLS. Not on loopback: a proxy ends TLS there, and no certificate names it."""
        return urlsplit(self.origin).scheme == "https" and self.grpc.rpartition(":")[0] not in _LOOPBACK


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that a daemon is told."""

    state_dir: Path
    """Folder of this profile, for this user only: keys, store, socket, lock."""
    profile: str = DEFAULT_PROFILE
    """Name of this daemon among several on one machine."""
    relay: RelayAddress | None = None
    """None: work without a relay, on the socket alone."""
    invite: str = field(default="", repr=False)
    """Shown once to a relay that does not know this workstation."""
    display_name: str = ""
    """What people call this workstation."""
    default_project: Path | None = None
    """Folder that is known as a project from the start and offered first."""
    local_decisions: bool = False
    """Whether the Unix socket may decide permissions and change devices and roles."""
    demo_model: bool = False
    """Answers come from the scripted demo model; apps say so."""
    app_url: str = ""
    """Where the web app is, when it is known."""

    @property
    def socket_path(self) -> Path:
        """The Unix socket that serves AgentService to its user; ConfigError when no system could bind it."""
        path = self.state_dir / "agentd.sock"
        if len(os.fsencode(path)) > MAX_SOCKET_PATH_BYTES:
            raise ConfigError(f"{path} is too long for a Unix socket; set HALYARD_STATE_DIR to a shorter folder.")
        return path

    @property
    def key_path(self) -> Path:
        """The file with this workstation's secrets."""
        return self.state_dir / "identity.key"

    @property
    def database_path(self) -> Path:
        """The log and all other memory."""
        return self.state_dir / "agentd.sqlite"

    @property
    def members_path(self) -> Path:
        """A second copy of who is paired."""
        return self.state_dir / "members.json"

    @property
    def lock_path(self) -> Path:
        """Held while a daemon runs; names its process id."""
        return self.state_dir / "agentd.lock"

    @property
    def relay_path(self) -> Path:
        """The relay that was chosen last."""
        return self.state_dir / "relay.json"


def load(profile: str = DEFAULT_PROFILE) -> Config:
    """The configuration of `profile` from the environment and from what was remembered. Makes no folder yet."""
    folder = state_dir(profile)
    known = Config(state_dir=folder, profile=profile)
    return Config(
        state_dir=folder,
        profile=profile,
        relay=_remembered_relay(known.relay_path),
        display_name=default_display_name(profile),
    )


def state_dir(profile: str = DEFAULT_PROFILE) -> Path:
    """Folder of one profile; ConfigError for a name that cannot be one.

    $HALYARD_STATE_DIR/{profile}, else $XDG_STATE_HOME/halyard/{profile}, else ~/.local/state/halyard/{profile}.
    """
    if _PROFILE.fullmatch(profile) is None:
        raise ConfigError(f"{profile!r} cannot name a profile; use up to 32 letters, digits, '-' and '_'.")
    override = os.environ.get("HALYARD_STATE_DIR")
    if override:
        return Path(override).expanduser().absolute() / profile
    home = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(home).expanduser().absolute() / "halyard" / profile


def default_display_name(profile: str) -> str:
    """The host's name, with the profile when it is not the usual one; at most 64 characters."""
    host = socket.gethostname() or "workstation"
    return (host if profile == DEFAULT_PROFILE else f"{host} ({profile})")[:64]


def make_private_dir(path: Path) -> None:
    """Makes the folder and takes it back from everybody else; ConfigError when somebody else owns it."""
    path.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
    if path.stat().st_uid != os.getuid():
        raise ConfigError(f"{path} belongs to another user; set HALYARD_STATE_DIR to a folder of your own.")
    path.chmod(PRIVATE_DIR)


def remember_relay(config: Config) -> None:
    """Writes the relay down, so that the next start needs no address; for whoever holds the profile's lock."""
    if config.relay is None:
        return
    make_private_dir(config.state_dir)
    known = {"origin": config.relay.origin, "grpc": config.relay.grpc}
    draft = config.relay_path.with_suffix(".new")
    draft.write_text(json.dumps(known) + "\n", encoding="utf-8")
    draft.replace(config.relay_path)


def _remembered_relay(path: Path) -> RelayAddress | None:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        return RelayAddress(origin=str(known["origin"]), grpc=str(known["grpc"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise ConfigError(f"{path} is damaged; delete it and use `agentd run --relay URL` once more.") from None


def environment() -> dict[str, str]:
    """A copy of the environment, for the programs that agentd starts and for looking up what they will find there."""
    return dict(os.environ)
