"""Who is at the other end of the Unix socket: a person's terminal, or something that an agent started.

An agent's commands run as the same user, so no file mode or secret can keep them out. What differs is where they come
from: they descend from agentd. The kernel names the process that connected; its parents are walked. On Linux agentd is
also the subreaper of its descendants, so that a process that was orphaned on purpose still has agentd as a parent.

What stays open is in docs/decisions/0032-who-is-at-the-socket.md: an agent that is allowed *any* command can ask
another daemon of the user (systemd, cron, a tmux server) to start a process for it.
"""

import ctypes
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_PR_SET_CHILD_SUBREAPER = 36
_SOL_LOCAL, _LOCAL_PEERPID = 0, 2
# Named by hand: the module has it on Linux only.
_SO_PEERCRED = 17
_IS_LINUX = sys.platform.startswith("linux")


@dataclass(frozen=True, slots=True)
class Process:
    """One process, as far as trust goes."""

    pid: int
    name: str
    terminal: str
    """The controlling terminal, "136:3" (Linux: device number) or "ttys003" (macOS: name); empty without one."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The process that connected and its parents, nearest first."""

    uid: int
    ancestry: Sequence[Process]


def is_person(peer: Peer, agentd_pid: int) -> bool:
    """Whether `peer` is a command that a person typed: it has a terminal, and agentd is not among its parents."""
    if not peer.ancestry or not peer.ancestry[0].terminal:
        return False
    return all(process.pid != agentd_pid for process in peer.ancestry)


def identify(connection: socket.socket) -> Peer:
    """The peer of a connected Unix socket, as the kernel knows it. An ended process has no ancestry."""
    pid, uid = _credentials(connection)
    return Peer(uid, _ancestry(pid))


def may_connect(peer: Peer) -> bool:
    """Whether the peer is this user, or root."""
    return peer.uid in (os.getuid(), 0)


def adopt_orphans() -> None:
    """Makes this process the parent of all its orphaned descendants (Linux: prctl(2)); elsewhere nothing."""
    if _IS_LINUX:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap_orphans(seen: frozenset[int]) -> frozenset[int]:
    """Buries adopted children that ended and that nobody else waits for: those that were dead at the last call too.

    Returns those that are dead now, to be passed next time. asyncio buries its own children within moments.
    """
    dead = frozenset(child.pid for child in psutil.Process().children() if _is_zombie(child))
    for pid in dead & seen:
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            continue
    return dead - seen


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _credentials(connection: socket.socket) -> tuple[int, int]:
    """(process id, user id) of the peer."""
    if _IS_LINUX:
        size = struct.calcsize("3i")
        pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, _SO_PEERCRED, size))
        return pid, uid
    pid = connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID)
    # The socket's mode keeps other users out there; the process tells whose it is.
    try:
        return pid, psutil.Process(pid).uids().effective
    except psutil.NoSuchProcess:
        return pid, -1


def _ancestry(pid: int) -> list[Process]:
    try:
        own = psutil.Process(pid)
        return [_describe(process) for process in (own, *own.parents())]
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return []


def _describe(process: psutil.Process) -> Process:
    return Process(process.pid, process.name(), _terminal(process.pid))


def _terminal(pid: int) -> str:
    """See Process.terminal. psutil will not do: it remembers the terminals that were open when it was first asked."""
    if not _IS_LINUX:
        return _terminal_from_ps(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # proc_pid_stat(5): after the name, which may hold anything, come state, ppid, pgrp, session, tty_nr.
    device = int(stat.rpartition(")")[2].split()[4])
    return f"{os.major(device)}:{os.minor(device)}" if device else ""


def _terminal_from_ps(pid: int) -> str:
    told = subprocess.run(["/bin/ps", "-o", "tty=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return told.stdout.strip().strip("?-")
