"""Crashes and restarts of the real OpenCode and of agentd: nothing heard is lost, nothing half done stays open."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
from pydantic import JsonValue

from agentd.agents.agent import AgentUnavailableError, PromptOrder, ResourceNotFoundError, StartOrder
from agentd.agents.opencode.adapter import OpenCodeAgent
from agentd.agents.opencode.launch import ACCESS_VARIABLE, MARK_VARIABLE
from agentd.agents.supervision import Policy
from agentd.demo.script import Hold, Say
from halyard.agent.v1 import decision_pb2, session_pb2, workstation_pb2
from halyard.agent.v1.resource_pb2 import Resource
from tests.fakes.journal import MemoryJournal
from tests.fakes.opencode import QUICK, READY, Rig, Running, prompts_seen, rig, runs, says, turn

# One OpenCode for the module, on whichever worker that is.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("opencode-life")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def crashing(opencode: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    """An adapter whose OpenCode the tests kill."""
    async with rig(tmp_path_factory.mktemp("life"), opencode) as made:
        yield made


async def _kill_and_await_the_next(made: Rig) -> None:
    pid = made.pid
    os.kill(pid, signal.SIGKILL)
    await made.another_life(pid)


def _children_of(made: Rig) -> list[psutil.Process]:
    return psutil.Process(made.pid).children(recursive=True)


async def test_a_kill_while_a_command_runs_ends_the_command_and_marks_the_turn(crashing: Rig) -> None:
    session = await crashing.session()
    await crashing.prompt(session, runs("echo started; exec sleep 1000"), says("Never."))
    await crashing.allow(await crashing.permission(session))
    await crashing.until(lambda j: "started" in j.calls(session)[0].output, "the command to start")
    [command] = [child for child in _children_of(crashing) if "sleep" in " ".join(child.cmdline())]
    await _kill_and_await_the_next(crashing)

    assert not command.is_running() or command.status() == psutil.STATUS_ZOMBIE
    interrupted = session_pb2.TOOL_STATE_INTERRUPTED
    await crashing.until(lambda j: j.calls(session)[0].state == interrupted, "the call to be marked")
    assert crashing.journal.session(session).state == session_pb2.SESSION_STATE_INTERRUPTED
    assert "again" in crashing.journal.session(session).state_detail
    assert crashing.journal.messages(session)[-1].state == session_pb2.MESSAGE_STATE_INTERRUPTED
    listed = await crashing.agent.messages(session, 10, "")
    [repaired] = [p.tool_call for m in listed.messages for p in m.parts if p.HasField("tool_call")]
    assert repaired.state == interrupted
    await crashing.ask(session, says("Back again."))
    assert crashing.journal.texts(session)[-1] == "Back again."


async def test_a_kill_while_text_streams_keeps_what_had_arrived(crashing: Rig) -> None:
    session = await crashing.session()
    await crashing.prompt(session, turn(Say(say="Half of the truth", chunk=50), Hold(hold="killed")))
    await crashing.until(lambda j: any("Half" in d.text for d in j.deltas()), "the text")
    await _kill_and_await_the_next(crashing)

    [part] = [p for p in crashing.journal.all_parts(session) if p.text.text.startswith("Half")]
    assert (part.text.text, part.state) == ("Half of the truth", session_pb2.PART_STATE_INTERRUPTED)
    assert crashing.journal.session(session).state == session_pb2.SESSION_STATE_INTERRUPTED


async def test_a_kill_before_a_stored_prompt_is_begun_says_so(crashing: Rig) -> None:
    """Nobody will begin it any more: it must not be shown as about to be worked on."""
    session = await crashing.session()
    order = crashing.order(session, "Stored, then killed.")
    parts: list[JsonValue] = [{"type": "text", "text": order.text}]
    body: dict[str, JsonValue] = {"messageID": order.message_id, "noReply": True, "parts": parts}
    await crashing.agent._life().client.prompt(session, body)
    name = f"sessions/{session}/messages/{order.message_id}"
    await crashing.until(lambda j: name in j.resources, "the prompt")
    assert crashing.journal.resources[name].message.state == session_pb2.MESSAGE_STATE_QUEUED
    await _kill_and_await_the_next(crashing)

    interrupted = session_pb2.MESSAGE_STATE_INTERRUPTED
    await crashing.until(lambda j: j.resources[name].message.state == interrupted, "the prompt to be marked")
    assert crashing.journal.session(session).state == session_pb2.SESSION_STATE_INTERRUPTED
    await crashing.ask(session, says("Answered now."))


async def test_a_kill_expires_what_was_waited_for(crashing: Rig) -> None:
    session = await crashing.session()
    await crashing.prompt(session, runs("true"))
    permission = await crashing.permission(session)
    await _kill_and_await_the_next(crashing)

    outcome, note = crashing.journal.withdrawn[permission.name]
    assert outcome == decision_pb2.DECISION_STATE_EXPIRED
    assert "restarted" in note


async def test_agentd_that_is_stopped_stops_the_turn_in_order_and_leaves_no_process(crashing: Rig) -> None:
    session = await crashing.session()
    await crashing.prompt(session, runs("echo started; exec sleep 1000"))
    await crashing.allow(await crashing.permission(session))
    await crashing.until(lambda j: "started" in j.calls(session)[0].output, "the command to start")
    family = [psutil.Process(crashing.pid), *_children_of(crashing)]
    await crashing.stop()

    gone, alive = psutil.wait_procs(family, timeout=5)
    assert (len(gone), alive) == (len(family), [])
    assert crashing.journal.session(session).state == session_pb2.SESSION_STATE_IDLE
    assert crashing.journal.calls(session)[0].state == session_pb2.TOOL_STATE_INTERRUPTED
    await crashing.again()
    with pytest.raises(ResourceNotFoundError):
        await crashing.agent.rename("ses_gone", "Nothing")


async def test_a_killed_agentd_finds_the_server_it_left_and_what_was_running(crashing: Rig) -> None:
    session = await crashing.session()
    await crashing.prompt(session, turn(Say(say="Heard this much", chunk=50), Hold(hold="left")))
    await crashing.until(lambda j: j.texts(session) == ["Heard this much"], "a checkpoint")
    # What a killed agentd leaves: its server runs on, and its journal says that a turn does.
    left_behind = psutil.Process(crashing.pid)
    journal = crashing.journal.copy()
    agent = OpenCodeAgent(crashing.settings)
    running = Running.start(agent.run(journal))
    await agent.ready()

    await crashing.another_life(left_behind.pid)
    assert not left_behind.is_running() or left_behind.status() == psutil.STATUS_ZOMBIE
    assert journal.session(session).state == session_pb2.SESSION_STATE_INTERRUPTED
    assert journal.texts(session) == ["Heard this much"]
    await running.stop()


async def test_a_killed_agentd_that_had_just_stopped_a_turn_ends_what_the_turn_left_open(crashing: Rig) -> None:
    """A stopped turn is idle before its last records come; both died in between."""
    session = await crashing.session()
    await crashing.prompt(session, runs("echo started; exec sleep 1000"))
    await crashing.allow(await crashing.permission(session))
    await crashing.until(lambda j: "started" in j.calls(session)[0].output, "the command to start")
    queued = await crashing.prompt(session, says("Never."))
    name = f"sessions/{session}/messages/{queued.message_id}"
    await crashing.until(lambda j: name in j.resources, "the prompt behind it")
    left_behind = crashing.pid
    journal = crashing.journal.copy()
    idle = Resource(name=f"sessions/{session}")
    idle.session.CopyFrom(journal.session(session))
    idle.session.state = session_pb2.SESSION_STATE_IDLE
    journal.put(idle)
    stopped = Resource(name=name)
    stopped.message.CopyFrom(journal.resources[name].message)
    stopped.message.state = session_pb2.MESSAGE_STATE_STOPPED
    journal.put(stopped)
    agent = OpenCodeAgent(crashing.settings)
    running = Running.start(agent.run(journal))
    await agent.ready()

    await journal.until(lambda j: j.calls(session)[0].state == session_pb2.TOOL_STATE_INTERRUPTED, "the call to end")
    assert journal.messages(session)[-1].state == session_pb2.MESSAGE_STATE_INTERRUPTED
    await running.stop()
    await crashing.another_life(left_behind)


async def test_a_prompt_that_arrived_before_the_crash_is_not_doubled(crashing: Rig) -> None:
    """agentd sent it and died before noting so: OpenCode has it, and answers once."""
    session = await crashing.session()
    order = await crashing.prompt(session, says("Aye."), words="hoist it exactly once")
    await crashing.idle(session)
    await crashing.again()
    await crashing.agent.prompt(replace(order, repeat=True))
    await crashing.ask(session, says("Next."))

    assert prompts_seen(crashing.asked, "hoist it exactly once") == 1
    prompts = [m for m in crashing.journal.messages(session) if m.role == session_pb2.ROLE_PERSON]
    assert [len(crashing.journal.parts(m.name)) for m in prompts] == [1, 1]


async def test_a_prompt_that_never_arrived_is_sent_by_its_repetition(crashing: Rig) -> None:
    session = await crashing.session()
    first = crashing.order(session, "lost at sea")
    await crashing.agent.prompt(replace(first, repeat=True))
    await crashing.idle(session)

    assert prompts_seen(crashing.asked, "lost at sea") == 1


async def test_a_prompt_that_arrived_but_was_never_begun_is_woken_by_its_repetition(crashing: Rig) -> None:
    """OpenCode died after storing it. Sent again it would be doubled; only its id is sent, and it is answered once."""
    session = await crashing.session()
    order = crashing.order(session, "stored but asleep")
    await crashing.agent._life().client.prompt(
        session,
        {"messageID": order.message_id, "noReply": True, "parts": [{"type": "text", "text": order.text}]},
    )
    await crashing.agent.prompt(replace(order, repeat=True))
    await crashing.idle(session)

    assert prompts_seen(crashing.asked, "stored but asleep") == 1
    [prompt, _] = crashing.journal.messages(session)
    assert len(crashing.journal.parts(prompt.name)) == 1


async def test_a_prompt_that_waits_for_a_decision_is_not_sent_again(crashing: Rig) -> None:
    session = await crashing.session()
    order = await crashing.prompt(session, runs("true"), says("Done."), words="busy with this")
    permission = await crashing.permission(session)
    await crashing.agent.prompt(replace(order, repeat=True))
    await crashing.allow(permission)
    await crashing.idle(session)

    assert prompts_seen(crashing.asked, "busy with this") == 1


async def test_a_server_that_answers_no_more_is_replaced(crashing: Rig) -> None:
    """Stopped, not dead: its port stays open, as with a server that hangs."""
    server = psutil.Process(crashing.pid)
    server.suspend()
    await crashing.until(lambda j: j.agent.state != READY, "the silence to be noticed")
    assert "did not answer" in crashing.journal.agent.state_detail
    await crashing.another_life(server.pid)
    assert not server.is_running() or server.status() == psutil.STATUS_ZOMBIE


async def test_the_server_gets_nobodys_secrets_but_its_own(crashing: Rig) -> None:
    environment = psutil.Process(crashing.pid).environ()
    endpoint = crashing.agent.endpoint
    assert endpoint is not None
    assert environment[ACCESS_VARIABLE] == endpoint.password
    assert len(endpoint.password) >= 32
    assert [name for name in environment if name.startswith(("HALYARD_", "AGENTD_"))] == [MARK_VARIABLE]
    assert str(crashing.folder) in crashing.agent.attach_arguments(crashing.folder)


async def test_a_server_that_uses_too_much_memory_is_replaced_while_it_rests(opencode: Path, tmp_path: Path) -> None:
    policy = replace(QUICK, memory_ceiling=1)
    async with rig(tmp_path / "memory", opencode, policy=policy) as made:
        await made.until(lambda j: "memory" in j.agent.state_detail, "the memory to be noticed")


async def test_nothing_can_be_asked_before_the_start_or_after_the_end(crashing: Rig) -> None:
    agent = OpenCodeAgent(crashing.settings)
    assert agent.endpoint is None
    with pytest.raises(AgentUnavailableError, match="starting"):
        await agent.prompt(PromptOrder("ses_x", "msg_x", "Hello"))
    with pytest.raises(AgentUnavailableError):
        await agent.start_session(StartOrder(folder=crashing.folder, token="t"))


async def test_a_missing_opencode_is_told_with_the_line_that_installs_it(crashing: Rig) -> None:
    agent = OpenCodeAgent(replace(crashing.settings, binary=Path("/nowhere/opencode")))
    running = Running.start(agent.run(MemoryJournal()))
    with pytest.raises(AgentUnavailableError, match="npm install -g opencode-ai"):
        await asyncio.wait_for(agent.ready(), 20)
    await running.stop()
    assert agent.describe().state == workstation_pb2.AGENT_STATE_UNAVAILABLE


async def test_a_release_that_is_not_supported_yet_says_so(crashing: Rig, tmp_path: Path) -> None:
    second = tmp_path / "opencode"
    second.write_text("#!/bin/sh\necho 2.1.0\n")
    second.chmod(0o755)
    agent = OpenCodeAgent(replace(crashing.settings, binary=second))
    running = Running.start(agent.run(MemoryJournal()))
    with pytest.raises(AgentUnavailableError, match=r"2\.1\.0 is not supported yet"):
        await asyncio.wait_for(agent.ready(), 20)
    await running.stop()


async def test_a_release_is_asked_for_again_only_when_the_file_has_changed(tmp_path: Path, crashing: Rig) -> None:
    binary = tmp_path / "opencode"
    binary.write_text('#!/bin/sh\necho "$1" >> "$0.asked"\n[ "$1" = --version ] && echo 1.18.33\nexit 0\n')
    binary.chmod(0o755)
    policy = Policy(backoff_first=0.01, backoff_most=0.02)
    agent = OpenCodeAgent(replace(crashing.settings, binary=binary, policy=policy))
    running = Running.start(agent.run(journal := MemoryJournal()))
    await journal.until(lambda j: j.starts > 3, "several starts")
    await running.stop()
    asked = (tmp_path / "opencode.asked").read_text().split()
    assert asked.count("--version") == 1
    assert asked.count("serve") > 1


async def test_a_server_that_ends_right_away_is_tried_again_with_growing_patience(
    crashing: Rig, tmp_path: Path
) -> None:
    broken = tmp_path / "opencode"
    broken.write_text('#!/bin/sh\n[ "$1" = --version ] && echo 1.18.33 && exit 0\nexit 7\n')
    broken.chmod(0o755)
    policy = Policy(backoff_first=0.01, backoff_most=0.02)
    agent = OpenCodeAgent(replace(crashing.settings, binary=broken, policy=policy))
    journal = MemoryJournal()
    running = Running.start(agent.run(journal))
    await journal.until(lambda j: "exit code 7" in j.agent.state_detail, "the end to be told")
    await running.stop()
