"""agentd dies at every single commit of a day's work, and is started again: nothing is lost, doubled or taken back."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from agentd.agents.agent import project_name
from agentd.grpc_errors import reason_of
from agentd.session_log import Entry
from agentd.store import Store
from halyard.agent.v1 import agent_service_pb2 as pb
from halyard.agent.v1 import decision_pb2 as decision
from halyard.agent.v1 import resource_pb2, workstation_pb2
from halyard.link.v1 import link_service_pb2 as link
from tests.fakes.call_desk import Clock, Phone, Workstation, workstation
from tests.fakes.dying_store import DyingStore
from tests.fakes.scripted_agent import ScriptedAgent
from wire.calls import Step

SESSION = "sessions/s"
PERMISSION, QUESTION = f"{SESSION}/permissions/p", f"{SESSION}/questions/q"
WORDS = ("First.", "Second.", "Third.")


@dataclass
class Outside:
    """What everybody else knows, and keeps while agentd is gone: the relay, the phone, a reader of the log."""

    clock: Clock
    phone: Phone
    calls: list[link.InboxCall] = field(default_factory=list)
    acknowledged: set[bytes] = field(default_factory=set)
    answers: dict[bytes, resource_pb2.CallResult] = field(default_factory=dict)
    seen: dict[int, Entry] = field(default_factory=dict)
    """What a reader was told, by seq."""
    epochs: set[bytes] = field(default_factory=set)

    def prepare(self, folder: Path) -> None:
        """What the phone wants done, in order."""
        make = partial(self.phone.call, self.clock)
        self.calls += [make("AgentService/Prompt", pb.PromptRequest(session=SESSION, text=word)) for word in WORDS]
        once = decision.DECISION_STATE_ALLOWED_ONCE
        self.calls.append(make("AgentService/Decide", pb.DecideRequest(permission=PERMISSION, outcome=once)))
        self.calls.append(
            make(
                "AgentService/Answer",
                pb.AnswerRequest(question=QUESTION, answers=[decision.QuestionAnswer(values=["Yes"])]),
            )
        )
        project = project_name(folder)
        self.calls.append(
            make("AgentService/StartSession", pb.StartSessionRequest(project=project, title="New", prompt="Begin."))
        )

    async def rival_decides(self, at: Workstation, rival: Phone) -> None:
        """Somebody else decides otherwise, first thing after the death; who was first has won, with the agent, too."""
        request = pb.DecideRequest(permission=PERMISSION, outcome=decision.DECISION_STATE_DENIED)
        call = rival.call(self.clock, "AgentService/Decide", request)
        await at.receive(call)
        while (reply := await at.reply()).device_id != rival.identity.device_id:
            self._take(reply)
        rival.open(call, reply)

    def _take(self, reply: link.DeviceReply) -> None:
        call_id = reply.reply.call_id
        [call] = [call for call in self.calls if call.call.call_id == call_id]
        result = self.phone.open(call, reply)
        assert self.answers.setdefault(call_id, result) == result, "an answer was taken back"

    async def deal_with(self, at: Workstation, once_done: Callable[[], None] = lambda: None) -> None:
        """The relay hands over what is not acknowledged, once; the rest is agentd's own to finish. `once_done` looks at
        it then, before the phone asks for the answers that it missed, which would make good for a call that was lost.
        """
        self.epochs.add(at.log.epoch)
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(self._read(at))
            for call in self.calls:
                if call.call.call_id not in self.acknowledged:
                    await at.receive(call)
                    self.acknowledged.add(call.call.call_id)
            await self._finished(at)
            once_done()
            await at.receive(*[call for call in self.calls if call.call.call_id not in self.answers])
            while len(self.answers) < len(self.calls):
                self._take(await at.reply())
            await at.store.flush()
            reading.cancel()

    async def _finished(self, at: Workstation) -> None:
        """Returns once everything that was acknowledged is answered, on disk."""
        committed = asyncio.Event()
        at.store.on_commit(committed.set)
        while True:
            committed.clear()
            steps = {bytes(call_id): step for call_id, step in at.store.rows("SELECT call_id, step FROM calls")}
            assert self.acknowledged <= steps.keys(), "an acknowledged call was lost"
            if all(steps[call_id] == Step.ANSWERED for call_id in self.acknowledged):
                return
            await committed.wait()

    async def _read(self, at: Workstation) -> None:
        with at.log.changes() as changed:
            while True:
                changed.clear()
                for entry in at.log.after(max(self.seen, default=0), 1_000):
                    self.seen[entry.seq] = entry
                await changed.wait()


@dataclass
class Morning:
    """How everything stands before the first life: a store on disk, and an agent that waits."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    phone: Phone = field(default_factory=Phone)
    rival: Phone = field(default_factory=Phone)
    agent: ScriptedAgent = field(default_factory=ScriptedAgent)

    async def begin(self) -> None:
        self.folder.mkdir()
        async with workstation(self.folder, self.clock, self.agent) as at:
            for phone in (self.phone, self.rival):
                at.devices.add(phone.identity.public, "Phone", "test", workstation_pb2.DEVICE_ROLE_OPERATOR)
            self.agent.begin_session("s", at.projects.add(str(self.folder)).name)
            self.agent.ask(PERMISSION)
            self.agent.ask_question(QUESTION)

    def again(self, folder: Path) -> ScriptedAgent:
        """The same morning in another folder."""
        shutil.copytree(self.folder, folder)
        agent = ScriptedAgent()
        agent.sessions, agent.waiting = dict(self.agent.sessions), set(self.agent.waiting)
        return agent


