"""One `agentd up` per profile: a locked file that says who it is, and where the app was, to come back there."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from agentd.config import PRIVATE_FILE, make_private_dir
from agentd.errors import AlreadyUpError


@dataclass(frozen=True)
class Standing:
    """What the one that is up tells the others."""

    pid: int
    app_url: str = ""
    port: int = 0


class Claim:
    """The lock, while it is held."""

    def __init__(self, descriptor: int, last: Standing) -> None:
        self._descriptor = descriptor
        self.last = last
        """What the former holder told; all zero when there was none."""

    def tell(self, standing: Standing) -> None:
        """Writes down what later comers shall read."""
        os.truncate(self._descriptor, 0)
        os.pwrite(self._descriptor, json.dumps(asdict(standing)).encode(), 0)


@contextmanager
def claimed(path: Path, profile: str) -> Iterator[Claim]:
    """Yields the claim on `path`; AlreadyUpError while another process has it. A killed holder's claim ends with it."""
    make_private_dir(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        last = _read(descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyUpError(last.pid, profile, last.app_url) from None
        claim = Claim(descriptor, last)
        claim.tell(Standing(pid=os.getpid(), port=last.port))
        yield claim
    finally:
        os.close(descriptor)


def _read(descriptor: int) -> Standing:
    try:
        told = json.loads(os.pread(descriptor, 4096, 0))
        return Standing(pid=int(told["pid"]), app_url=str(told["app_url"]), port=int(told["port"]))
    except (ValueError, KeyError, TypeError):
        return Standing(pid=0)
