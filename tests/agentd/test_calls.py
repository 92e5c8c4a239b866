"""A call takes effect once: repeated, raced, queued, too late, or cut off by a crash at any point."""

import asyncio
from pathlib import Path

import pytest
from google.protobuf.message import Message

from agentd import caller
from agentd.agents.agent import AgentUnavailableError, PromptOrder
from agentd.grpc_errors import reason_of
from halyard.agent.v1 import agent_service_pb2 as pb
from halyard.agent.v1 import decision_pb2, workstation_pb2
from tests.fakes.call_desk import Clock, Phone, pair, prompt, session, workstation
from tests.fakes.scripted_agent import ScriptedAgent
from wire.calls import uuid7

OPERATOR, APPROVER, VIEWER = (
    workstation_pb2.DEVICE_ROLE_OPERATOR,
    workstation_pb2.DEVICE_ROLE_APPROVER,
    workstation_pb2.DEVICE_ROLE_VIEWER,
)


async def test_a_call_is_done_and_answered(tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent) -> None:
    async with workstation(tmp_path, clock, agent) as at:
        pair(at, phone)
        call = prompt(clock, phone, session(at, tmp_path), "Hello")
        await at.receive(call)
        (result,) = await at.answers(phone, [call])
        message = pb.PromptResponse.FromString(result.response).message
        value = at.log.get(message)
        assert value is not None
        assert (value.message.author_device, value.message.call_id) == (phone.identity.device_id, call.call.call_id)
        assert agent.asked == [("prompt", "Hello", "first")]


