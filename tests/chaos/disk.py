"""A small disk for the relay, to be filled: a tmpfs where this user may mount one, else a limit on its files' size.

A file size limit is another error than a full disk (EFBIG instead of ENOSPC), but comes at the same places. Where
neither can be had, `kind` says so and filling does nothing.
"""

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

SIZE_MIB = 32
_FILLER_PIECE = bytes(1 << 16)


@dataclass
class Disk:
    """Where the relay keeps its data."""

    folder: Path
    kind: str
    """"tmpfs", "file size limit" or "none"."""
    _limited: int = 0

    @property
    def _filler(self) -> Path:
        return self.folder / "filler"

    def hinders(self, pid: int = 0) -> bool:
        """Whether this process cannot write any more; without one, whether one that is started now cannot."""
        return self._filler.exists() or bool(pid and pid == self._limited)

    def fill(self, pid: int) -> None:
        """From now on nothing more can be written, as far as `hinders` says; `pid` is the process to hinder."""
        match self.kind:
            case "tmpfs":
                with contextlib.suppress(OSError), self._filler.open("wb", buffering=0) as filler:
                    while filler.write(_FILLER_PIECE):
                        pass
            case "file size limit" if pid:
                _limit(pid, 4096)
                self._limited = pid

    def free(self) -> None:
        """There is room again."""
        self._filler.unlink(missing_ok=True)
        if self._limited:
            _limit(self._limited, None)
            self._limited = 0


def _limit(pid: int, size: int | None) -> None:
    with contextlib.suppress(psutil.Error):
        _, hard = psutil.Process(pid).rlimit(resource.RLIMIT_FSIZE)
        psutil.Process(pid).rlimit(resource.RLIMIT_FSIZE, (hard if size is None else size, hard))


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    """A disk at `folder` meanwhile."""
    folder.mkdir(parents=True)
    mounted = os.geteuid() == 0 and _quietly("mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs", str(folder))
    kind = "tmpfs" if mounted else "file size limit" if hasattr(psutil.Process, "rlimit") else "none"
    try:
        yield Disk(folder, kind)
    finally:
        if mounted:
            _quietly("umount", "--lazy", str(folder))


def _quietly(*command: str) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        return False
