"""A journal in memory, for adapters: keeps what it is told, in order, and lets a test wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from halyard.agent.v1 import decision_pb2, resource_pb2, session_pb2, workstation_pb2

WAIT_SECONDS = 60.0


class MemoryJournal:
    """Implements `agentd.agents.agent.Journal`. `told` is everything in order; `resources` the newest of each name,
    with what was appended to it since.
    """

    def __init__(self) -> None:
        self.told: list[resource_pb2.Resource | resource_pb2.Delta | str] = []
        self.resources: dict[str, resource_pb2.Resource] = {}
        self.permissions: dict[str, decision_pb2.Permission] = {}
        self.questions: dict[str, decision_pb2.Question] = {}
        self.withdrawn: dict[str, tuple[decision_pb2.DecisionState, str]] = {}
        self.agent = workstation_pb2.Agent()
        self.memory: dict[str, bytes] = {}
        self.stale_deltas = 0
        self.starts = 0
        self._changed = asyncio.Event()

    # Journal

    def put(self, value: resource_pb2.Resource) -> None:
        if self.resources.get(value.name) == value:
            return
        self.resources[value.name] = _copy(value)
        self._tell(_copy(value))

    def delete(self, name: str) -> None:
        for known in [n for n in self.resources if n == name or n.startswith(f"{name}/")]:
            del self.resources[known]
        self._tell(name)

    def grow(self, delta: resource_pb2.Delta) -> None:
        if delta.offset_bytes != len(self.held(delta).encode()):
            self.stale_deltas += 1
        self._append(delta)
        self._tell(delta)

    def ask_permission(self, value: decision_pb2.Permission) -> None:
        self.permissions.setdefault(value.name, value)
        self._tell(value.name)

    def ask_question(self, value: decision_pb2.Question) -> None:
        self.questions.setdefault(value.name, value)
        self._tell(value.name)

    def asked_by(self, name: str, part: str) -> None:
        value = self.permissions.get(name) or self.questions[name]
        value.part = value.part or part
        self._tell(name)

    def withdraw(self, name: str, outcome: decision_pb2.DecisionState, note: str) -> None:
        self.withdrawn.setdefault(name, (outcome, note))
        self._tell(name)

    def pending(self) -> Sequence[str]:
        return [n for n in (*self.permissions, *self.questions) if n not in self.withdrawn]

    def state(self, value: workstation_pb2.Agent) -> None:
        self.agent = value
        self.starts += value.state == workstation_pb2.AGENT_STATE_STARTING
        self._tell("agent")

    def known(self, name: str) -> resource_pb2.Resource | None:
        return self.resources.get(name)

    def names(self, prefix: str) -> Sequence[str]:
        return [name for name in self.resources if name.startswith(prefix)]

    def load(self, key: str) -> bytes | None:
        return self.memory.get(key)

    def save(self, key: str, value: bytes) -> None:
        self.memory[key] = value

    def _tell(self, what: resource_pb2.Resource | resource_pb2.Delta | str) -> None:
        self.told.append(what)
        self._changed.set()

    # For tests

    def copy(self) -> MemoryJournal:
        """What another process finds on disk: everything kept, nothing of what was told on the way."""
        other = MemoryJournal()
        other.resources = {name: _copy(value) for name, value in self.resources.items()}
        other.permissions, other.questions = dict(self.permissions), dict(self.questions)
        other.withdrawn, other.memory = dict(self.withdrawn), dict(self.memory)
        return other

    async def until(self, holds: Callable[[MemoryJournal], bool], what: str) -> None:
        """Returns as soon as `holds`; fails when it takes too long, saying what was waited for."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while not holds(self):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            last = "\n".join(str(t) for t in self.told[-5:])
            raise AssertionError(f"waited in vain for: {what}; last told:\n{last}") from None

    def session(self, session_id: str) -> session_pb2.Session:
        return self.resources[f"sessions/{session_id}"].session

    def messages(self, session_id: str) -> list[session_pb2.Message]:
        found = [r.message for r in self._below(f"sessions/{session_id}/messages/") if r.HasField("message")]
        return sorted(found, key=lambda m: (m.create_time.ToMilliseconds(), m.name))

    def parts(self, message: str) -> list[session_pb2.Part]:
        found = [r.part for r in self._below(f"{message}/parts/") if r.HasField("part")]
        return sorted(found, key=lambda p: p.index)

    def all_parts(self, session_id: str) -> list[session_pb2.Part]:
        return [part for message in self.messages(session_id) for part in self.parts(message.name)]

    def calls(self, session_id: str) -> list[session_pb2.ToolCall]:
        return [p.tool_call for p in self.all_parts(session_id) if p.WhichOneof("content") == "tool_call"]

    def texts(self, session_id: str, role: session_pb2.Role = session_pb2.ROLE_AGENT) -> list[str]:
        """The texts of all messages of one side, in order."""
        return [
            part.text.text
            for message in self.messages(session_id)
            if message.role == role
            for part in self.parts(message.name)
            if part.WhichOneof("content") == "text" and not part.text.synthetic
        ]

    def deltas(self, field: resource_pb2.DeltaField = resource_pb2.DELTA_FIELD_TEXT) -> list[resource_pb2.Delta]:
        return [told for told in self.told if isinstance(told, resource_pb2.Delta) and told.field == field]

    def held(self, delta: resource_pb2.Delta) -> str:
        """What an app holds of a growing field when this delta comes: the last record, and the deltas since."""
        text = ""
        for told in self.told:
            if isinstance(told, resource_pb2.Resource) and told.name == delta.part:
                text = _grown(told.part, delta.field)
            elif isinstance(told, resource_pb2.Delta) and told.part == delta.part and told.field == delta.field:
                text += told.text
        return text

    def _append(self, delta: resource_pb2.Delta) -> None:
        part = self.resources[delta.part].part
        if delta.field == resource_pb2.DELTA_FIELD_OUTPUT:
            part.tool_call.output += delta.text
        elif part.WhichOneof("content") == "reasoning":
            part.reasoning.text += delta.text
        else:
            part.text.text += delta.text

    def _below(self, prefix: str) -> list[resource_pb2.Resource]:
        return [r for name, r in self.resources.items() if name.startswith(prefix)]


def _grown(part: session_pb2.Part, field: resource_pb2.DeltaField) -> str:
    if field == resource_pb2.DELTA_FIELD_OUTPUT:
        return part.tool_call.output
    return part.reasoning.text if part.WhichOneof("content") == "reasoning" else part.text.text


def _copy(value: resource_pb2.Resource) -> resource_pb2.Resource:
    copy = resource_pb2.Resource()
    copy.CopyFrom(value)
    return copy
