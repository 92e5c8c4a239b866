"""What an adapter tells becomes the log, whatever is open, repeated or too big."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agentd.config import Config
from agentd.fitting import MAX_BODY_BYTES
from agentd.journal import MAX_SAVED, AgentJournal, Transcripts
from agentd.permissions import Decisions
from agentd.prompt_authors import MAX_NOTED, PromptAuthors
from agentd.session_log import SessionLog
from agentd.store import Store
from agentd.workstation_record import WorkstationRecord
from halyard.agent.v1 import decision_pb2, session_pb2, workstation_pb2
from halyard.agent.v1 import resource_pb2 as pb
from tests.fakes.call_desk import Clock
from tests.fakes.scripted_agent import ScriptedAgent
from wire.errors import Malformed

MESSAGE = "sessions/s/messages/m"
PART = f"{MESSAGE}/parts/p"


class Bench:
    def __init__(self, store: Store, agent: ScriptedAgent, folder: Path) -> None:
        clock = Clock()
        self.log = SessionLog(store, clock)
        self.authors = PromptAuthors(store)
        self.transcripts = Transcripts(self.log, self.authors)
        self.decisions = Decisions(self.log, lambda _: agent, clock)
        config = Config(state_dir=folder, display_name="desk", demo_model=True)
        self.record = WorkstationRecord(self.log, config, "d" * 26, "/project", clock)
        self.journal = AgentJournal("scripted", self.transcripts, self.decisions, self.record, store)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    with Store(tmp_path / "db") as opened:
        yield opened


@pytest.fixture
async def bench(tmp_path: Path, store: Store, agent: ScriptedAgent) -> Bench:
    return Bench(store, agent, tmp_path)


def part(text: str, state: session_pb2.PartState = session_pb2.PART_STATE_OPEN) -> pb.Resource:
    return pb.Resource(name=PART, part=session_pb2.Part(name=PART, state=state, text=session_pb2.Text(text=text)))


def delta(offset: int, text: str) -> pb.Delta:
    return pb.Delta(part=PART, offset_bytes=offset, text=text, field=pb.DELTA_FIELD_TEXT)


def logged(bench: Bench) -> str:
    value = bench.log.get(PART)
    assert value is not None
    return value.part.text.text


async def test_what_grew_is_known_at_once_and_logged_at_checkpoints(bench: Bench) -> None:
    bench.journal.put(part(""))
    bench.journal.grow(delta(0, "Hel"))
    bench.journal.grow(delta(3, "lo"))
    known = bench.journal.known(PART)
    assert known is not None
    assert known.part.text.text == "Hello"
    assert logged(bench) == ""
    bench.transcripts.checkpoint("sessions/other")
    assert logged(bench) == ""
    bench.transcripts.checkpoint("sessions/s")
    assert logged(bench) == "Hello"
    bench.journal.put(part("Hello!", session_pb2.PART_STATE_COMPLETE))
    assert logged(bench) == "Hello!"


async def test_hints_are_passed_on_as_they_come(bench: Bench) -> None:
    heard: list[str] = []
    with bench.log.hints(lambda hint: heard.append(hint.text)):
        bench.journal.put(part(""))
        bench.journal.grow(delta(0, "Hi"))
    assert heard == ["Hi"]


async def test_a_persons_message_names_its_author(bench: Bench) -> None:
    bench.authors.note(MESSAGE, b"c" * 16, "d" * 26)
    for role in (session_pb2.ROLE_PERSON, session_pb2.ROLE_AGENT):
        bench.journal.put(pb.Resource(name=MESSAGE, message=session_pb2.Message(name=MESSAGE, role=role)))
        value = bench.log.get(MESSAGE)
        assert value is not None
        assert value.message.author_device == ("d" * 26 if role == session_pb2.ROLE_PERSON else "")


async def test_authors_are_known_after_a_restart(tmp_path: Path, agent: ScriptedAgent) -> None:
    with Store(tmp_path / "again") as store:
        Bench(store, agent, tmp_path).authors.note(MESSAGE, b"c" * 16, "d" * 26)
    with Store(tmp_path / "again") as store:
        message = session_pb2.Message(name=MESSAGE, role=session_pb2.ROLE_PERSON)
        Bench(store, agent, tmp_path).authors.decorate(message)
    assert (message.call_id, message.author_device) == (b"c" * 16, "d" * 26)


async def test_what_is_too_big_is_cut_and_what_is_misnamed_refused(bench: Bench) -> None:
    bench.journal.put(part("x" * 500_000, session_pb2.PART_STATE_COMPLETE))
    entry = bench.log.entry(PART)
    assert entry is not None
    assert len(entry.body) <= MAX_BODY_BYTES
    with pytest.raises(Malformed):
        bench.journal.put(pb.Resource(name="nonsense/x", session=session_pb2.Session()))


async def test_deleting_a_session_takes_everything_with_it(bench: Bench, agent: ScriptedAgent) -> None:
    agent.journal = bench.journal
    agent.begin_session("s", "projects/p")
    agent.ask("sessions/s/permissions/p")
    bench.journal.put(part("Hello"))
    bench.journal.delete("sessions/s")
    assert bench.journal.names("sessions/") == []
    assert bench.journal.pending() == []
    assert bench.journal.known(PART) is None


async def test_pending_ones_are_those_of_this_agent(bench: Bench, agent: ScriptedAgent) -> None:
    agent.journal = bench.journal
    agent.begin_session("s", "projects/p")
    agent.ask("sessions/s/permissions/p")
    other = session_pb2.Session(name="sessions/o", agent="other")
    bench.journal.put(pb.Resource(name="sessions/o", session=other))
    bench.journal.ask_question(decision_pb2.Question(name="sessions/o/questions/q"))
    assert bench.journal.pending() == ["sessions/s/permissions/p"]
    bench.journal.withdraw("sessions/s/permissions/p", decision_pb2.DECISION_STATE_EXPIRED, "stopped")
    assert bench.journal.pending() == []


async def test_what_an_adapter_saves_is_its_own(tmp_path: Path, agent: ScriptedAgent) -> None:
    with Store(tmp_path / "again") as store:
        bench = Bench(store, agent, tmp_path)
        bench.journal.save("seq", b"7")
        assert bench.journal.load("seq") == b"7"
    with Store(tmp_path / "again") as store:
        bench = Bench(store, agent, tmp_path)
        assert bench.journal.load("seq") == b"7"
        other = AgentJournal("other", bench.transcripts, bench.decisions, bench.record, store)
        assert other.load("seq") is None


async def test_the_workstation_tells_how_its_agents_are(bench: Bench) -> None:
    bench.journal.state(workstation_pb2.Agent(id="scripted", state=workstation_pb2.AGENT_STATE_STARTING))
    bench.journal.state(workstation_pb2.Agent(id="second", state=workstation_pb2.AGENT_STATE_READY))
    bench.journal.state(workstation_pb2.Agent(id="scripted", state=workstation_pb2.AGENT_STATE_READY))
    value = bench.log.get("workstation")
    assert value is not None
    assert (value.workstation.display_name, value.workstation.demo_model) == ("desk", True)
    assert [(agent.id, agent.state) for agent in value.workstation.agents] == [
        ("scripted", workstation_pb2.AGENT_STATE_READY),
        ("second", workstation_pb2.AGENT_STATE_READY),
    ]


async def test_open_parts_are_checkpointed_by_themselves(bench: Bench) -> None:
    bench.journal.put(part(""))
    bench.journal.grow(delta(0, "Hello"))
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        with bench.log.changes() as changed:
            running = group.create_task(bench.transcripts.run())
            while logged(bench) != "Hello":
                changed.clear()
                await changed.wait()
            running.cancel()


async def test_nothing_is_remembered_of_a_deleted_session_but_that_it_is_deleted(bench: Bench, store: Store) -> None:
    message = pb.Resource(name=MESSAGE, message=session_pb2.Message(name=MESSAGE, role=session_pb2.ROLE_PERSON))
    for number in range(MAX_NOTED + 1):
        bench.authors.note(f"sessions/s/messages/m{number}", b"call", "device")
    bench.authors.note("sessions/s2/messages/m", b"call", "device")
    bench.journal.put(pb.Resource(name="sessions/s", session=session_pb2.Session(name="sessions/s")))
    bench.journal.put(message)
    bench.journal.save("opencode/seq/s", b"7")
    bench.journal.delete("sessions/s")
    bench.journal.save("opencode/seq/s", b"")
    assert bench.journal.load("opencode/seq/s") is None
    await bench.log.flush()
    assert bench.journal.names("sessions/s") == []
    assert store.rows("SELECT message FROM prompts") == [("sessions/s2/messages/m",)]
    assert store.rows("SELECT * FROM adapter_memory") == []
    assert [entry.name for entry in bench.log.after(0, 99)] == ["workstation", "sessions/s"]


async def test_what_adapters_saved_long_ago_is_read_from_the_disk(bench: Bench) -> None:
    for number in range(2 * MAX_SAVED):
        bench.journal.save(f"key{number}", b"%d" % number)
    await bench.log.flush()
    assert bench.journal.load("key0") == b"0"
    assert bench.journal.load(f"key{2 * MAX_SAVED - 1}") == b"%d" % (2 * MAX_SAVED - 1)
