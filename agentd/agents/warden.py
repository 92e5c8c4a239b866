"""Stands between agentd and an agent's server, so that nothing which the server started outlives it, or agentd.

    python -I -S warden.py GRACE_SECONDS PROGRAM ARGUMENT…

It is the server's parent and, on Linux, the subreaper of all that descends from it (prctl(2)): a command with a
session of its own, one that was orphaned on purpose or one that cleared its environment still ends up here. stdin is
a pipe whose other end only agentd holds. When that end closes, because agentd wants it or because agentd was killed,
the server is interrupted, killed after GRACE_SECONDS, and everything it left is killed. When the server ends by
itself, the same happens to what it left.

There are two of it, one above the other: when the lower one is killed, what it guarded comes to the upper one and is
killed there; when the upper one is killed, the kernel tells the lower one, which ends everything.

On stdout it tells one line, "pid N" or "error …"; the server's words go to stderr. It exits as the server did, with
128 + signal when a signal ended that. Alone in a process of its own, with nothing imported that costs memory.
Limits: without Linux only the server's own process group is killed here; `opencode/process.py` looks for the rest.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    Prctl = Callable[[int, int], object]

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
_POLL_SECONDS = 0.02


def main(grace_seconds: float, command: list[str]) -> int:
    """Runs the command; returns the exit code."""
    prctl = _prctl()
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    upper = os.getpid()
    lower = os.fork()
    if lower:
        return _stand_above(lower)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    return _guard(grace_seconds, command, prctl, upper)


def _stand_above(lower: int) -> int:
    """Waits for the lower warden's end, and ends what it left; returns its exit code."""
    signal.signal(signal.SIGTERM, lambda *_: _kill(lower, signal.SIGTERM))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pid, status = 0, 0
    while pid != lower:
        pid, status = os.waitpid(-1, 0)
    _end_all(lower)
    return _code(status)


def _guard(grace_seconds: float, command: list[str], prctl: Prctl, upper: int) -> int:
    """Runs the command below; returns the exit code."""
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != upper:
        return 1  # it was killed before the kernel knew whom to tell; nothing runs yet
    try:
        server = _spawn(command, prctl)
    except OSError as error:
        _tell(f"error {error.strerror}: {command[0]}")
        return 1
    _tell(f"pid {server}")
    status = _wait_for_either(server, wake)
    if status is None:
        status = _interrupt(server, grace_seconds)
    _end_all(server)
    return _code(status)


def _code(status: int) -> int:
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def _prctl() -> Prctl:
    """Returns prctl(2), or what does nothing where there is none."""
    if not sys.platform.startswith("linux"):
        return lambda _option, _value: None
    import ctypes  # noqa: PLC0415 - only where there is something to call

    library = ctypes.CDLL(None)
    return lambda option, value: library.prctl(option, value, 0, 0, 0)


def _tell(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def _spawn(command: list[str], prctl: Prctl) -> int:
    """Starts the server in a session of its own; OSError when it cannot be executed."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _become(command, prctl, writer)
    os.close(writer)
    trouble = os.read(reader, 16)
    os.close(reader)
    if trouble:
        os.waitpid(child, 0)
        raise OSError(int(trouble), os.strerror(int(trouble)))
    return child


def _become(command: list[str], prctl: Prctl, writer: int) -> NoReturn:
    # A warden that is killed cannot end the server; the kernel does.
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    try:
        os.execvp(command[0], command)  # noqa: S606
    except OSError as error:
        os.write(writer, str(error.errno).encode())
    os._exit(127)


def _wait_for_either(server: int, wake: int) -> int | None:
    """Returns the server's exit status, or None when it is to be ended: agentd let go, or SIGTERM came."""
    while True:
        ready, _, _ = select.select([0, wake], [], [])
        if 0 in ready and not os.read(0, 4096):
            return None
        if wake in ready and signal.SIGTERM in os.read(wake, 4096):
            return None
        status = _bury(server)
        if status is not None:
            return status


def _bury(server: int) -> int | None:
    """Buries whatever ended; returns the server's exit status when it is among them."""
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        if pid == server:
            found = status


def _interrupt(server: int, grace_seconds: float) -> int:
    """Ends the server, politely at first; returns its exit status."""
    os.kill(server, signal.SIGINT)
    until = time.monotonic() + grace_seconds
    while time.monotonic() < until:
        status = _bury(server)
        if status is not None:
            return status
        time.sleep(_POLL_SECONDS)
    os.kill(server, signal.SIGKILL)
    return os.waitpid(server, 0)[1]


def _end_all(server: int) -> None:
    """Kills what is left. Whoever loses its parent comes to us, so nobody is left when we have no child; but for those
    that run as somebody else (sudo), which no signal of ours reaches.
    """
    while any([_kill(pid) for pid in _children(server)]):  # noqa: C419 - all of them, not up to the first
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _kill(pid: int, number: signal.Signals = signal.SIGKILL) -> bool:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _children(server: int) -> list[int]:
    """Returns our children; elsewhere than on Linux the server's process group."""
    if not os.path.isdir("/proc/self"):  # noqa: PTH112 - pathlib would cost as much as all the rest
        return [-server]
    found = []
    for entry in os.listdir("/proc"):  # noqa: PTH208
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", "rb") as file:  # noqa: PTH123
                    # proc_pid_stat(5): after the name, which may hold anything, come state and parent.
                    parent = int(file.read().rpartition(b")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue
            if parent == os.getpid():
                found.append(int(entry))
    return found


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
