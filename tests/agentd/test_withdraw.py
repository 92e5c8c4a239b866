"""A call that its author takes back: never begun when it was in time, and a plain word when it was not."""

from pathlib import Path

from agentd.grpc_errors import reason_of
from halyard.agent.v1 import workstation_pb2
from halyard.agent.v1 import workstation_service_pb2 as service
from halyard.link.v1 import link_service_pb2 as link
from tests.fakes.call_desk import TTL_MS, Clock, Phone, Workstation, pair, prompt, session, workstation
from tests.fakes.scripted_agent import ScriptedAgent


def paired(at: Workstation, phone: Phone, folder: Path) -> str:
    """A session that the phone may prompt."""
    pair(at, phone)
    return session(at, folder)


def withdrawal(clock: Clock, phone: Phone, call: link.InboxCall) -> link.InboxCall:
    request = service.WithdrawCallRequest(call_id=call.call.call_id, expire_time=call.call.expire_time)
    return phone.call(clock, "WorkstationService/WithdrawCall", request)


async def test_what_was_taken_back_while_the_workstation_was_away_is_never_begun(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    async with workstation(tmp_path, clock, agent) as at:
        first = prompt(clock, phone, paired(at, phone, tmp_path), "Delete everything")
        second = withdrawal(clock, phone, first)
        # The relay hands out in one frame what waited for the workstation.
        await at.receive(first, second)
        called, taken_back = await at.answers(phone, [first, second])
        assert reason_of(called.error) == "WITHDRAWN"
        assert taken_back.HasField("response")
        await at.receive(first)
        assert reason_of((await at.answers(phone, [first]))[0].error) == "WITHDRAWN"
    assert agent.asked == []


async def test_a_call_that_waits_its_turn_is_taken_back(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    agent.gate.clear()
    async with workstation(tmp_path, clock, agent) as at:
        name = paired(at, phone, tmp_path)
        slow, waiting = prompt(clock, phone, name, "slow"), prompt(clock, phone, name, "waiting")
        await at.receive(slow, waiting)
        await agent.was_asked(1)
        back = withdrawal(clock, phone, waiting)
        await at.receive(back)
        refused, answered = await at.answers(phone, [waiting, back])
        assert reason_of(refused.error) == "WITHDRAWN"
        assert answered.HasField("response")
        agent.gate.set()
        await at.answers(phone, [slow])
    assert [asked[1] for asked in agent.asked] == ["slow"]


async def test_what_was_begun_is_not_taken_back_and_that_is_said(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    agent.gate.clear()
    async with workstation(tmp_path, clock, agent) as at:
        call = prompt(clock, phone, paired(at, phone, tmp_path), "begun")
        await at.receive(call)
        await agent.was_asked(1)
        back = withdrawal(clock, phone, call)
        await at.receive(back)
        assert reason_of((await at.answers(phone, [back]))[0].error) == "ALREADY_BEGUN"
        agent.gate.set()
        assert (await at.answers(phone, [call]))[0].HasField("response")


async def test_a_withdrawal_that_overtakes_its_call_holds_also_for_the_next_process(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    async with workstation(tmp_path, clock, agent) as at:
        call = prompt(clock, phone, paired(at, phone, tmp_path), "late")
        back = withdrawal(clock, phone, call)
        await at.receive(back)
        await at.answers(phone, [call, back])
    async with workstation(tmp_path, clock, agent) as at:
        await at.receive(call)
        assert reason_of((await at.answers(phone, [call]))[0].error) == "WITHDRAWN"
    assert agent.asked == []


async def test_a_device_takes_back_its_own_calls_only(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    other = Phone()
    async with workstation(tmp_path, clock, agent) as at:
        name = paired(at, phone, tmp_path)
        at.devices.add(other.identity.public, "Other", "test", workstation_pb2.DEVICE_ROLE_OPERATOR)
        call = prompt(clock, phone, name, "mine")
        theirs = withdrawal(clock, other, call)
        await at.receive(call, theirs)
        mine = [reply for reply in [await at.reply() for _ in range(3)] if reply.device_id == phone.identity.device_id]
        assert [phone.open(call, reply).HasField("response") for reply in mine] == [True]
    assert [asked[1] for asked in agent.asked] == ["mine"]


async def test_a_withdrawal_of_no_call_is_refused(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    async with workstation(tmp_path, clock, agent) as at:
        paired(at, phone, tmp_path)
        request = service.WithdrawCallRequest(call_id=b"no id")
        bad = phone.call(clock, "WorkstationService/WithdrawCall", request, ttl_ms=TTL_MS)
        await at.receive(bad)
        assert reason_of((await at.answers(phone, [bad]))[0].error) == "MALFORMED"
