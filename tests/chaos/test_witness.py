"""The witness finds what a command left running, whatever it hides."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

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
