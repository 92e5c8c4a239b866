"""Log files of child programs: appended to, and readable by their user only, whoever made them before."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from agentd.config import PRIVATE_FILE


@contextmanager
def private_log(path: Path) -> Iterator[BinaryIO]:
    """Yields the file, open for a child to append to."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, PRIVATE_FILE)
    with os.fdopen(descriptor, "ab") as file:
        os.fchmod(descriptor, PRIVATE_FILE)
        yield file
