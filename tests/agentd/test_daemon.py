"""The true path through a real relay: pair, follow, prompt, decide. And an end, whatever the disk does."""

import asyncio
import sqlite3

import pytest

from agentd import daemon as composition
from agentd.config import Config
from agentd.daemon import Daemon, running
from halyard.agent.v1 import agent_service_pb2 as pb
from halyard.agent.v1 import decision_pb2, workstation_pb2
from tests.fakes.app_link import AppLink
from tests.fakes.pair_app import pair_app
from tests.fakes.relay_process import RunningRelay
from tests.fakes.scripted_agent import ScriptedAgent


async def test_an_app_pairs_follows_prompts_and_decides(
    daemon: Daemon, relay: RunningRelay, agent: ScriptedAgent
) -> None:
    app = await pair_app(daemon, relay)
    async with app.attached():
        await app.until(lambda: "workstation" in app.resources)
        assert app.resources["workstation"].workstation.display_name == "desk"
        project = app.resources["workstation"].workstation.default_project
        assert [value.project.path for value in app.named("projects/")] == [project]

        start = pb.StartSessionRequest(project=app.named("projects/")[0].name, title="First", prompt="Hello")
        started = await app.call("AgentService/StartSession", start, pb.StartSessionResponse)
        session = started.session.name
        await app.until(lambda: started.message in app.resources)
        message = app.resources[started.message].message
        assert message.author_device == app.identity.device_id

        await app.focus(session)
        part = f"{session}/messages/answer/parts/text"
        await stream(app, agent, part)
        await decide(app, agent, f"{session}/permissions/p1")


async def stream(app: AppLink, agent: ScriptedAgent, part: str) -> None:
    agent.open_part(part)
    await app.until(lambda: part in app.resources)
    agent.grow(part, "", "Hel")
    await app.until(lambda: app.text(part) == "Hel")
    agent.grow(part, "Hel", "lo")
    await app.until(lambda: app.text(part) == "Hello")
    assert "".join(delta.text for delta in app.hints if delta.part == part) == "Hello"
    agent.close_part(part, "Hello.")
    await app.until(lambda: app.resources[part].part.text.text == "Hello.")


async def decide(app: AppLink, agent: ScriptedAgent, name: str) -> None:
    agent.ask(name)
    await app.until(lambda: name in app.resources)
    request = pb.DecideRequest(permission=name, outcome=decision_pb2.DECISION_STATE_ALLOWED_ONCE)
    decided = await app.call("AgentService/Decide", request, pb.DecideResponse)
    assert decided.permission.decision.applied
    assert agent.asked[-1] == ("decide", name, "DECISION_STATE_ALLOWED_ONCE", "")
    await app.until(lambda: app.resources[name].permission.decision.applied)
    assert app.resources[name].permission.decision.decided_by == "Test phone"


async def test_a_store_that_takes_nothing_does_not_hold_up_the_end(
    config: Config, agent: ScriptedAgent, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(composition, "LAST_WRITE_SECONDS", 0.1)
    async with running(config, lambda _: [agent]):
        await agent.started()
        blocker = sqlite3.connect(config.database_path, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        agent.ask("sessions/s1/permissions/p1")
    blocker.close()
    assert "stopping without it" in caplog.text


async def test_an_adapter_that_falls_over_is_run_again_and_the_rest_goes_on(
    config: Config, agent: ScriptedAgent, caplog: pytest.LogCaptureFixture
) -> None:
    agent.defects = 1
    async with asyncio.timeout(30), running(config, lambda _: [agent]) as daemon:
        await agent.started()
        await daemon.log.flush()
        value = daemon.log.get("workstation")
    assert value is not None
    assert [known.state for known in value.workstation.agents] == [workstation_pb2.AGENT_STATE_READY]
    assert "ZeroDivisionError" in caplog.text
