"""The relay's disk is really full, and really has room again, whichever way it is filled."""

import subprocess
import sys
from pathlib import Path

from tests.chaos.disk import Disk, small_disk

# Writes 64 KiB for each line that it is given, and says what came of it.
WRITER = """
import sys
for line in sys.stdin:
    try:
        with open(sys.argv[1], "ab", buffering=0) as file:
            print("ok" if file.write(bytes(65536)) == 65536 else "partly", flush=True)
    except OSError as error:
        print(error.strerror, flush=True)
"""


def what_comes_of_writing(disk: Disk) -> list[str]:
    """Before the disk is full, while it is, and when there is room again."""
    command = [sys.executable, "-c", WRITER, str(disk.folder / "data")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None

        def write() -> str:
            assert writer.stdin is not None
            assert writer.stdout is not None
            writer.stdin.write("\n")
            writer.stdin.flush()
            return writer.stdout.readline().strip()

        came = [write()]
        disk.fill(writer.pid)
        came.append(write())
        disk.free()
        came.append(write())
        writer.stdin.close()
    return came


def test_a_limit_on_the_size_of_files_does_where_nothing_can_be_mounted(tmp_path: Path) -> None:
    assert what_comes_of_writing(Disk(tmp_path, "file size limit")) == ["ok", "File too large", "ok"]


def test_the_best_that_this_machine_allows_works(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        first, full, last = what_comes_of_writing(disk)
        assert (first, last) == ("ok", "ok")
        assert (full == "ok") == (disk.kind == "none")


def test_a_machine_that_allows_neither_says_so(tmp_path: Path) -> None:
    assert what_comes_of_writing(Disk(tmp_path, "none")) == ["ok", "ok", "ok"]