async def test_a_repeat_is_answered_from_memory_also_by_another_process(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    async with workstation(tmp_path, clock, agent) as at:
        pair(at, phone)
        call = prompt(clock, phone, session(at, tmp_path), "Hello")
        await at.receive(call)
        (first,) = await at.answers(phone, [call])
        await at.receive(call, call)
        assert [phone.open(call, await at.reply()) for _ in range(2)] == [first, first]
    async with workstation(tmp_path, clock, agent) as at:
        await at.receive(call)
        assert await at.answers(phone, [call]) == [first]
    assert len(agent.asked) == 1


async def test_a_reply_that_a_broken_link_lost_is_sent_on_the_next_one(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    """The author's own link stands all the while: it has no reason to repeat its call."""
    async with workstation(tmp_path, clock, agent) as at:
        pair(at, phone)
        name = session(at, tmp_path)
        lost, unsent = prompt(clock, phone, name, "Lost."), prompt(clock, phone, name, "Never sent.")
        await at.receive(lost)
        (first,) = await at.answers(phone, [lost])
        at.desk.connect(None)
        await at.receive(unsent)
        await agent.heard("Never sent.")
        await at.store.flush()
        at.desk.connect(at.replies.put_nowait)
        again, _ = await at.answers(phone, [lost, unsent])
        assert again == first
        assert [order.text for order in agent.prompts.values()] == ["Lost.", "Never sent."]


async def test_a_repeat_of_a_call_under_way_waits_for_its_one_answer(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    agent.gate.clear()
    async with workstation(tmp_path, clock, agent) as at:
        pair(at, phone)
        call = prompt(clock, phone, session(at, tmp_path), "Hello")
        await at.receive(call)
        await at.receive(call)
        agent.gate.set()
        await at.answers(phone, [call])
        assert len(agent.asked) == 1
        assert at.replies.empty()


async def test_a_prompt_cut_off_by_a_crash_is_looked_up_before_it_is_sent_again(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    agent.gate.clear()
    async with workstation(tmp_path, clock, agent) as at:
        pair(at, phone)
        call = prompt(clock, phone, session(at, tmp_path), "Hello")
        await at.receive(call)
        await agent.was_asked(1)
    agent.gate.set()
    async with workstation(tmp_path, clock, agent) as at:
        (result,) = await at.answers(phone, [call])
        assert result.HasField("response")
        assert agent.asked == [("prompt", "Hello", "first"), ("prompt", "Hello", "repeat")]
        assert len(agent.prompts) == 1
        assert agent.drawn == 1


async def test_a_call_taken_before_a_crash_is_done_after_it(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    agent.gate.clear()
    async with workstation(tmp_path, clock, agent) as at:
        pair(at, phone)
        name = session(at, tmp_path)
        first, second = prompt(clock, phone, name, "one"), prompt(clock, phone, name, "two")
        await at.receive(first, second)
    agent.gate.set()
    async with workstation(tmp_path, clock, agent) as at:
        results = await at.answers(phone, [first, second])
        assert all(result.HasField("response") for result in results)
        assert [order.text for order in agent.prompts.values()] == ["one", "two"]


async def test_a_call_that_arrives_while_the_desk_stops_is_done_by_the_next_process(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    arrived, on_disk = asyncio.Event(), asyncio.Event()

    async def flush() -> None:
        await at.store.flush()
        arrived.set()
        await on_disk.wait()

    async with asyncio.TaskGroup() as group:
        async with workstation(tmp_path, clock, agent) as at:
            pair(at, phone)
            call = prompt(clock, phone, session(at, tmp_path), "Hello")
            group.create_task(at.desk.receive([call], flush))
            await arrived.wait()
        on_disk.set()
    assert agent.asked == []
    async with workstation(tmp_path, clock, agent) as at:
        (result,) = await at.answers(phone, [call])
        assert result.HasField("response")


async def test_what_cannot_be_looked_up_is_not_done_twice(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    hanging = asyncio.Event()

    async def fork(_session_id: str, _message_id: str) -> object:
        hanging.set()
        return await asyncio.Event().wait()

    agent.fork = fork  # type: ignore[method-assign,assignment]
    async with workstation(tmp_path, clock, agent) as at:
        pair(at, phone)
        request = pb.ForkSessionRequest(session=session(at, tmp_path))
        call = phone.call(clock, "AgentService/ForkSession", request)
        await at.receive(call)
        await hanging.wait()
    async with workstation(tmp_path, clock, agent) as at:
        (result,) = await at.answers(phone, [call])
        assert reason_of(result.error) == "OUTCOME_UNKNOWN"


async def test_starting_a_session_is_looked_up_too(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    agent.gate.clear()
    async with workstation(tmp_path, clock, agent) as at:
        pair(at, phone)
        request = pb.StartSessionRequest(project=at.projects.add(str(tmp_path)).name, prompt="Hello")
        call = phone.call(clock, "AgentService/StartSession", request)
        await at.receive(call)
        await agent.was_asked(2)
    agent.gate.set()
    async with workstation(tmp_path, clock, agent) as at:
        (result,) = await at.answers(phone, [call])
        started = pb.StartSessionResponse.FromString(result.response)
        assert list(agent.sessions) == [started.session.name.removeprefix("sessions/")]
        assert len(agent.prompts) == 1


async def test_a_deletion_whose_answer_an_agent_took_with_it_is_asked_for_again(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    lives = agent.delete

    async def dies(_session_id: str) -> None:
        agent.delete = lives  # type: ignore[method-assign]
        raise AgentUnavailableError("It has just ended.")

    agent.delete = dies  # type: ignore[method-assign,assignment]
    async with workstation(tmp_path, clock, agent) as at:
        pair(at, phone)
        name = session(at, tmp_path)
        call = phone.call(clock, "AgentService/DeleteSession", pb.DeleteSessionRequest(session=name))
        await at.receive(call)
        (result,) = await at.answers(phone, [call])
        assert result.HasField("response")
        assert at.log.get(name) is None


async def test_order_is_kept_and_others_do_not_wait(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    other = Phone()
    agent.gate.clear()
    async with workstation(tmp_path, clock, agent) as at:
        pair(at, phone)
        pair(at, other)
        name = session(at, tmp_path)
        slow = [prompt(clock, phone, name, text) for text in ("one", "two")]
        rename = other.call(clock, "AgentService/RenameSession", pb.RenameSessionRequest(session=name, title="New"))
        stop = phone.call(clock, "AgentService/Interrupt", pb.InterruptRequest(session=name))
        read = phone.call(clock, "AgentService/GetSession", pb.GetSessionRequest(name=name))
        await at.receive(*slow, rename, stop, read)
        answered = {(await at.reply()).reply.call_id for _ in range(3)}
        assert answered == {call.call.call_id for call in (rename, stop, read)}
        agent.gate.set()
        await at.answers(phone, slow)
        assert [order.text for order in agent.prompts.values()] == ["one", "two"]


async def test_a_prompt_that_is_told_again_keeps_its_place_before_those_of_others(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    """Agents order prompts by their ids, so whoever came later must not be told before."""
    other, lives, said = Phone(), agent.prompt, []

    async def dies(order: PromptOrder) -> None:
        said.append(order.text)
        agent.prompt = lives  # type: ignore[method-assign]
        # While it is told again, the other's comes.
        await at.receive(prompt(clock, other, name, "two"))
        raise AgentUnavailableError("It has just ended.")

    agent.prompt = dies  # type: ignore[method-assign]
    async with workstation(tmp_path, clock, agent) as at:
        pair(at, phone)
        pair(at, other)
        name = session(at, tmp_path)
        await at.receive(prompt(clock, phone, name, "one"))
        await at.reply()
        await at.reply()
    assert said == ["one"]
    assert [order.text for order in agent.prompts.values()] == ["one", "two"]
    assert sorted(agent.prompts) == list(agent.prompts)


async def test_a_decision_overtakes_a_slow_prompt(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    agent.gate.clear()
    async with workstation(tmp_path, clock, agent) as at:
        pair(at, phone)
        name = session(at, tmp_path)
        agent.ask(f"{name}/permissions/p")
        slow = prompt(clock, phone, name, "one")
        request = pb.DecideRequest(permission=f"{name}/permissions/p", outcome=decision_pb2.DECISION_STATE_ALLOWED_ONCE)
        decide = phone.call(clock, "AgentService/Decide", request)
        await at.receive(slow, decide)
        (result,) = await at.answers(phone, [decide])
        assert pb.DecideResponse.FromString(result.response).permission.decision.applied


async def test_too_late_is_refused_before_and_after_it_was_taken(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    agent.gate.clear()
    async with workstation(tmp_path, clock, agent) as at:
        pair(at, phone)
        name = session(at, tmp_path)
        slow, queued = prompt(clock, phone, name, "slow"), prompt(clock, phone, name, "queued", ttl_ms=1_000)
        late = prompt(clock, phone, name, "late", ttl_ms=1_000)
        await at.receive(slow, queued)
        clock.now_ms += 1_000
        await at.receive(late)
        agent.gate.set()
        results = await at.answers(phone, [slow, queued, late])
        assert [reason_of(result.error) for result in results] == ["", "CALL_EXPIRED", "CALL_EXPIRED"]
        assert [order.text for order in agent.prompts.values()] == ["slow"]


async def test_answers_are_forgotten_in_time_and_their_calls_not_done_again(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    async with workstation(tmp_path, clock, agent) as at:
        pair(at, phone)
        call = prompt(clock, phone, session(at, tmp_path), "Hello")
        await at.receive(call)
        await at.answers(phone, [call])
    clock.now_ms += 49 * 3600 * 1000
    async with workstation(tmp_path, clock, agent) as at:
        await asyncio.sleep(0)  # the desk begins, and with that it forgets
        await at.store.flush()
        assert at.store.rows("SELECT count(*) FROM calls") == [(0,)]
        await at.receive(call)
        (result,) = await at.answers(phone, [call])
        assert reason_of(result.error) == "OUTCOME_UNKNOWN"
    assert len(agent.asked) == 1


@pytest.mark.parametrize(
    ("role", "method", "request_", "reason"),
    [
        (VIEWER, "AgentService/Prompt", pb.PromptRequest(session="sessions/s", text="x"), "ROLE_INSUFFICIENT"),
        (VIEWER, "AgentService/Decide", pb.DecideRequest(permission="p"), "ROLE_INSUFFICIENT"),
        (VIEWER, "AgentService/ListSessions", pb.ListSessionsRequest(), ""),
        (APPROVER, "AgentService/Prompt", pb.PromptRequest(session="sessions/s", text="x"), "ROLE_INSUFFICIENT"),
        (APPROVER, "AgentService/Decide", pb.DecideRequest(permission="p"), "MALFORMED"),
        (OPERATOR, "AgentService/CompactSession", pb.CompactSessionRequest(session="sessions/s"), "UNSUPPORTED"),
        (OPERATOR, "AgentService/Watch", pb.WatchRequest(), "UNSUPPORTED"),
        (OPERATOR, "AgentService/Nonsense", pb.WatchRequest(), "UNSUPPORTED"),
        (OPERATOR, "AgentService/Prompt", pb.PromptRequest(session="nonsense", text="x"), "MALFORMED"),
        (OPERATOR, "AgentService/Prompt", pb.PromptRequest(session="sessions/other", text="x"), "NOT_FOUND"),
        (OPERATOR, "AgentService/Prompt", pb.PromptRequest(session="sessions/s"), "MALFORMED"),
    ],
)
async def test_what_a_device_may_not_do_is_refused(
    tmp_path: Path,
    clock: Clock,
    phone: Phone,
    agent: ScriptedAgent,
    role: workstation_pb2.DeviceRole,
    method: str,
    request_: Message,
    reason: str,
) -> None:
    async with workstation(tmp_path, clock, agent) as at:
        pair(at, phone, role)
        session(at, tmp_path)
        call = phone.call(clock, method, request_)
        await at.receive(call)
        (result,) = await at.answers(phone, [call])
        assert reason_of(result.error) == reason


async def test_an_agent_that_is_not_there_is_said_to_be(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    agent.available = False
    async with workstation(tmp_path, clock, agent) as at:
        pair(at, phone)
        call = prompt(clock, phone, session(at, tmp_path), "Hello")
        await at.receive(call)
        (result,) = await at.answers(phone, [call])
        assert reason_of(result.error) == "AGENT_UNAVAILABLE"


async def test_a_defect_ends_one_call_and_nothing_else(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    async def broken(_session_id: str) -> bool:
        raise ZeroDivisionError

    agent.interrupt = broken  # type: ignore[method-assign,assignment]
    async with workstation(tmp_path, clock, agent) as at:
        pair(at, phone)
        name = session(at, tmp_path)
        stop = phone.call(clock, "AgentService/Interrupt", pb.InterruptRequest(session=name))
        await at.receive(stop)
        (result,) = await at.answers(phone, [stop])
        assert result.error.code == 13
        call = prompt(clock, phone, name, "still here")
        await at.receive(call)
        assert (await at.answers(phone, [call]))[0].HasField("response")


async def test_a_call_from_the_socket_with_an_id_is_done_once(
    tmp_path: Path, clock: Clock, agent: ScriptedAgent
) -> None:
    local = caller.local(caller.Unrepeated(), may_decide=False, may_admit=False)
    async with workstation(tmp_path, clock, agent) as at:
        name = session(at, tmp_path)
        methods = at.desk._methods
        call_id = uuid7(clock.now_ms, bytes(10))
        request = pb.PromptRequest(session=name, text="Hello").SerializeToString()
        method = methods.get("/halyard.agent.v1.AgentService/Prompt")
        first = await at.desk.carry_out_here(call_id, method, request, local)
        again = await at.desk.carry_out_here(call_id, method, request, local)
        assert first == again
        assert len(agent.prompts) == 1
