"""docs/cli.md against the parser: every command and flag is told, and nothing is told that there is not."""

import argparse
import re
from pathlib import Path

import pytest

from agentd.cli.options import build

DOCUMENT = (Path(__file__).parents[3] / "docs" / "cli.md").read_text()
EVERYWHERE = {"-w", "--workspace", "--profile", "-v", "--verbose", "--json", "-h", "--help"}


def commands() -> dict[str, argparse.ArgumentParser]:
    (action,) = (a for a in build()._actions if isinstance(a, argparse._SubParsersAction))
    found: dict[str, argparse.ArgumentParser] = action.choices
    return found


def flags(parser: argparse.ArgumentParser) -> set[str]:
    return {flag for action in parser._actions for flag in action.option_strings} - EVERYWHERE


def section(title: str) -> str:
    return DOCUMENT.split(f"## {title}\n")[1].split("\n## ")[0]


def told_flags() -> dict[str, set[str]]:
    """Flags by command, as the table tells them."""
    told: dict[str, set[str]] = {}
    for names, cell in re.findall(r"^\| (`[^|]+`) \| (`-[^|]+`) \|", section("Flags of single commands"), re.MULTILINE):
        for name in re.findall(r"`(\w+)`", names):
            told.setdefault(name, set()).update(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", cell))
    return told


def test_every_command_is_told_and_no_other() -> None:
    told = re.findall(r"^\| `agentd (\w+)", section("Commands"), re.MULTILINE)
    assert sorted(told) == sorted(commands())


@pytest.mark.parametrize("command", sorted(commands()))
def test_the_flags_of_a_command_are_told_and_no_others(command: str) -> None:
    assert told_flags().get(command, set()) == flags(commands()[command])


def test_flags_that_all_commands_take_are_told() -> None:
    told = set(re.findall(r"(?<![\w-])--?[a-z]+", section("Flags that every command takes")))
    for parser in commands().values():
        assert told >= {"-w", "--profile", "--json", "-v"}
        assert {flag for action in parser._actions for flag in action.option_strings} >= EVERYWHERE


@pytest.mark.parametrize("action", ["list", "revoke", "rename", "role"])
def test_what_devices_does_is_told(action: str) -> None:
    assert action == "list" or f"`devices {action} " in DOCUMENT
