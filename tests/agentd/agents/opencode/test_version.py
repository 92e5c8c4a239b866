from __future__ import annotations

from pathlib import Path

import pytest

from agentd.agents.agent import AgentUnavailableError
from agentd.agents.opencode.version import Version, detect, fingerprint, parse, require_supported


def test_a_version_is_found_in_what_is_printed() -> None:
    assert parse("1.18.33\n") == Version("1.18.33", 1)
    assert parse("opencode v2.0.1-beta.3") == Version("2.0.1-beta.3", 2)


def test_what_is_no_version_says_what_to_do() -> None:
    with pytest.raises(AgentUnavailableError, match="npm install"):
        parse("Segmentation fault")


def test_only_release_one_is_supported() -> None:
    require_supported(Version("1.0.0", 1))
    with pytest.raises(AgentUnavailableError, match="not supported yet"):
        require_supported(Version("2.0.0", 2))
    with pytest.raises(AgentUnavailableError, match="too old"):
        require_supported(Version("0.9.0", 0))


def test_another_release_in_the_same_place_is_noticed(tmp_path: Path) -> None:
    binary = tmp_path / "opencode"
    assert fingerprint(binary) == ""
    binary.write_text("one")
    first = fingerprint(binary)
    assert first == fingerprint(binary) != ""
    binary.write_text("another")
    assert fingerprint(binary) != first


async def test_the_real_binary_tells_its_version(opencode: Path, tmp_path: Path) -> None:
    assert (await detect(opencode, {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})).major == 1


async def test_a_binary_that_is_missing_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(AgentUnavailableError, match="npm install"):
        await detect(tmp_path / "nothing", {})