async def test_whatever_commit_it_dies_at(tmp_path: Path) -> None:
    morning = Morning(tmp_path / "morning")
    await morning.begin()
    deaths = 0
    while await _dies_after(deaths, morning, tmp_path / str(deaths)):
        deaths += 1
    # Taken, started, planned, authored, told, answered: six calls have several points each.
    assert deaths > 25


async def _dies_after(commits: int, morning: Morning, folder: Path) -> bool:
    """One death and the life after it; False when everything was done before that many commits."""
    clock, agent, outside = morning.clock, morning.again(folder), Outside(morning.clock, morning.phone)
    outside.prepare(morning.folder)
    died = await _life(folder, clock, agent, outside, commits)
    agent.is_another_process()
    async with workstation(folder, clock, agent) as at:
        # An agent that still waits asks again.
        agent.ask_again()
        async with asyncio.timeout(30):
            await outside.rival_decides(at, morning.rival)
            when = f"died at commit {commits}"
            await outside.deal_with(at, lambda: _check_effects(at, agent, f"{when}, nothing was repeated"))
        _check(at, agent, outside, when)
    return died


async def _life(folder: Path, clock: Clock, agent: ScriptedAgent, outside: Outside, commits: int) -> bool:
    stores: list[DyingStore] = []

    def open_store(path: Path) -> Store:
        stores.append(DyingStore(path, commits))
        return stores[0]

    async with workstation(folder, clock, agent, open_store) as at, asyncio.TaskGroup() as group:
        agent.ask_again()
        working = group.create_task(outside.deal_with(at))
        dying = group.create_task(stores[0].died.wait())
        await asyncio.wait({working, dying}, return_when=asyncio.FIRST_COMPLETED)
        working.cancel()
        dying.cancel()
    return stores[0].died.is_set()


def _check_effects(at: Workstation, agent: ScriptedAgent, when: str) -> None:
    """Everything was done, once."""
    permission, question = at.log.get(PERMISSION), at.log.get(QUESTION)
    assert permission is not None, when
    assert question is not None, when
    decided = decision.DecisionState.Name(permission.permission.state)
    assert [order.text for order in agent.prompts.values() if order.session_id == "s"] == list(WORDS), when
    assert [order.text for order in agent.prompts.values() if order.session_id != "s"] == ["Begin."], when
    assert len(agent.sessions) == 2, when
    assert agent.effects == {PERMISSION: decided, QUESTION: "Yes"}, when
    assert question.question.state == decision.DECISION_STATE_ANSWERED, when


def _check(at: Workstation, agent: ScriptedAgent, outside: Outside, when: str) -> None:
    _check_effects(at, agent, when)
    refused = [reason_of(answer.error) for answer in outside.answers.values() if answer.HasField("error")]
    assert refused == ([] if agent.effects[PERMISSION] == "DECISION_STATE_ALLOWED_ONCE" else ["ALREADY_DECIDED"]), when
    _check_log(at, outside, when)


def _check_log(at: Workstation, outside: Outside, when: str) -> None:
    """What a reader was told before the death stands: no seq was given away twice, no value rolled back."""
    assert len(outside.epochs) == 1, when
    now = {entry.seq: entry for entry in at.log.after(0, 10_000)}
    newest = {entry.name: entry.seq for entry in now.values()}
    for seq, told in outside.seen.items():
        assert newest[told.name] >= seq, when
        assert now.get(seq, told) == told, when
