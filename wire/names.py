"""Resource names: the keys of a workstation's log.

    workstation                              projects/{project}
    sessions/{session}                       sessions/{session}/messages/{message}
    sessions/{session}/todos                 sessions/{session}/messages/{message}/parts/{part}
    sessions/{session}/permissions/{permission}
    sessions/{session}/questions/{question}
    devices/{device}                         grants/{device}

The relay sees a name only as its opaque key. `grants/…` alone is in clear: a device must find its own before it has
any key. An opaque key has 16 bytes and a grant's name has more, so the two cannot be confused.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from wire.errors import Malformed

NAME_KEY_BYTES = 32
OPAQUE_KEY_BYTES = 16
MAX_ID_LENGTH = 128
MAX_PARSED = 1024
"""Names whose parts are remembered: one name is asked about several times on its way through."""

# No "/" (it separates), no "." in front (ids become file names on some disks), nothing a URL path must escape.
_SEGMENT = rf"[A-Za-z0-9_~-][A-Za-z0-9._~-]{{0,{MAX_ID_LENGTH - 1}}}"
_ID = re.compile(_SEGMENT, re.ASCII)
_IDS = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})*", re.ASCII)


class Kind(StrEnum):
    """What a name names; the value is the pattern of its literal segments."""

    WORKSTATION = "workstation"
    PROJECT = "projects/*"
    SESSION = "sessions/*"
    MESSAGE = "sessions/*/messages/*"
    PART = "sessions/*/messages/*/parts/*"
    PERMISSION = "sessions/*/permissions/*"
    QUESTION = "sessions/*/questions/*"
    TODOS = "sessions/*/todos"
    DEVICE = "devices/*"
    GRANT = "grants/*"


# Literals and ids alternate in every pattern, beginning with a literal. Looked up for every record and hint.
_KINDS = {(len(kind.split("/")), *kind.split("/")[::2]): kind for kind in Kind}


@dataclass(frozen=True, slots=True)
class Name:
    """A parsed resource name: its kind and its ids from left to right."""

    kind: Kind
    ids: tuple[str, ...]

    def __str__(self) -> str:
        """The name as it is written, for example `sessions/s1/todos`."""
        ids = iter(self.ids)
        return "/".join(next(ids) if literal == "*" else literal for literal in self.kind.split("/"))


WORKSTATION = "workstation"
"""The name of the workstation's own resource."""


def check_id(value: str) -> str:
    """`value` itself if it may be an id: 1 to 128 of `A-Z a-z 0-9 . _ ~ -`, no dot in front; else Malformed."""
    if _ID.fullmatch(value) is None:
        raise Malformed(f"{value[:MAX_ID_LENGTH]!r} cannot be an id; use 1 to {MAX_ID_LENGTH} of A-Z a-z 0-9 . _ ~ -")
    return value


def _build(kind: Kind, *ids: str) -> str:
    return str(Name(kind, tuple(check_id(value) for value in ids)))


def project(project_id: str) -> str:
    """`projects/{project}`."""
    return _build(Kind.PROJECT, project_id)


def session(session_id: str) -> str:
    """`sessions/{session}`."""
    return _build(Kind.SESSION, session_id)


def message(session_id: str, message_id: str) -> str:
    """`sessions/{session}/messages/{message}`."""
    return _build(Kind.MESSAGE, session_id, message_id)


def part(session_id: str, message_id: str, part_id: str) -> str:
    """`sessions/{session}/messages/{message}/parts/{part}`."""
    return _build(Kind.PART, session_id, message_id, part_id)


def permission(session_id: str, permission_id: str) -> str:
    """`sessions/{session}/permissions/{permission}`."""
    return _build(Kind.PERMISSION, session_id, permission_id)


def question(session_id: str, question_id: str) -> str:
    """`sessions/{session}/questions/{question}`."""
    return _build(Kind.QUESTION, session_id, question_id)


def todos(session_id: str) -> str:
    """`sessions/{session}/todos`."""
    return _build(Kind.TODOS, session_id)


def device(device_id: str) -> str:
    """`devices/{device}`."""
    return _build(Kind.DEVICE, device_id)


def grant(device_id: str) -> str:
    """`grants/{device}`."""
    return _build(Kind.GRANT, device_id)


@lru_cache(MAX_PARSED)
def parse(name: str) -> Name:
    """The parts of `name`; Malformed when it follows none of the patterns above."""
    segments = name.split("/")
    kind = _KINDS.get((len(segments), *segments[::2]))
    if kind is None:
        raise Malformed(f"{name[:MAX_ID_LENGTH]!r} is not a resource name; wire/names.py lists the patterns.")
    ids = tuple(segments[1::2])
    if _IDS.fullmatch(name) is None:
        for value in ids:
            check_id(value)
    return Name(kind, ids)


def session_of(name: str) -> str | None:
    """The name of the session that `name` belongs to (a session belongs to itself); None outside sessions."""
    parsed = parse(name)
    return f"sessions/{parsed.ids[0]}" if parsed.kind.startswith("sessions/") else None


def opaque_key(name_key: bytes, name: str) -> bytes:
    """The key under which the relay files `name`: 16 bytes of HMAC-SHA256, or the ASCII name itself for a grant.

    A session's opaque key is also its focus key. `name_key` has 32 bytes and lives as long as the log epoch, so that
    compaction goes on across changes of the sealing key.
    """
    if len(name_key) != NAME_KEY_BYTES:
        raise Malformed(f"A name key has {NAME_KEY_BYTES} bytes, not {len(name_key)}.")
    if parse(name).kind is not Kind.GRANT:
        return hmac.digest(name_key, name.encode("ascii"), hashlib.sha256)[:OPAQUE_KEY_BYTES]
    if len(name) <= OPAQUE_KEY_BYTES:
        raise Malformed("A device id is 26 characters long; a shorter one could pass for an opaque key.")
    return name.encode("ascii")


def granted_device(key: bytes) -> str | None:
    """The device whose grant is filed under the log key `key`; None when the key is an opaque one."""
    prefix = b"grants/"
    if not key.startswith(prefix) or len(key) <= OPAQUE_KEY_BYTES:
        return None
    return check_id(key[len(prefix) :].decode("ascii", errors="replace"))
