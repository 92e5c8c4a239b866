import os
import threading
from pathlib import Path

import pytest

from tools import bootstrap


@pytest.fixture
def empty_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A PATH with nothing on it, and a checkout in which nothing was installed."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(bootstrap, "STAMPS", tmp_path / "stamps")
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


def put_program(folder: Path, name: str) -> None:
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)


@pytest.mark.usefixtures("empty_path")
def test_a_completed_step_is_done_once_and_again_when_its_inputs_change(tmp_path: Path) -> None:
    inputs = tmp_path / "list.txt"
    inputs.write_text("one==1")
    bootstrap.stamp("step", bootstrap.digest(inputs))
    assert bootstrap.is_stamped("step", bootstrap.digest(inputs))

    inputs.write_text("one==2")
    assert not bootstrap.is_stamped("step", bootstrap.digest(inputs))
    assert not bootstrap.is_stamped("other", bootstrap.digest(inputs))


def test_missing_programs_are_named_by_the_package_that_has_them(empty_path: Path) -> None:
    assert bootstrap.missing_packages(browser=True) == ["ripgrep", "tmux", "chromium"]

    for program in ("rg", "tmux", "google-chrome"):
        put_program(empty_path, program)
    assert bootstrap.missing_packages(browser=True) == []


@pytest.mark.usefixtures("empty_path")
def test_who_may_not_install_is_told_the_line_that_installs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert bootstrap.main(["test-programs"]) == 1
    assert "sudo apt-get install ripgrep tmux chromium" in capsys.readouterr().err

    assert bootstrap.main(["terminal-tools"]) == 0
    assert "sudo apt-get install ripgrep tmux" in capsys.readouterr().out


@pytest.mark.usefixtures("empty_path")
def test_without_npm_a_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("package.json", "package-lock.json"):
        (tmp_path / name).write_text("{}")
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)

    assert bootstrap.main(["any-opencode"]) == 1
    assert "apt-get install npm" in capsys.readouterr().err


def test_needs_are_met_side_by_side_and_each_that_cannot_be_met_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    together = threading.Barrier(3, timeout=30)

    def fail(sentence: str) -> None:
        together.wait()
        raise bootstrap.MissingNeedError(sentence)

    needs = {"one": together.wait, "two": lambda: fail("No two."), "three": lambda: fail("No three.")}
    monkeypatch.setattr(bootstrap, "NEEDS", needs)
    assert bootstrap.main(list(needs)) == 1
    assert capsys.readouterr().err == "No two.\nNo three.\n"


def test_ones_own_opencode_is_enough(empty_path: Path) -> None:
    put_program(empty_path, "opencode")
    assert bootstrap.main(["any-opencode"]) == 0


def test_an_old_python_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "OLDEST", (99, 0))
    assert bootstrap.main([]) == 1
    assert capsys.readouterr().out.startswith("Halyard needs Python")


def test_a_step_that_fails_shows_its_own_words() -> None:
    with pytest.raises(bootstrap.MissingNeedError, match="no such thing"):
        bootstrap.run("sh", "-c", "echo no such thing >&2; exit 3", quiet=True)
