"""An agent that does what a test says, through the same interface as a real one: for tests of agentd's core alone.

It keeps sessions in memory, echoes prompts into the journal, and writes down everything that it was asked to do.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from agentd.agents.agent import (
    AgentUnavailableError,
    Journal,
    NotWaitingError,
    PromptOrder,
    StartOrder,
    UnsupportedError,
    Vitals,
    project_name,
)
from halyard.agent.v1 import agent_service_pb2 as service
from halyard.agent.v1 import decision_pb2 as decision
from halyard.agent.v1 import resource_pb2 as resource
from halyard.agent.v1 import session_pb2 as session
from halyard.agent.v1 import workstation_pb2 as workstation


class ScriptedAgent:
    """One agent. A test plays the model through `journal` and the methods under "what a test does"."""

    def __init__(self, agent_id: str = "scripted") -> None:
        self.id = agent_id
        self.asked: list[tuple[str, ...]] = []
        """Everything it was asked to do, in order."""
        self._asked_now = asyncio.Condition()
        self.prompts: dict[str, PromptOrder] = {}
        """Prompts that arrived, by message id."""
        self.sessions: dict[str, session.Session] = {}
        self.waiting: set[str] = set()
        """Names of permissions and questions that it waits for."""
        self.effects: dict[str, str] = {}
        """What came of each permission and question, in the agent's own eyes."""
        self.journal: Journal
        self.gate = asyncio.Event()
        """While clear, prompts hang: a slow agent."""
        self.gate.set()
        self.available = True
        self.health = Vitals(memory_bytes=64 * 1024 * 1024)
        self.drawn = 0
        self.defects = 0
        """How many times it will still fall over when it is run."""
        self._started = asyncio.Event()

    # --- what a test does ---

    async def started(self) -> None:
        """Returns once it runs."""
        await self._started.wait()

    async def was_asked(self, times: int) -> None:
        """Returns once it was asked to start sessions and take prompts at least `times` times."""
        async with asyncio.timeout(30), self._asked_now:
            await self._asked_now.wait_for(lambda: len(self.asked) >= times)

    async def heard(self, text: str) -> bool:
        """True once a prompt with this text arrived; TimeoutError when none does."""
        async with asyncio.timeout(30), self._asked_now:
            return await self._asked_now.wait_for(lambda: any(asked[:2] == ("prompt", text) for asked in self.asked))

    async def _note(self, *asked: str) -> None:
        async with self._asked_now:
            self.asked.append(asked)
            self._asked_now.notify_all()

    def begin_session(self, session_id: str, project: str, title: str = "") -> session.Session:
        """A session that began by itself."""
        value = session.Session(
            name=f"sessions/{session_id}",
            project=project,
            title=title,
            agent=self.id,
            state=session.SESSION_STATE_IDLE,
        )
        value.create_time.GetCurrentTime()
        value.update_time.GetCurrentTime()
        self.sessions[session_id] = value
        self.journal.put(resource.Resource(name=value.name, session=value))
        return value

    def say(self, part: str, text: str, *, chunks: int = 4) -> None:
        """Streams `text` into a new part, and closes it."""
        self.open_part(part)
        step = max(1, len(text) // chunks)
        for at in range(0, len(text), step):
            self.grow(part, text[:at], text[at : at + step])
        self.close_part(part, text)

    def say_as_agent(self, message: str, text: str) -> None:
        """A whole message of the agent with one part of text."""
        value = session.Message(name=message, role=session.ROLE_AGENT, state=session.MESSAGE_STATE_COMPLETE)
        value.create_time.GetCurrentTime()
        self.journal.put(resource.Resource(name=message, message=value))
        self.close_part(f"{message}/parts/text", text)

    def open_part(self, part: str) -> None:
        """An empty part of text that will grow."""
        value = session.Part(name=part, state=session.PART_STATE_OPEN, text=session.Text())
        self.journal.put(resource.Resource(name=part, part=value))

    def grow(self, part: str, before: str, text: str) -> None:
        """Appends `text` to an open part that holds `before`."""
        self.journal.grow(
            resource.Delta(part=part, offset_bytes=len(before.encode()), text=text, field=resource.DELTA_FIELD_TEXT)
        )

    def close_part(self, part: str, text: str) -> None:
        """The part is whole."""
        value = session.Part(name=part, state=session.PART_STATE_COMPLETE, text=session.Text(text=text))
        self.journal.put(resource.Resource(name=part, part=value))

    def ask(self, name: str, command: str = "make test") -> None:
        """Waits for a permission to run `command`."""
        self.waiting.add(name)
        self.journal.ask_permission(
            decision.Permission(
                name=name,
                kind=session.TOOL_KIND_EXECUTE,
                action="bash",
                title=command,
                command=command,
                always_rules=["bash: make *"],
            )
        )

    def ask_question(self, name: str) -> None:
        """Waits for an answer."""
        self.waiting.add(name)
        self.journal.ask_question(decision.Question(name=name, prompts=[decision.QuestionPrompt(text="Which?")]))

    def ask_again(self) -> None:
        """Tells another agentd what it has and what it waits for."""
        for value in self.sessions.values():
            self.journal.put(resource.Resource(name=value.name, session=value))
        for name in sorted(self.waiting):
            (self.ask if "/permissions/" in name else self.ask_question)(name)

    def is_another_process(self) -> None:
        """From now on it waits to be run again."""
        self._started.clear()

    # --- agentd.agents.agent.Agent ---

    async def run(self, journal: Journal) -> None:
        self.journal = journal
        if self.defects:
            self.defects -= 1
            raise ZeroDivisionError
        self._started.set()
        journal.state(self.describe())
        await asyncio.Event().wait()

    async def ready(self) -> None:
        if not self.available:
            raise AgentUnavailableError("The scripted agent is switched off.")
        await self._started.wait()

    def describe(self) -> workstation.Agent:
        return workstation.Agent(
            id=self.id,
            display_name="Scripted",
            version="1",
            state=workstation.AGENT_STATE_READY,
            models=[workstation.Model(id="scripted/model", display_name="Model")],
            modes=[workstation.Mode(id="build", display_name="Build")],
        )

    async def vitals(self) -> Vitals:
        if not self.available:
            raise AgentUnavailableError("The scripted agent is switched off.")
        return self.health

    def draw_message_id(self, now_ms: int) -> str:
        self.drawn += 1
        return f"msg_{now_ms:x}_{self.drawn}"

    async def start_session(self, order: StartOrder) -> session.Session:
        await self._note("start", order.title, "repeat" if order.repeat else "first")
        session_id = f"ses_{order.token[:8]}"
        if session_id in self.sessions:
            return self.sessions[session_id]
        return self.begin_session(session_id, project_name(order.folder), order.title)

    async def prompt(self, order: PromptOrder) -> None:
        await self._note("prompt", order.text, "repeat" if order.repeat else "first")
        await self.gate.wait()
        if order.repeat and order.message_id in self.prompts:
            return
        self.prompts[order.message_id] = order
        name = f"sessions/{order.session_id}/messages/{order.message_id}"
        message = session.Message(name=name, role=session.ROLE_PERSON, state=session.MESSAGE_STATE_COMPLETE)
        self.journal.put(resource.Resource(name=name, message=message))
        self.close_part(f"{name}/parts/text", order.text)

    async def interrupt(self, session_id: str) -> bool:
        self.asked.append(("interrupt", session_id))
        return True

    async def decide(self, name: str, outcome: decision.DecisionState, message: str) -> None:
        self.asked.append(("decide", name, decision.DecisionState.Name(outcome), message))
        self._settle(name, decision.DecisionState.Name(outcome))

    async def answer(self, name: str, answers: Sequence[decision.QuestionAnswer]) -> None:
        values = [value for answer in answers for value in answer.values]
        self.asked.append(("answer", name, *values))
        self._settle(name, " ".join(values))

    async def dismiss(self, name: str) -> None:
        self.asked.append(("dismiss", name))
        self._settle(name, "dismissed")

    def _settle(self, name: str, effect: str) -> None:
        if not self.available:
            raise AgentUnavailableError("The scripted agent is switched off.")
        if name not in self.waiting:
            raise NotWaitingError
        self.waiting.discard(name)
        self.effects[name] = effect

    async def rename(self, session_id: str, title: str) -> None:
        self.asked.append(("rename", session_id, title))
        self.sessions[session_id].title = title
        value = self.sessions[session_id]
        self.journal.put(resource.Resource(name=value.name, session=value))

    async def archive(self, session_id: str, *, archived: bool) -> None:
        self.asked.append(("archive", session_id, str(archived)))

    async def delete(self, session_id: str) -> None:
        self.asked.append(("delete", session_id))
        self.journal.delete(f"sessions/{session_id}")

    async def revert(self, session_id: str, message_id: str) -> None:
        self.asked.append(("revert", session_id, message_id))

    async def fork(self, session_id: str, message_id: str) -> session.Session:
        self.asked.append(("fork", session_id, message_id))
        return self.begin_session(f"{session_id}_fork", self.sessions[session_id].project)

    async def compact(self, session_id: str) -> None:
        raise UnsupportedError("The scripted agent cannot sum up; begin a new session instead.")

    async def commands(self, folder: Path) -> Sequence[workstation.Command]:
        return [workstation.Command(id="init", description=f"For {folder.name}")]

    async def messages(self, session_id: str, page_size: int, page_token: str) -> service.ListMessagesResponse:
        self.asked.append(("messages", session_id, str(page_size), page_token))
        prefix = f"sessions/{session_id}/messages/"
        found = [
            service.MessageWithParts(message=session.Message(name=prefix + message_id, role=session.ROLE_PERSON))
            for message_id in self.prompts
        ]
        return service.ListMessagesResponse(messages=found)

    async def turn_diff(self, session_id: str, message_id: str) -> Sequence[session.FileDiff]:
        return [session.FileDiff(path=f"{session_id}-{message_id}")]

    async def session_diff(self, session_id: str) -> Sequence[session.FileDiff]:
        return [session.FileDiff(path=session_id)]

    async def working_tree_diff(self, folder: Path) -> Sequence[session.FileDiff]:
        return [session.FileDiff(path=folder.name)]

    async def find_files(self, folder: Path, query: str, limit: int) -> Sequence[str]:
        return [f"{folder.name}/{query}"][:limit]
