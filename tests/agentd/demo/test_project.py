from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from agentd.demo import project


def test_the_sample_is_a_clean_repository_with_a_bug_that_its_fix_mends(tmp_path: Path) -> None:
    folder = project.create(tmp_path / "deep" / "sample")
    status = subprocess.run(["git", "-C", str(folder), "status", "--porcelain"], check=True, capture_output=True)
    assert status.stdout == b""
    greeter = folder / "greeter.py"
    assert subprocess.run([sys.executable, str(greeter)], capture_output=True, check=False).returncode != 0
    greeter.write_text(greeter.read_text().replace(project.BUG, project.FIX))
    run = subprocess.run([sys.executable, str(greeter)], check=True, capture_output=True)
    assert run.stdout == b"Hello, sailor!\n"


def test_a_project_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    folder = project.create(tmp_path / "sample")
    (folder / "greeter.py").write_text("mine")
    assert project.create(folder) == folder
    assert (folder / "greeter.py").read_text() == "mine"
