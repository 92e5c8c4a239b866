"""What an OpenCode that is missing, too new or broken is told as, and how patiently it is started again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from agentd.agents.agent import AgentUnavailableError, PromptOrder, StartOrder
from agentd.agents.opencode.adapter import OpenCodeAgent
from agentd.agents.supervision import Policy
from halyard.agent.v1 import workstation_pb2
from tests.fakes.journal import MemoryJournal
from tests.fakes.opencode import Rig, Running

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_nothing_can_be_asked_before_the_start_or_after_the_end(shared: Rig) -> None:
    agent = OpenCodeAgent(shared.settings)
    assert agent.endpoint is None
    with pytest.raises(AgentUnavailableError, match="starting"):
        await agent.prompt(PromptOrder("ses_x", "msg_x", "Hello"))
    with pytest.raises(AgentUnavailableError):
        await agent.start_session(StartOrder(folder=shared.folder, token="t"))


async def test_a_missing_opencode_is_told_with_the_line_that_installs_it(shared: Rig) -> None:
    agent = OpenCodeAgent(replace(shared.settings, binary=Path("/nowhere/opencode")))
    running = Running.start(agent.run(MemoryJournal()))
    with pytest.raises(AgentUnavailableError, match="npm install -g opencode-ai"):
        await asyncio.wait_for(agent.ready(), 60)
    await running.stop()
    assert agent.describe().state == workstation_pb2.AGENT_STATE_UNAVAILABLE


async def test_a_release_that_is_not_supported_yet_says_so(shared: Rig, tmp_path: Path) -> None:
    second = tmp_path / "opencode"
    second.write_text("#!/bin/sh\necho 2.1.0\n")
    second.chmod(0o755)
    agent = OpenCodeAgent(replace(shared.settings, binary=second))
    running = Running.start(agent.run(MemoryJournal()))
    with pytest.raises(AgentUnavailableError, match=r"2\.1\.0 is not supported yet"):
        await asyncio.wait_for(agent.ready(), 60)
    await running.stop()


async def test_a_release_is_asked_for_again_only_when_the_file_has_changed(tmp_path: Path, shared: Rig) -> None:
    binary = tmp_path / "opencode"
    binary.write_text('#!/bin/sh\necho "$1" >> "$0.asked"\n[ "$1" = --version ] && echo 1.18.33\nexit 0\n')
    binary.chmod(0o755)
    policy = Policy(backoff_first=0.01, backoff_most=0.02)
    agent = OpenCodeAgent(replace(shared.settings, binary=binary, policy=policy))
    running = Running.start(agent.run(journal := MemoryJournal()))
    await journal.until(lambda j: j.starts > 3, "several starts")
    await running.stop()
    asked = (tmp_path / "opencode.asked").read_text().split()
    assert asked.count("--version") == 1
    assert asked.count("serve") > 1


async def test_a_server_that_ends_right_away_is_tried_again_with_growing_patience(shared: Rig, tmp_path: Path) -> None:
    broken = tmp_path / "opencode"
    broken.write_text('#!/bin/sh\n[ "$1" = --version ] && echo 1.18.33 && exit 0\nexit 7\n')
    broken.chmod(0o755)
    policy = Policy(backoff_first=0.01, backoff_most=0.02)
    agent = OpenCodeAgent(replace(shared.settings, binary=broken, policy=policy))
    journal = MemoryJournal()
    running = Running.start(agent.run(journal))
    await journal.until(lambda j: "exit code 7" in j.agent.state_detail, "the end to be told")
    await running.stop()
