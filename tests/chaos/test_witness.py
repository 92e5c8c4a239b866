"""The witness finds what a command left running, whatever it hides; a server that has just ended does not upset it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.chaos.rig import opencode_client
from tests.chaos.witness import running_of


@contextmanager
def running(*command: str, folder: Path) -> Iterator[psutil.Process]:
    process = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        process.communicate()


WAITS = "echo here; read line"


@pytest.mark.parametrize("hides", [("setsid",), ("env", "-i", "setsid"), ("env", "-i", "-C", "/", "setsid")])
def test_a_process_that_hides_is_found(tmp_path: Path, hides: tuple[str, ...]) -> None:
    with running(*hides, "sh", "-c", WAITS, str(tmp_path), folder=tmp_path) as process:
        assert process in running_of(tmp_path)
        assert process not in running_of(tmp_path / "elsewhere")
    with running("env", "-i", "sh", "-c", WAITS, folder=tmp_path) as process:
        assert process in running_of(tmp_path)
    assert running_of(tmp_path) == []


def test_a_server_that_has_ended_and_is_not_reaped_yet_is_gone() -> None:
    process = subprocess.Popen(["sh", "-c", "exit", "serve", "--port", "1"], stdin=subprocess.DEVNULL)
    seen = psutil.Process(process.pid)
    # Waits for its end and leaves it in the table.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(psutil.Error):
        opencode_client(seen)
    process.wait()
