"""The network fails between agentd and its relay, unannounced, in the middle of things: none is lost, none doubled."""

import asyncio
from dataclasses import replace

import pytest

from agentd import uplink_session
from agentd.config import Config, RelayAddress
from agentd.daemon import running
from halyard.agent.v1 import agent_service_pb2 as pb
from halyard.agent.v1 import workstation_service_pb2 as ws
from tests.chaos.proxy import Proxy
from tests.fakes.cutting_proxy import CuttingProxy
from tests.fakes.pair_app import pair_app
from tests.fakes.relay_process import RunningRelay
from tests.fakes.scripted_agent import ScriptedAgent

CUTS = 3
RECORDS = 40
SOON_SECONDS = 40
"""Less than the minute after which a silent link is dead in any case."""


async def test_records_and_calls_survive_cuts(config: Config, relay: RunningRelay, agent: ScriptedAgent) -> None:
    host, _, port = relay.grpc.rpartition(":")
    async with CuttingProxy(host, int(port)).serving() as proxy:
        told = replace(config, relay=RelayAddress(relay.origin, f"127.0.0.1:{proxy.port}"))
        async with running(told, lambda _: [agent]) as daemon:
            await agent.started()
            app = await pair_app(daemon, relay)
            name = agent.begin_session("s", daemon.projects.list()[0].name).name
            async with app.attached():
                await app.until(lambda: name in app.resources)
                calls = []
                for turn in range(CUTS):
                    for number in range(RECORDS):
                        agent.close_part(f"{name}/messages/m/parts/{turn}-{number:02}", f"{turn}-{number}")
                    prompt = pb.PromptRequest(session=name, text=f"prompt {turn}")
                    calls.append(app.prepare("AgentService/Prompt", prompt))
                    await app.send(calls[-1])
                    await proxy.cut()
                    assert daemon.uplink is not None
                    async with asyncio.timeout(60):
                        await daemon.uplink.until(ws.LINK_STATE_UP)
                await app.until(lambda: len(app.named(f"{name}/messages/m/parts/")) == CUTS * RECORDS)
            # An answer that was on its way when the link broke is asked for again on the app's next link.
            async with app.attached():
                answers = [await asyncio.wait_for(call.answer, 30) for call in calls]
    assert all(answer.HasField("response") for answer in answers)
    assert sorted(order.text for order in agent.prompts.values()) == [f"prompt {turn}" for turn in range(CUTS)]
    texts = {value.part.text.text for value in app.named(f"{name}/messages/m/parts/")}
    assert texts == {f"{turn}-{number}" for turn in range(CUTS) for number in range(RECORDS)}


async def test_a_link_that_dies_unheard_while_somebody_looks_is_made_anew(
    config: Config, relay: RunningRelay, agent: ScriptedAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uplink_session, "LOOK_SECONDS", 0.1)
    host, _, port = relay.grpc.rpartition(":")
    async with Proxy(host, int(port)).serving() as proxy, asyncio.timeout(SOON_SECONDS):
        told = replace(config, relay=RelayAddress(relay.origin, f"127.0.0.1:{proxy.port}"))
        async with running(told, lambda _: [agent]) as daemon:
            await agent.started()
            app = await pair_app(daemon, relay)
            name = agent.begin_session("s", daemon.projects.list()[0].name).name
            async with app.attached():
                await app.until(lambda: name in app.resources)
                await app.focus(name)
                part, unheard = f"{name}/messages/m/parts/p", f"{name}/messages/m/parts/q"
                agent.open_part(part)
                await app.until(lambda: part in app.resources)
                agent.grow(part, "", "somebody looks")
                await app.until(lambda: app.text(part) == "somebody looks")
                proxy.silence()
                proxy.clear()
                agent.close_part(unheard, "said while nothing came through")
                await app.until(lambda: unheard in app.resources)
