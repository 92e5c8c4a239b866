from pathlib import Path

import pytest

from agentd.errors import ConfigError
from agentd.opencode_binary import credentials, find, has_own_model, is_own


def program(path: Path, script: str = "exit 0") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return path


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    program(tmp_path / "checkout" / "node_modules" / ".bin" / "opencode")
    return tmp_path / "checkout"


def test_the_named_one_wins(tmp_path: Path, checkout: Path) -> None:
    on_path, named = program(tmp_path / "bin" / "opencode"), program(tmp_path / "mine")
    assert find(named, {"PATH": str(on_path.parent)}, checkout) == named


def test_then_the_one_on_path_then_the_one_beside(tmp_path: Path, checkout: Path) -> None:
    on_path = program(tmp_path / "bin" / "opencode")
    assert find(None, {"PATH": str(on_path.parent)}, checkout) == on_path
    assert find(None, {"PATH": "/nowhere"}, checkout) == checkout / "node_modules" / ".bin" / "opencode"


def test_without_any_it_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="npm install -g opencode-ai"):
        find(None, {"PATH": ""}, tmp_path)


def test_a_named_one_that_cannot_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be run"):
        find(tmp_path / "absent", {}, tmp_path)


@pytest.mark.parametrize(
    ("models", "logged_in", "own"),
    [
        ([], [], False),
        (["opencode/big-pickle", "opencode/some-free"], [], False),
        (["opencode/big-pickle"], ["opencode"], True),
        (["opencode/big-pickle", "anthropic/claude-sonnet-5"], [], True),
        (["Error:", "no"], [], False),
    ],
)
def test_models_that_everybody_gets_are_nobodys_own(models: list[str], logged_in: list[str], own: bool) -> None:
    assert is_own(models, logged_in) is own


def test_logins_are_read_where_opencode_keeps_them(tmp_path: Path) -> None:
    (tmp_path / "opencode").mkdir()
    (tmp_path / "opencode" / "auth.json").write_text('{"opencode": {"type": "api", "key": "x"}}')
    assert credentials({"XDG_DATA_HOME": str(tmp_path)}) == ["opencode"]
    assert credentials({"HOME": str(tmp_path)}) == []


async def test_opencode_itself_is_asked_in_the_folder(tmp_path: Path) -> None:
    binary = program(tmp_path / "opencode", 'test "$1" = models && echo "in/$(basename "$PWD")"')
    assert await has_own_model(binary, tmp_path, {"PATH": "/usr/bin:/bin"})


async def test_an_opencode_that_fails_has_none(tmp_path: Path) -> None:
    assert not await has_own_model(program(tmp_path / "opencode", "exit 1"), tmp_path, {"PATH": "/usr/bin:/bin"})
