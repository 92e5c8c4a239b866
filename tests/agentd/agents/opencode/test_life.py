"""Crashes and restarts of the real OpenCode and of agentd: nothing heard is lost, nothing half done stays open."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
from pydantic import JsonValue

from agentd.agents.agent import PromptOrder, ResourceNotFoundError
from agentd.agents.opencode.adapter import OpenCodeAgent
from agentd.agents.opencode.launch import ACCESS_VARIABLE, MARK_VARIABLE
from agentd.call_book import CallBook
from agentd.config import Config
from agentd.demo.script import Hold, Say
from agentd.doctor import Doctor, Place
from agentd.ended import has_ended
from agentd.store import Store
from halyard.agent.v1 import decision_pb2, session_pb2, workstation_service_pb2
from halyard.agent.v1.resource_pb2 import Resource
from tests.fakes.journal import MemoryJournal
from tests.fakes.opencode import READY, Rig, Running, prompts_seen, rig, runs, says, turn

pytestmark = pytest.mark.asyncio(loop_scope="session")

OK, LOOK, FAILED = (
    workstation_service_pb2.CHECK_STATE_OK,
    workstation_service_pb2.CHECK_STATE_WARNING,
    workstation_service_pb2.CHECK_STATE_FAILED,
)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def crashing(opencode: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    """An adapter whose OpenCode the tests kill. Each life takes seconds to begin, so tests share deaths too: what one
    death may find under way lies in a session each, and a fixture dies once for all of them.
    """
    async with rig(tmp_path_factory.mktemp("life"), opencode) as made:
        yield made


@dataclass(frozen=True)
class Killed:
    """Sessions and what was under way in them when OpenCode was killed."""

    command: psutil.Process
    running: str
    streaming: str
    prompt: str
    """The name of a prompt that was stored, and not begun."""
    permission: decision_pb2.Permission
    well: dict[str, workstation_service_pb2.Check]
    """What the doctor said before, and what right after the kill."""
    ill: dict[str, workstation_service_pb2.Check]
    restarts: tuple[int, int]
    """How often OpenCode had been started again, before and after."""

    @property
    def stored(self) -> str:
        return self.prompt.split("/")[1]


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def killed(crashing: Rig, tmp_path_factory: pytest.TempPathFactory) -> Killed:
    with Store(tmp_path_factory.mktemp("doctor") / "book.sqlite") as store:
        place = Place(Config(state_dir=crashing.folder), {})
        doctor = Doctor(place, None, CallBook(store, lambda: 0), [crashing.agent])
        running, command = await crashing.run_a_command()
        streaming, waiting = await crashing.session(), await crashing.session()
        await crashing.prompt(streaming, turn(Say(say="Half of the truth", chunk=50), Hold(hold="killed")))
        await crashing.until(lambda j: any("Half" in d.text for d in j.deltas()), "the text")
        prompt = await _store_a_prompt(crashing)
        await crashing.prompt(waiting, runs("true"))
        permission = await crashing.permission(waiting)

        well, before = await _examined(doctor), (await crashing.agent.vitals()).restarts
        pid = crashing.pid
        os.kill(pid, signal.SIGKILL)
        ill = await _examined(doctor)
        await crashing.another_life(pid)
        after = (await crashing.agent.vitals()).restarts
    return Killed(command, running, streaming, prompt, permission, well, ill, (before, after))


async def _store_a_prompt(made: Rig) -> str:
    """The name of a prompt that OpenCode has and will not begin."""
    session = await made.session()
    order = made.order(session, "Stored, then killed.")
    parts: list[JsonValue] = [{"type": "text", "text": order.text}]
    body: dict[str, JsonValue] = {"messageID": order.message_id, "noReply": True, "parts": parts}
    await made.agent._life().client.prompt(session, body)
    name = f"sessions/{session}/messages/{order.message_id}"
    await made.until(lambda j: name in j.resources, "the prompt")
    assert made.journal.resources[name].message.state == session_pb2.MESSAGE_STATE_QUEUED
    return name


async def _examined(doctor: Doctor) -> dict[str, workstation_service_pb2.Check]:
    status = workstation_service_pb2.GetStatusResponse()
    return {check.id: check for check in (await doctor.examine(status)).checks}


async def test_a_kill_while_a_command_runs_ends_the_command_and_marks_the_turn(crashing: Rig, killed: Killed) -> None:
    session = killed.running
    assert has_ended(killed.command)
    interrupted = session_pb2.TOOL_STATE_INTERRUPTED
    await crashing.until(lambda j: j.calls(session)[0].state == interrupted, "the call to be marked")
    assert crashing.journal.session(session).state == session_pb2.SESSION_STATE_INTERRUPTED
    assert "again" in crashing.journal.session(session).state_detail
    assert crashing.journal.messages(session)[-1].state == session_pb2.MESSAGE_STATE_INTERRUPTED
    listed = await crashing.agent.messages(session, 10, "")
    [repaired] = [p.tool_call for m in listed.messages for p in m.parts if p.HasField("tool_call")]
    assert repaired.state == interrupted


async def test_a_kill_while_text_streams_keeps_what_had_arrived(crashing: Rig, killed: Killed) -> None:
    session = killed.streaming
    [part] = [p for p in crashing.journal.all_parts(session) if p.text.text.startswith("Half")]
    assert (part.text.text, part.state) == ("Half of the truth", session_pb2.PART_STATE_INTERRUPTED)
    assert crashing.journal.session(session).state == session_pb2.SESSION_STATE_INTERRUPTED


async def test_a_kill_before_a_stored_prompt_is_begun_says_so(crashing: Rig, killed: Killed) -> None:
    """Nobody will begin it any more: it must not be shown as about to be worked on."""
    interrupted = session_pb2.MESSAGE_STATE_INTERRUPTED
    await crashing.until(lambda j: j.resources[killed.prompt].message.state == interrupted, "the prompt to be marked")
    assert crashing.journal.session(killed.stored).state == session_pb2.SESSION_STATE_INTERRUPTED


async def test_a_kill_expires_what_was_waited_for(crashing: Rig, killed: Killed) -> None:
    outcome, note = crashing.journal.withdrawn[killed.permission.name]
    assert outcome == decision_pb2.DECISION_STATE_EXPIRED
    assert "restarted" in note


async def test_the_doctor_follows_an_opencode_that_is_killed(crashing: Rig, killed: Killed) -> None:
    well, ill = killed.well, killed.ill
    assert (well["agent"].state, well["model"].state) == (OK, OK), well
    assert crashing.model.base_url.startswith(well["model"].message.split()[-3])
    assert ill["agent"].state in (LOOK, FAILED)
    assert ill["agent"].advice
    assert ill["model"].state == workstation_service_pb2.CHECK_STATE_SKIPPED
    before, after = killed.restarts
    assert after == before + 1
    assert (await crashing.agent.vitals()).memory_bytes > 50 * 1024 * 1024


async def test_after_a_kill_sessions_go_on(crashing: Rig, killed: Killed) -> None:
    for session in (killed.running, killed.stored):
        await crashing.ask(session, says("Back again."))
        assert crashing.journal.texts(session)[-1] == "Back again."


@dataclass(frozen=True)
class Stopped:
    """What a stop in good order found, and left."""

    family: list[psutil.Process]
    running: str
    state: session_pb2.SessionState
    """Of the session in which a command ran, and of that command, right after the stop."""
    call: session_pb2.ToolState
    answered: str
    order: PromptOrder


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def stopped(crashing: Rig) -> Stopped:
    """agentd was stopped while a command ran, and has been started again."""
    answered = await crashing.session()
    order = await crashing.prompt(answered, says("Aye."), words="hoist it exactly once")
    running, _ = await crashing.run_a_command()
    await crashing.idle(answered)
    family = crashing.family()
    await crashing.stop()
    state, call = crashing.journal.session(running).state, crashing.journal.calls(running)[0].state
    await crashing.again()
    return Stopped(family, running, state, call, answered, order)


async def test_agentd_that_is_stopped_stops_the_turn_in_order_and_leaves_no_process(
    crashing: Rig, stopped: Stopped
) -> None:
    gone, alive = psutil.wait_procs(stopped.family, timeout=30)
    assert (len(gone), alive) == (len(stopped.family), [])
    assert stopped.state == session_pb2.SESSION_STATE_IDLE
    assert stopped.call == session_pb2.TOOL_STATE_INTERRUPTED
    with pytest.raises(ResourceNotFoundError):
        await crashing.agent.rename("ses_gone", "Nothing")


async def test_a_prompt_that_arrived_before_the_crash_is_not_doubled(crashing: Rig, stopped: Stopped) -> None:
    """agentd sent it and died before noting so: OpenCode has it, and answers once."""
    session = stopped.answered
    await crashing.agent.prompt(replace(stopped.order, repeat=True))
    await crashing.ask(session, says("Next."))

    assert prompts_seen(crashing.asked, "hoist it exactly once") == 1
    prompts = [m for m in crashing.journal.messages(session) if m.role == session_pb2.ROLE_PERSON]
    assert [len(crashing.journal.parts(m.name)) for m in prompts] == [1] * len(prompts)


@dataclass(frozen=True)
class LeftBehind:
    """What an agentd that was killed left: its server runs on, and its journal says that turns do."""

    server: psutil.Process
    streaming: str
    just_stopped: str


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def left_behind(crashing: Rig) -> LeftBehind:
    """agentd was killed, and has been started again."""
    streaming = await crashing.session()
    await crashing.prompt(streaming, turn(Say(say="Heard this much", chunk=50), Hold(hold="left")))
    just_stopped, _ = await crashing.run_a_command()
    queued = await crashing.prompt(just_stopped, says("Never."))
    name = f"sessions/{just_stopped}/messages/{queued.message_id}"
    await crashing.until(lambda j: name in j.resources, "the prompt behind it")
    await crashing.until(lambda j: j.texts(streaming) == ["Heard this much"], "a checkpoint")

    server = psutil.Process(crashing.pid)
    journal = crashing.journal.copy()
    _was_just_stopped(journal, just_stopped, name)
    former, heard, crashing.journal = crashing.running, crashing.journal, journal
    crashing.agent = OpenCodeAgent(crashing.settings)
    crashing.running = Running.start(crashing.agent.run(journal))
    # Unlike a killed one, the former agentd sees its server die. It must not start another.
    assert former is not None
    try:
        await heard.until(lambda j: j.agent.state != READY, "the former agentd to notice")
    finally:
        await former.stop()
    await crashing.agent.ready()
    return LeftBehind(server, streaming, just_stopped)


def _was_just_stopped(journal: MemoryJournal, session: str, queued: str) -> None:
    """A stopped turn is idle before its last records come; both died in between."""
    idle = Resource(name=f"sessions/{session}")
    idle.session.CopyFrom(journal.session(session))
    idle.session.state = session_pb2.SESSION_STATE_IDLE
    journal.put(idle)
    stopped = Resource(name=queued)
    stopped.message.CopyFrom(journal.resources[queued].message)
    stopped.message.state = session_pb2.MESSAGE_STATE_STOPPED
    journal.put(stopped)


async def test_a_killed_agentd_finds_the_server_it_left_and_what_was_running(
    crashing: Rig, left_behind: LeftBehind
) -> None:
    assert has_ended(left_behind.server)
    assert crashing.pid not in (0, left_behind.server.pid)
    session = left_behind.streaming
    assert crashing.journal.session(session).state == session_pb2.SESSION_STATE_INTERRUPTED
    assert crashing.journal.texts(session) == ["Heard this much"]


async def test_a_killed_agentd_that_had_just_stopped_a_turn_ends_what_the_turn_left_open(
    crashing: Rig, left_behind: LeftBehind
) -> None:
    session, interrupted = left_behind.just_stopped, session_pb2.TOOL_STATE_INTERRUPTED
    await crashing.until(lambda j: j.calls(session)[0].state == interrupted, "the call to end")
    assert crashing.journal.messages(session)[-1].state == session_pb2.MESSAGE_STATE_INTERRUPTED


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


async def test_the_server_gets_nobodys_secrets_but_its_own(crashing: Rig) -> None:
    environment = psutil.Process(crashing.pid).environ()
    endpoint = crashing.agent.endpoint
    assert endpoint is not None
    assert environment[ACCESS_VARIABLE] == endpoint.password
    assert len(endpoint.password) >= 32
    assert [name for name in environment if name.startswith(("HALYARD_", "AGENTD_"))] == [MARK_VARIABLE]
    assert str(crashing.folder) in crashing.agent.attach_arguments(crashing.folder)
