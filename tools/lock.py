"""Compile `requirements/*.in` to `*.txt`: every package pinned with the hashes of all its files, no index address.

dev contains app and build, app contains runtime, and all are held to the same versions: what is tested is what runs.
Universal: one file for Linux and macOS and every supported Python. `--upgrade` takes newer versions.
"""

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = Path(sys.executable).parent / "uv"
LISTS = {
    "dev": ["runtime.in", "app.in", "build.in", "dev.in"],
    "app": ["runtime.in", "app.in"],
    "runtime": ["runtime.in"],
    "build": ["build.in"],
    "fuzz": ["fuzz.in"],
}
OPTIONS = ["--universal", "--python-version=3.11", "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links"]


def compile_list(name: str, *, upgrade: bool) -> None:
    """Write one list; the smaller ones take their versions from dev.txt."""
    command = [str(UV), "pip", "compile", "--quiet", *OPTIONS, "--custom-compile-command", "tools/lock.py"]
    if name != "dev":
        command += ["--constraint", "requirements/dev.txt"]
    if upgrade and name == "dev":
        command.append("--upgrade")
    inputs = [f"requirements/{part}" for part in LISTS[name]]
    subprocess.run([*command, "--output-file", f"requirements/{name}.txt", *inputs], cwd=ROOT, check=True)


def main() -> None:
    """Compile all lists, the widest first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="take newer versions where the .in files allow")
    upgrade = parser.parse_args().upgrade
    for name in LISTS:
        compile_list(name, upgrade=upgrade)


if __name__ == "__main__":
    main()
