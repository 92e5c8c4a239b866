"""A relay decides what agentd is handed. Whatever it is, nothing dies, and the next call is served."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halyard.agent.v1 import agent_service_pb2 as pb
from halyard.agent.v1 import workstation_pb2
from halyard.link.v1 import link_service_pb2 as link
from tests.fakes.call_desk import Clock, Phone, workstation
from tests.fakes.scripted_agent import ScriptedAgent

OPERATOR = workstation_pb2.DEVICE_ROLE_OPERATOR


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_whatever_a_relay_hands_over_nothing_dies(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    asyncio.run(_hand_over(tmp_path_factory.mktemp("fuzz"), data))


async def _hand_over(folder: Path, data: st.DataObject) -> None:
    clock, phone, agent = Clock(), Phone(), ScriptedAgent()
    async with workstation(folder, clock, agent) as at:
        at.devices.add(phone.identity.public, "Phone", "test", OPERATOR)
        name = agent.begin_session("s", at.projects.add(str(folder)).name).name

        def prompt(text: str) -> link.InboxCall:
            return phone.call(clock, "AgentService/Prompt", pb.PromptRequest(session=name, text=text))

        for _ in range(10):
            await at.receive(_bent(prompt("bent"), data, phone.identity.device_id))
        await at.receive(prompt("Still here"))
        assert await agent.heard("Still here")


def _bent(call: link.InboxCall, data: st.DataObject, device_id: str) -> link.InboxCall:
    """The call, with some of its fields replaced."""
    call.device_id = data.draw(st.sampled_from([device_id, "x" * 26, ""]))
    if data.draw(st.booleans()):
        call.call.call_id = data.draw(st.binary(max_size=20))
    if data.draw(st.booleans()):
        call.call.sealed = data.draw(st.binary(max_size=60))
    if data.draw(st.booleans()):
        call.call.expire_time.seconds = data.draw(st.integers(-(2**63), 2**63 - 1))
        call.call.expire_time.nanos = data.draw(st.integers(-(2**31), 2**31 - 1))
    return call
