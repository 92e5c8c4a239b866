"""The workstation's secrets on disk: one file, 64 bytes, readable by its user only."""

import os
import secrets
from pathlib import Path

from agentd.config import PRIVATE_FILE, make_private_dir
from agentd.errors import ConfigError, unreadable
from wire.errors import Malformed
from wire.identity import RAW_KEY_BYTES, Identity


def load_or_make(path: Path) -> Identity:
    """The identity in `path`, drawn anew when there is none; ConfigError when it is damaged or open to others."""
    try:
        return load(path)
    except FileNotFoundError:
        return _make(path)


def load(path: Path) -> Identity:
    """The identity in `path`; FileNotFoundError when there is none, StorageError when it cannot be read just now."""
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"Others can read {path}. Run `chmod 600 {path}`, or draw new keys with `agentd logout`.")
    try:
        return Identity.from_bytes(path.read_bytes())
    except OSError as error:
        raise unreadable(path, error) from error
    except Malformed as error:
        raise ConfigError(f"{path}: {error.message} Restore it, or begin anew with `agentd logout`.") from None


def _make(path: Path) -> Identity:
    identity = Identity.from_bytes(secrets.token_bytes(2 * RAW_KEY_BYTES))
    make_private_dir(path.parent)
    # Written whole under another name first: a crash leaves no half of a key behind.
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE), "wb") as file:
        file.write(identity.to_bytes())
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return identity
