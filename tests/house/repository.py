"""What the house rules look at: the files of this checkout that are written by people."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("wire", "relay", "agentd", "app_flet/src")
OURS = (*PACKAGES, "tests", "bench", "tools")


def files(folder: Path, pattern: str) -> Iterator[Path]:
    """Matching files below a folder, without what Python leaves there."""
    return (path for path in sorted(folder.rglob(pattern)) if "__pycache__" not in path.parts)


def python_files(*folders: str) -> list[Path]:
    """Our own Python files in some top-level folders."""
    return [path for folder in folders for path in files(ROOT / folder, "*.py")]


def tracked() -> list[Path]:
    """Every file that belongs to the repository: what git knows, or everything in an unpacked archive."""
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    made = {line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines() if line.endswith("/")}
    return [path for path in ROOT.rglob("*") if path.is_file() and not made & set(path.relative_to(ROOT).parts)]


def shown(path: Path) -> str:
    """A path as people write it."""
    return path.relative_to(ROOT).as_posix()
