"""Every error of agentd's core; agentd/agents/agent.py has those of agents, wire/errors.py those of seals and names.

wire.errors.HalyardError      a refusal that can cross the wire: (code, reason, message)
├── Refused                   a call that cannot be done as it was asked; built by the functions below
└── StoreUnavailableError     the store is full, locked or failing
AgentdError                   the daemon cannot start or go on; a sentence for the person who started it
├── ConfigError               something it was told makes no sense
├── AlreadyRunningError       another daemon of this profile runs
│   └── AlreadyUpError        and it is an `agentd up`, so its address is known
├── RelayFailedError          the relay that `agentd up` starts does not come up
│   └── RelayDamagedError     and will not, until a person has seen to its store
├── StoreDamagedError         the store cannot be read by this release
└── StorageError              a file of its own cannot be read or written as things are, or is gone
"""

from collections.abc import Mapping
from pathlib import Path

from wire.errors import REFUSED, Code, HalyardError


class AgentdError(Exception):
    """The daemon cannot start or go on."""


class ConfigError(AgentdError):
    """Something it was told makes no sense."""


class AlreadyRunningError(AgentdError):
    """Another daemon of this profile runs; `pid` says which."""

    def __init__(self, pid: int, profile: str) -> None:
        where = f"agentd already runs for profile {profile!r} (process {pid})."
        super().__init__(f"{where} Stop it with `agentd stop`, or choose another --profile.")
        self.pid = pid


class AlreadyUpError(AlreadyRunningError):
    """Another `agentd up` has the profile; `app_url` is where, when it was told yet."""

    def __init__(self, pid: int, profile: str, app_url: str) -> None:
        super().__init__(pid, profile)
        self.app_url = app_url
        where = f" and serves {app_url}" if app_url else ""
        sentence = (
            f"Halyard is already up for profile {profile!r}: process {pid}{where}. "
            "Open that address, stop it with `agentd stop`, or choose another --profile."
        )
        self.args = (sentence,)


class RelayFailedError(AgentdError):
    """The relay that `agentd up` starts does not come up. The text tells why, in the relay's last words."""


class RelayDamagedError(RelayFailedError):
    """Its store is damaged: starting it again changes nothing."""


class StoreDamagedError(AgentdError):
    """The store cannot be read by this release."""


class StorageError(AgentdError):
    """A file of its own cannot be read or written as things are, or was taken away; agentd has lost nothing of it."""


def unreadable(path: Path, error: OSError) -> StorageError:
    """The system does not hand out a file that is there."""
    why = error.strerror or str(error)
    return StorageError(
        f"{path} cannot be read ({why}). Leave it in its place, put that right, then start agentd again."
    )


class Refused(HalyardError):
    """A call that cannot be done as it was asked. `metadata` goes into ErrorInfo."""

    def __init__(self, code: Code, reason: str, message: str, metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(code, reason, message)
        self.metadata = dict(metadata or {})


class StoreUnavailableError(HalyardError):
    """The store did not take a write; it is tried again, and nothing that was acknowledged is lost."""

    def __init__(self, why: str) -> None:
        """`why`: a sentence that also says what to do."""
        super().__init__(Code.UNAVAILABLE, "STORE_UNAVAILABLE", why)


def malformed(message: str) -> Refused:
    """The request breaks the contract."""
    return Refused(Code.INVALID_ARGUMENT, "MALFORMED", message)


def too_large() -> Refused:
    """The answer does not fit into one message."""
    return Refused(
        Code.RESOURCE_EXHAUSTED, "TOO_LARGE", "The answer is too large for one message. Ask for less of it at a time."
    )


def not_found(message: str) -> Refused:
    """Nothing of that name is here."""
    return Refused(Code.NOT_FOUND, "NOT_FOUND", message)


def already_decided(decided_by: str, outcome: str, decide_ms: int) -> Refused:
    """Somebody was first, at `decide_ms` (Unix); the words are for people."""
    return Refused(
        Code.FAILED_PRECONDITION,
        "ALREADY_DECIDED",
        f"{decided_by} decided this first: {outcome}.",
        {"decided_by": decided_by, "outcome": outcome, "decide_time_ms": str(decide_ms)},
    )


def expired(message: str) -> Refused:
    """Nobody waits for this decision any more."""
    return Refused(Code.FAILED_PRECONDITION, "EXPIRED", message)


def role_insufficient(message: str) -> Refused:
    """The caller may not do this."""
    return Refused(REFUSED, "ROLE_INSUFFICIENT", message)


def busy(message: str) -> Refused:
    """Something else has to end first."""
    return Refused(Code.ABORTED, "SESSION_BUSY", message)


def revoked(message: str) -> Refused:
    """The device is no longer paired."""
    return Refused(REFUSED, "REVOKED", message)


def local_decisions_off() -> Refused:
    """The socket does not decide."""
    return Refused(
        REFUSED,
        "LOCAL_DECISIONS_OFF",
        "Programs on this machine may not decide, nor change devices or roles. Use a paired app, "
        "or start agentd with --local-decisions (docs/threat-model.md says what that opens).",
    )


def unsupported(message: str) -> Refused:
    """The agent or this release cannot do it."""
    return Refused(Code.UNIMPLEMENTED, "UNSUPPORTED", message)


def withdrawn() -> Refused:
    """The author took the call back in time."""
    return Refused(Code.CANCELLED, "WITHDRAWN", "You took this back before it was begun; nothing was done.")


def already_begun() -> Refused:
    """The author wanted to take a call back, and is too late."""
    return Refused(
        Code.FAILED_PRECONDITION,
        "ALREADY_BEGUN",
        "Too late to take this back: the workstation had begun with it. Stop or correct it with a new message.",
    )


def outcome_unknown() -> Refused:
    """Agentd stopped in the middle of an effect that cannot be looked up."""
    return Refused(
        Code.UNKNOWN,
        "OUTCOME_UNKNOWN",
        "agentd was stopped while doing this and cannot tell whether it happened; look before you ask for it again.",
    )
