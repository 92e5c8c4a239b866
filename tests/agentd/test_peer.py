"""Who is at the socket. That a whole daemon holds to it is in test_local_socket.py."""

import os
import socket
import subprocess
import sys

import pytest

from agentd.peer import Peer, Process, identify, is_person, may_connect, reap_orphans

AGENTD = 100
SHELL, TERMINAL = Process(50, "bash", "/dev/pts/1"), Process(60, "agentd", "/dev/pts/1")


@pytest.mark.parametrize(
    ("ancestry", "person"),
    [
        ([TERMINAL, SHELL, Process(1, "init", "")], True),
        ([Process(60, "agentd", ""), SHELL], False),
        ([TERMINAL, Process(AGENTD, "agentd", "")], False),
        ([Process(AGENTD, "agentd", "/dev/pts/1")], False),
        ([], False),
    ],
)
def test_a_person_has_a_terminal_and_does_not_descend_from_agentd(ancestry: list[Process], *, person: bool) -> None:
    assert is_person(Peer(1000, ancestry), AGENTD) is person


def test_the_kernel_names_the_peer() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        peer = identify(ours)
    assert peer.uid == os.getuid()
    assert peer.ancestry[0].pid == os.getpid()
    assert peer.ancestry[1].pid == os.getppid()


def test_only_this_user_and_root_may_connect() -> None:
    assert may_connect(Peer(os.getuid(), []))
    assert may_connect(Peer(0, []))
    assert not may_connect(Peer(os.getuid() + 1, []))


def test_adopted_children_are_buried_at_the_second_sight() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    dead = reap_orphans(frozenset())
    assert child.pid in dead
    assert child.pid not in reap_orphans(dead)
    with pytest.raises(ChildProcessError):
        os.waitpid(child.pid, 0)
    child.wait()
