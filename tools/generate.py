"""Write `gen/` from `proto/`, or say whether the committed one is up to date (`--check`).

Everything runs on this machine with the plugins of the virtual environment; the same inputs give the same bytes.
"""

import argparse
import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GEN = ROOT / "gen"
TEMPLATES = ("buf.gen.yaml", "buf.gen.client.yaml")
NOTICE = '"""Generated from proto/ by `make gen`. Do not edit."""\n'


def environment() -> dict[str, str]:
    """This process's environment with the interpreter's own folder first on PATH: the plugins live there."""
    own = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": os.pathsep.join([own, os.environ.get("PATH", "")])}


def write(target: Path) -> None:
    """Generate into `target`, which is replaced."""
    shutil.rmtree(target, ignore_errors=True)
    (target / "gen" / "halyard_client").mkdir(parents=True)
    for template in TEMPLATES:
        command = ["buf", "generate", "--template", template, "--output", str(target)]
        subprocess.run(command, cwd=ROOT, env=environment(), check=True, stderr=subprocess.PIPE, text=True)
    drop_empty_stubs(target / "gen" / "halyard")
    make_packages(target / "gen" / "halyard")


def drop_empty_stubs(package: Path) -> None:
    """Remove the stub types of files without a service: there is no module they could describe."""
    for types in package.rglob("*_pb2_grpc.pyi"):
        if not types.with_suffix(".py").exists():
            types.unlink()


def make_packages(package: Path) -> None:
    """Turn protoc's bare folders into typed packages, so that tools find them without namespace rules."""
    for folder in [package, *(path for path in package.rglob("*") if path.is_dir())]:
        (folder / "__init__.py").write_text(NOTICE)
    (package / "py.typed").touch()
    (package.parent / "halyard_client" / "py.typed").touch()


def files(folder: Path) -> set[str]:
    """Paths below `folder`, without what Python itself leaves there."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def differences(left: Path, right: Path) -> list[str]:
    """Paths that are not the same bytes on both sides."""
    names = files(left) | files(right)
    _same, different, missing = filecmp.cmpfiles(left, right, names, shallow=False)
    return sorted([*different, *missing])


def main() -> int:
    """Return 0 when `gen/` was written or is up to date, 1 when it has drifted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare; write nothing")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as name:
        target = Path(name) / "out"
        write(target)
        drifted = differences(target / "gen", GEN)
        if not check:
            shutil.rmtree(GEN, ignore_errors=True)
            shutil.copytree(target / "gen", GEN)
            return 0
    for path in drifted:
        print(f"gen/{path} does not match proto/. Run `make gen` and commit the result.")
    return 1 if drifted else 0


if __name__ == "__main__":
    sys.exit(main())
