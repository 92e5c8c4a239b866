"""What adapters tell, put where it belongs: the log, the open parts, the decisions, the workstation's resource.

One journal per agent, all on one log. Everything returns at once and keeps its order; the store's writer makes it
durable.
"""

import asyncio
from collections.abc import Callable, Sequence

from agentd.fitting import fit
from agentd.open_parts import OpenParts
from agentd.permissions import Decisions
from agentd.prompt_authors import PromptAuthors
from agentd.session_log import SessionLog
from agentd.store import Store
from agentd.workstation_record import WorkstationRecord
from halyard.agent.v1 import decision_pb2 as decision
from halyard.agent.v1 import resource_pb2 as resource
from halyard.agent.v1 import workstation_pb2 as workstation
from wire import names

CHECKPOINT_SECONDS = 2.0
MAX_SAVED = 256
"""What adapters saved last, which may not be on disk yet; far more than can wait for it."""


class Transcripts:
    """The log as all journals write it, with the parts that are open. One per daemon."""

    def __init__(self, log: SessionLog, authors: PromptAuthors) -> None:
        self._log = log
        self._authors = authors
        self._open = OpenParts()

    def put(self, value: resource.Resource) -> None:
        """The name has this value now."""
        names.parse(value.name)
        match value.WhichOneof("value"):
            case "part":
                self._open.note(value)
            case "message":
                self._authors.decorate(value.message)
        self._log.put(fit(value))

    def delete(self, name: str) -> None:
        """The name and everything below it is gone."""
        self._open.forget(name)
        self._log.delete(name)
        if names.parse(name).kind is names.Kind.SESSION:
            self._authors.forget(name)

    def grow(self, delta: resource.Delta) -> None:
        """Text was appended to an open part."""
        self._open.append(delta)
        self._log.hint(delta)

    def known(self, name: str) -> resource.Resource | None:
        """The last value told, with what was appended to it since."""
        return self._open.get(name) or self._log.get(name)

    def names(self, prefix: str) -> Sequence[str]:
        """Live names that begin with `prefix`."""
        return self._log.names(prefix)

    def checkpoint(self, session_name: str = "") -> None:
        """Puts what grew into the log, of one session or of all: for a crash, and for readers who come late."""
        prefix = session_name + "/"
        for value in self._open.checkpoint(lambda name: not session_name or name.startswith(prefix)):
            self._log.put(fit(value))

    async def run(self) -> None:
        """Checkpoints every two seconds until cancelled."""
        while True:
            await asyncio.sleep(CHECKPOINT_SECONDS)
            self.checkpoint()


class AgentJournal:
    """The journal of one agent (agents.agent.Journal)."""

    def __init__(
        self, agent: str, transcripts: Transcripts, decisions: Decisions, record: WorkstationRecord, store: Store
    ) -> None:
        self._agent = agent
        self._transcripts = transcripts
        self._decisions = decisions
        self._record = record
        self._store = store
        self._saved: dict[str, bytes] = {}

    def put(self, value: resource.Resource) -> None:
        self._transcripts.put(value)

    def delete(self, name: str) -> None:
        self._decisions.forget(name)
        self._transcripts.delete(name)

    def grow(self, delta: resource.Delta) -> None:
        self._transcripts.grow(delta)

    def ask_permission(self, value: decision.Permission) -> None:
        self._decisions.ask(fit(resource.Resource(name=value.name, permission=value)).permission)

    def ask_question(self, value: decision.Question) -> None:
        self._decisions.ask(value)

    def asked_by(self, name: str, part: str) -> None:
        self._decisions.asked_by(name, part)

    def withdraw(self, name: str, outcome: decision.DecisionState, note: str) -> None:
        self._decisions.withdraw(name, outcome, note)

    def pending(self) -> Sequence[str]:
        return [name for name in self._decisions.pending() if self._is_own(name)]

    def state(self, value: workstation.Agent) -> None:
        self._record.note_agent(value)

    def known(self, name: str) -> resource.Resource | None:
        return self._transcripts.known(name)

    def names(self, prefix: str) -> Sequence[str]:
        return self._transcripts.names(prefix)

    def load(self, key: str) -> bytes | None:
        if key in self._saved:
            return self._saved[key] or None
        row = self._store.row("SELECT value FROM adapter_memory WHERE agent = ? AND key = ?", self._agent, key)
        return bytes(row[0]) if row else None

    def save(self, key: str, value: bytes) -> None:
        self._saved.pop(key, None)
        self._saved[key] = value
        while len(self._saved) > MAX_SAVED:
            del self._saved[next(iter(self._saved))]
        if value:
            keep = "INSERT OR REPLACE INTO adapter_memory(agent, key, value) VALUES(?, ?, ?)"
            self._store.write((keep, (self._agent, key, value)))
        else:
            self._store.write(("DELETE FROM adapter_memory WHERE agent = ? AND key = ?", (self._agent, key)))

    def _is_own(self, name: str) -> bool:
        return session_agent(self._transcripts.known, name) in (self._agent, "")


def session_agent(known: Callable[[str], resource.Resource | None], name: str) -> str:
    """Id of the agent that runs the session to which `name` belongs; empty when the log does not tell."""
    owner = names.session_of(name)
    value = known(owner) if owner else None
    return value.session.agent if value else ""
