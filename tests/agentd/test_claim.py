import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentd.claim import Standing, claimed
from agentd.errors import AlreadyUpError

HOLD = """
import sys
from pathlib import Path
from agentd.claim import Standing, claimed
with claimed(Path(sys.argv[1]), "lab") as claim:
    claim.tell(Standing(pid=7, app_url="http://127.0.0.1:8787", port=8787))
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_is_told_who_the_first_is_and_where(tmp_path: Path) -> None:
    path = tmp_path / "up.json"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(AlreadyUpError) as refusal, claimed(path, "lab"):
        pass
    assert (refusal.value.pid, refusal.value.app_url) == (7, "http://127.0.0.1:8787")
    assert "process 7 and serves http://127.0.0.1:8787" in str(refusal.value)
    assert "--profile" in str(refusal.value)
    holder.kill()
    holder.communicate()
    # A killed holder's claim ends with it, and what it told is still to be read.
    with claimed(path, "lab") as claim:
        assert claim.last.port == 8787
        assert json.loads(path.read_text())["pid"] == os.getpid()


def test_the_first_ever_begins_with_nothing(tmp_path: Path) -> None:
    with claimed(tmp_path / "new" / "up.json", "default") as claim:
        assert claim.last == Standing(pid=0)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "new" / "up.json").stat().st_mode & 0o777 == 0o600


def test_a_damaged_file_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "up.json").write_text("{half a")
    with claimed(tmp_path / "up.json", "default") as claim:
        assert claim.last == Standing(pid=0)
        claim.tell(Standing(pid=1, port=9000))
    with claimed(tmp_path / "up.json", "default") as claim:
        assert claim.last == Standing(pid=1, port=9000)
