"""What the documents promise about the repository is there."""

import re
import subprocess

import pytest

from tests.house.repository import ROOT

DOCUMENTS = (
    "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "LICENSE",
    "docs/link-protocol.md", "docs/pairing-protocol.md", "docs/threat-model.md", "docs/dependencies.md",
)  # fmt: skip
# `wire/log.py`, `docs/decisions/`, `tests/flows`: a path in backticks that starts with one of our folders.
FOLDERS = r"\.ci|agentd|app_flet|bench|docs|gen|proto|relay|requirements|tests|tools|wire"
NAMED_PATH = re.compile(rf"`((?:{FOLDERS})/[\w./*{{}},-]*)`")
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")
COMMANDS = ("up", "demo", "test", "check", "gen", "bench", "chaos", "screenshots")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_document_is_there(name: str) -> None:
    assert len((ROOT / name).read_text()) > 200


def expanded(path: str) -> list[str]:
    """`a/{b,c}.py` as two paths."""
    choice = re.search(r"\{([^{}]*)\}", path)
    if choice is None:
        return [path]
    return [
        whole
        for part in choice.group(1).split(",")
        for whole in expanded(path[: choice.start()] + part + path[choice.end() :])
    ]


def test_paths_named_in_the_architecture_exist() -> None:
    named = NAMED_PATH.findall((ROOT / "ARCHITECTURE.md").read_text())
    paths = [path.rstrip("/") for name in named for path in expanded(name)]
    assert paths
    assert [path for path in paths if not list(ROOT.glob(path))] == []


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name.endswith(".md")])
def test_links_between_documents_lead_somewhere(name: str) -> None:
    document = ROOT / name
    targets = LINK.findall(document.read_text())
    assert [target for target in targets if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_make_command_is_defined(command: str) -> None:
    done = subprocess.run(["make", "--dry-run", command], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "tools/bootstrap.py" in done.stdout


def test_ci_is_check_then_test() -> None:
    steps = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line.startswith("make")]
    assert [line.split()[-1] for line in steps] == ["check", "test"]
