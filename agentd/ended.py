"""When a process has ended: also while it is a zombie, which runs no more and waits for its parent to ask.

Where nobody asks (the first process of many containers does not), a zombie stays in the process table for ever.
"""

import time
from collections.abc import Sequence

import psutil

_POLL_SECONDS = 0.02


def has_ended(process: psutil.Process) -> bool:
    """Returns whether it runs no more."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until_ended(processes: Sequence[psutil.Process], seconds: float) -> Sequence[psutil.Process]:
    """Blocks until all have ended, `seconds` at most; returns those that still run.

    Unlike `psutil.wait_procs` it buries nobody: whoever started a child learns its exit code.
    """
    until = time.monotonic() + seconds
    while (running := [one for one in processes if not has_ended(one)]) and time.monotonic() < until:
        time.sleep(_POLL_SECONDS)
    return running
