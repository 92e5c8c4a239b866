"""`relay restore` while the relay serves: the backup is laid out, the relay told, and its coming back waited for.

The relay lets its links go as before a planned restart, puts the backup in the place of its store and begins anew at
the same addresses, in the same process: see `relay/main.py`. Workstations and apps come back and fill it up again.
"""

import os
import time
from pathlib import Path

from relay.backup import BackupFailed, Restored, laid_out, lay_out
from relay.config import RESTORE_SIGNAL

PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.05
_REFUSED = "did not take the backup; its log says why. Nothing was changed."


def restore_served(store: Path, source: Path, pid: int, run_file: Path) -> Restored:
    """Has the relay of process `pid`, which says in `run_file` that it serves, go back to the backup in `source`.

    Returns once it serves again. ConfigError when `source` is no backup; BackupFailed when it cannot be laid out, or
    the relay does not take it or does not come back.
    """
    known = _replaced(store)
    waiting = laid_out(store)
    copied = lay_out(store, source)
    try:
        os.kill(pid, RESTORE_SIGNAL)
        late = time.monotonic() + PATIENCE_SECONDS
        while waiting.exists() or not run_file.exists():
            if time.monotonic() > late:
                raise _failure(waiting, pid)
            time.sleep(_POLL_SECONDS)
    except OSError as error:
        raise BackupFailed(f"The relay (process {pid}) could not be told: {error.strerror}. Stop it first.") from None
    finally:
        waiting.unlink(missing_ok=True)
    replaced = next(iter(_replaced(store) - known), None)
    if replaced is None:
        raise BackupFailed(f"The relay (process {pid}) {_REFUSED}")
    return Restored(copied, replaced)


def _failure(waiting: Path, pid: int) -> BackupFailed:
    if waiting.exists():
        return BackupFailed(f"The relay (process {pid}) {_REFUSED}")
    return BackupFailed(f"The relay (process {pid}) took the backup and does not serve again; its log says why.")


def _replaced(store: Path) -> frozenset[Path]:
    return frozenset(store.parent.glob(f"{store.name}.replaced-*Z"))
