"""A stranger's clone: nothing in it needs, names or trusts the machine it was written on."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from tests.house.repository import ROOT, shown, tracked

# Written in halves, so that this file does not find itself.
REGISTRIES = ["pypi" + ".org", "files.python" + "hosted.org", "registry.npm" + "js.org", "deb.debian" + ".org"]
# People in examples are called ada, mira or you.
HOME_FOLDERS = re.compile(r"(?<![\w.])/(?:root|(?:home|Users)/(?!(?:ada|mira|you)/)\w+)/(?!\.\.\.)")
LOCKED = ROOT / "requirements"


def texts() -> list[tuple[Path, str]]:
    """Every tracked text file that people write."""
    own = [path for path in tracked() if path.relative_to(ROOT).parts[0] != "gen"]
    return [(path, path.read_bytes().decode("utf-8", errors="ignore")) for path in own if path.suffix != ".woff2"]


def test_no_file_names_a_registry() -> None:
    assert [shown(path) for path, text in texts() if any(host in text for host in REGISTRIES)] == []


def test_no_file_names_somebodys_folder() -> None:
    named = {shown(path): HOME_FOLDERS.findall(text) for path, text in texts() if path.parts[-2] != "contract"}
    assert {name: found for name, found in named.items() if found} == {}


@pytest.mark.parametrize("name", ["runtime", "app", "build", "dev"])
def test_every_requirement_is_pinned_with_hashes(name: str) -> None:
    text = (LOCKED / f"{name}.txt").read_text()
    entries = re.split(r"\n(?=[A-Za-z])", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).strip())
    assert entries
    assert [entry.splitlines()[0] for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []
    assert "--index-url" not in text
    assert "--find-links" not in text


@pytest.mark.parametrize("folder", [".", "tools/web_fonts"])
def test_npm_packages_are_pinned_with_hashes_and_no_host(folder: str) -> None:
    lock = json.loads((ROOT / folder / "package-lock.json").read_text())
    wanted = json.loads((ROOT / folder / "package.json").read_text())
    names = {*wanted.get("dependencies", {}), *wanted.get("devDependencies", {})}
    assert names
    for name in names:
        assert lock["packages"][f"node_modules/{name}"]["integrity"].startswith("sha512-")
    assert [path for path, entry in lock["packages"].items() if "resolved" in entry] == []


def test_declared_versions_are_the_tested_ones() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["app"]]
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)", (LOCKED / "app.txt").read_text().lower(), flags=re.MULTILINE))
    for requirement in declared:
        name = re.split(r"[\[=<>]", requirement.lower())[0]
        assert name in pinned, f"{requirement} is in pyproject.toml and not in requirements/app.txt"
        if "==" in requirement:
            assert requirement.lower().split("==")[1] == pinned[name]


def test_every_dependency_is_explained() -> None:
    explained = (ROOT / "docs" / "dependencies.md").read_text().lower()
    listed = [
        re.split(r"[\[=<>\s]", line)[0].lower()
        for path in sorted(LOCKED.glob("*.in"))
        for line in path.read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert [name for name in listed if f"`{name}`" not in explained] == []


def test_the_repository_stays_small() -> None:
    # Three quarters are the fonts of the web app; everything else together is a clone of seconds.
    sizes = {shown(path): path.stat().st_size for path in tracked()}
    assert sum(sizes.values()) < 24_000_000, sorted(sizes.items(), key=lambda item: -item[1])[:10]


def test_the_image_is_built_from_files_that_exist_and_are_let_in() -> None:
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    sources = [source for line in copies for source in line.split()]
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert set(sources) <= let_in
