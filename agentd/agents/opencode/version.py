"""Which OpenCode is installed. Pure but for `detect`.

Version 2 (npm `@opencode/cli`) removed every route that this adapter speaks, and answers them with a web page. Its
adapter will be a sibling of this folder; what maps to what is written down in `docs/decisions/`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agentd.agents.agent import AgentUnavailableError

SUPPORTED_MAJOR = 1
INSTALL_LINE = "npm install -g opencode-ai@1"
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)\S*")
# From a cold disk, 185 MB take their time; a wrong "install it again" would cost a person more than the wait.
_DETECT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Version:
    """A release."""

    text: str
    major: int


def parse(output: str) -> Version:
    """Returns the release that `opencode --version` printed. Raises AgentUnavailableError."""
    found = _VERSION.search(output)
    if found is None:
        raise AgentUnavailableError(f"OpenCode does not tell its version. Install it again: {INSTALL_LINE}")
    return Version(found[0], int(found[1]))


def require_supported(version: Version) -> None:
    """Raises AgentUnavailableError for a release that this adapter cannot speak to."""
    if version.major > SUPPORTED_MAJOR:
        raise AgentUnavailableError(
            f"OpenCode {version.text} is not supported yet: Halyard speaks to release 1. "
            f"Install it beside: {INSTALL_LINE}, and name its binary with --opencode."
        )
    if version.major < SUPPORTED_MAJOR:
        raise AgentUnavailableError(f"OpenCode {version.text} is too old. Update it: {INSTALL_LINE}")


def fingerprint(binary: Path) -> str:
    """Returns what changes when another release is put in the binary's place; empty when there is no such file."""
    try:
        found = binary.stat()
    except OSError:
        return ""
    return f"{binary.resolve()}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"


async def detect(binary: Path, environment: Mapping[str, str]) -> Version:
    """Returns the installed release. Raises AgentUnavailableError when the binary is missing or does not answer."""
    try:
        process = await asyncio.create_subprocess_exec(
            binary,
            "--version",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=dict(environment),
        )
    except OSError as error:
        raise AgentUnavailableError(
            f"{binary} cannot be started ({error}). Install OpenCode: {INSTALL_LINE}"
        ) from error
    try:
        async with asyncio.timeout(_DETECT_SECONDS):
            output, _ = await process.communicate()
    except TimeoutError as error:
        raise AgentUnavailableError(
            f"{binary} --version did not answer in time. Install OpenCode again: {INSTALL_LINE}"
        ) from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return parse(output.decode(errors="replace"))
