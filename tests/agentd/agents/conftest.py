"""The real OpenCode and the scripted model, for tests of adapters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from agentd.demo.scenarios import SCENARIOS
from agentd.demo.server import ModelServer
from tests.fakes.opencode import Rig, find_opencode, rig


@pytest.fixture(scope="session")
def opencode() -> Path:
    """The OpenCode binary; its absence fails the test with the line that installs it."""
    return find_opencode()


@pytest_asyncio.fixture
async def model_server() -> AsyncIterator[ModelServer]:
    """The scripted model, on a free port."""
    async with ModelServer(SCENARIOS).serving() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared(opencode: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    """One running OpenCode for all tests of a module: it takes 4 s and 320 MB to start. Each test makes sessions of
    its own.
    """
    async with rig(tmp_path_factory.mktemp("opencode"), opencode) as made:
        yield made
