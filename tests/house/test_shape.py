"""The shape of the code: names, sizes, and who may know what."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.repository import OURS, PACKAGES, ROOT, files, python_files, shown

LONGEST_FILE = 400
LONG_FUNCTION = 50
SAYS_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
PURE = (
    "wire/*.py",
    "agentd/agents/*/translate*.py",
    "app_flet/src/app_flet/model.py",
    "app_flet/src/app_flet/reduce.py",
)
# Modules that reach the world or the clock. `datetime` is a value type; its clock is caught by name below. `secrets`
# is let through: a nonce must not be a caller's choice.
IMPURE = {
    "asyncio", "grpc", "http", "httpx", "logging", "multiprocessing", "os", "random", "select", "shutil",
    "signal", "socket", "sqlite3", "sqlmodel", "ssl", "subprocess", "tempfile", "threading", "time", "urllib",
    "websockets",
}  # fmt: skip


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=shown(path))


def imported(tree: ast.Module) -> set[str]:
    """Top-level names of everything imported."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def test_a_name_says_what_a_thing_is() -> None:
    named = [path for folder in OURS for path in files(ROOT / folder, "*") if path.suffix in {".py", ""}]
    assert [shown(path) for path in named if SAYS_NOTHING & set(re.split(r"[_.]", path.name))] == []


def test_an_init_file_holds_a_docstring_only() -> None:
    def is_docstring_only(path: Path) -> bool:
        tree = tree_of(path)
        return len(tree.body) == 1 and ast.get_docstring(tree) is not None

    paths = [path for path in python_files(*OURS) if path.name == "__init__.py"]
    assert [shown(path) for path in paths if not is_docstring_only(path)] == []


def test_a_file_holds_one_thing() -> None:
    lengths = {shown(path): len(path.read_text().splitlines()) for path in python_files(*OURS)}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    documented = ast.get_docstring(function) is not None
    first = function.body[1] if documented and len(function.body) > 1 else function.body[0]
    last = function.end_lineno
    assert last is not None
    return last - first.lineno + 1


def test_functions_are_short() -> None:
    lengths = {
        f"{shown(path)}:{node.name}": body_lines(node)
        for path in python_files(*PACKAGES)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    long = {name: length for name, length in lengths.items() if length > LONG_FUNCTION}
    ordered = sorted(lengths.values())

    assert 3 <= ordered[len(ordered) // 2] <= 8
    assert len(long) <= len(lengths) // 100, long


def test_the_relay_is_blind() -> None:
    paths = [path for path in files(ROOT / "relay", "*") if path.is_file()]
    spoken = [
        f"{shown(path)}:{number}"
        for path in paths
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if "permission" in line.lower()
    ]
    assert paths
    assert spoken == []


@pytest.mark.parametrize("pattern", PURE)
def test_pure_modules_reach_neither_world_nor_clock(pattern: str) -> None:
    paths = [path for path in ROOT.glob(pattern) if path.name != "__init__.py"]
    assert paths
    for path in paths:
        tree = tree_of(path)
        assert imported(tree) & IMPURE == set(), shown(path)
        clock = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow"}]
        assert [node for node in clock if isinstance(node.value, ast.Name) and node.value.id == "datetime"] == []


@pytest.mark.parametrize("package", ["wire", "app_flet"])
def test_the_app_side_loads_neither_protobuf_runtime_nor_grpc(package: str) -> None:
    program = (
        "import importlib, pkgutil, sys\n"
        f"package = importlib.import_module({package!r})\n"
        f"for found in pkgutil.walk_packages(package.__path__, {package + '.'!r}):\n"
        "    importlib.import_module(found.name)\n"
        "loaded = sorted(n for n in sys.modules if n == 'grpc' or n.startswith(('grpc.', 'google.protobuf')))\n"
        "print(*loaded)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr, done.stdout.strip()) == (0, "", "")


def test_no_test_is_left_out() -> None:
    words = re.compile(r"pytest\.(mark\.)?(skip|skipif|xfail)\b|\bTO" + r"DO\b|\bFIX" + r"ME\b")
    assert [shown(path) for path in python_files(*OURS) if words.search(path.read_text())] == []
