"""The small project that a newcomer's first agent works on: a real folder, a real Git repository, a real bug."""

import shutil
import subprocess
from pathlib import Path

GREETER = '''"""Greets people by name."""


def greet(name: str) -> str:
    return "Hello, " + nmae + "!"


if __name__ == "__main__":
    print(greet("sailor"))
'''
BUG = '    return "Hello, " + nmae + "!"'
FIX = '    return f"Hello, {name}!"'

README = """# A little project

`greeter.py` should greet a sailor, but it has a bug. Ask the agent to *fix the greeter*.
"""

_IDENTITY = ("-c", "user.name=Halyard demo", "-c", "user.email=demo@halyard.invalid", "-c", "commit.gpgsign=false")


def create(folder: Path) -> Path:
    """Creates the project in `folder` unless it is there already; returns the folder. Raises OSError or
    CalledProcessError (no Git).
    """
    if (folder / "greeter.py").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "greeter.py").write_text(GREETER, encoding="utf-8")
    (folder / "README.md").write_text(README, encoding="utf-8")
    _git(folder, "init", "--quiet")
    _git(folder, "add", "--all")
    _git(folder, *_IDENTITY, "commit", "--quiet", "--message", "A greeter with a bug")
    return folder


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(
        [shutil.which("git") or "git", "-C", str(folder), *arguments], check=True, capture_output=True, timeout=30
    )
