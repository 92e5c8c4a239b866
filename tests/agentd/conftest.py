"""A real relay, a real daemon in this process, a scripted agent: what the tests of agentd's core stand on. And the
real OpenCode, for tests of its adapter.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from agentd.config import Config
from agentd.daemon import Daemon, running
from tests.fakes.call_desk import Clock, Phone
from tests.fakes.opencode import Rig, find_opencode, rig
from tests.fakes.relay_process import RunningRelay, relay_process
from tests.fakes.scripted_agent import ScriptedAgent


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[RunningRelay]:
    async with relay_process(tmp_path / "relay") as serving:
        yield serving


@pytest.fixture
def agent() -> ScriptedAgent:
    return ScriptedAgent()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def phone() -> Phone:
    return Phone()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def config(tmp_path: Path, project: Path) -> Config:
    return Config(state_dir=tmp_path / "state", display_name="desk", default_project=project)


@pytest.fixture
async def daemon(config: Config, relay: RunningRelay, agent: ScriptedAgent) -> AsyncIterator[Daemon]:
    async with running(replace(config, relay=relay.address), lambda _: [agent]) as serving:
        await agent.started()
        yield serving


@pytest.fixture(scope="session")
def opencode() -> Path:
    """The OpenCode binary; its absence fails the test with the line that installs it."""
    return find_opencode()


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def shared(opencode: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    """One running OpenCode for all tests that leave it alive: it takes seconds and 320 MB to start. Each test makes
    sessions of its own.
    """
    async with rig(tmp_path_factory.mktemp("opencode"), opencode) as made:
        yield made
