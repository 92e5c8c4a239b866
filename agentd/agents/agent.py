"""What agentd and an agent's adapter must agree on.

An adapter runs one agent and turns what it says into Halyard's own vocabulary (halyard.agent.v1). It tells a `Journal`
what happened; agentd asks the `Agent` to do things. Neither side knows the other's storage or protocol.

Resource ids are the agent's own ids, so that an adapter needs no table of its own: session "ses_x" is "sessions/ses_x".

Exactly-once. agentd draws an id for everything that must not happen twice, saves it, then calls the adapter. After a
crash in between it calls again with `repeat=True`: the adapter then *looks* whether the first try arrived before it
does anything.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from halyard.agent.v1 import agent_service_pb2 as service
from halyard.agent.v1 import decision_pb2 as decision
from halyard.agent.v1 import resource_pb2 as resource
from halyard.agent.v1 import session_pb2 as session
from halyard.agent.v1 import workstation_pb2 as workstation


def project_name(path: Path) -> str:
    """The name of the project in the folder `path` (absolute, symlinks resolved): same folder, same name, for ever."""
    digest = hashlib.sha256(str(path).encode()).digest()
    return "projects/" + base64.b32encode(digest).decode().lower()[:16]


@dataclass(frozen=True)
class PromptOrder:
    """A prompt that is to reach the agent exactly once.

    `message_id` is drawn with `Agent.draw_message_id` and saved before the first try.
    """

    session_id: str
    message_id: str
    text: str
    files: Sequence[session.FileRef] = ()
    model: str = ""
    mode: str = ""
    repeat: bool = False


@dataclass(frozen=True)
class StartOrder:
    """A session that is to be begun exactly once; `token` (hex) marks it so that a repeated order finds it again."""

    folder: Path
    token: str
    title: str = ""
    model: str = ""
    mode: str = ""
    repeat: bool = False


@dataclass(frozen=True)
class Vitals:
    """How an agent's process is, asked afresh."""

    memory_bytes: int = 0
    restarts: int = 0
    """How often it was started again since agentd started."""
    provider_address: str = ""
    """URL at which the default model is asked; empty when the agent does not tell."""


class Journal(Protocol):
    """Where an adapter tells what happened. Calls return at once and keep their order; what is told becomes durable."""

    def put(self, value: resource.Resource) -> None:
        """A project, session, message, part or todo list has this whole value now. An equal one costs nothing."""

    def delete(self, name: str) -> None:
        """The resource and everything below it is gone."""

    def grow(self, delta: resource.Delta) -> None:
        """Text was appended to an open part. A hint: `put` of the closed part follows."""

    def ask_permission(self, value: decision.Permission) -> None:
        """The agent waits for a decision (state PENDING). Telling the same one again is harmless."""

    def ask_question(self, value: decision.Question) -> None:
        """The agent waits for an answer (state PENDING). Telling the same one again is harmless."""

    def asked_by(self, name: str, part: str) -> None:
        """Which tool call waits for this permission or question, when that was not known as it was asked."""

    def withdraw(self, name: str, outcome: decision.DecisionState, note: str) -> None:
        """The agent no longer waits for this permission or question: settled elsewhere (`outcome` says how) or past
        answering (EXPIRED). Without effect on one that agentd already knows to be settled.
        """

    def pending(self) -> Sequence[str]:
        """Names of the permissions and questions that agentd believes to wait, for reconciling after a restart."""

    def state(self, value: workstation.Agent) -> None:
        """The agent's health, models, modes or commands changed."""

    def known(self, name: str) -> resource.Resource | None:
        """The last value told under this name; lets an adapter keep what had arrived of a part that was cut off."""

    def names(self, prefix: str) -> Sequence[str]:
        """Names of live resources that begin with `prefix`."""

    def load(self, key: str) -> bytes | None:
        """What the adapter saved under `key`: its own memory across restarts, as the agent's sequence numbers."""

    def save(self, key: str, value: bytes) -> None:
        """Remembers `value` under `key`, committed in order with the `put`s around it; empty bytes forget the key."""


class NotWaitingError(Exception):
    """The agent does not wait for this permission or question any more."""


class AgentUnavailableError(Exception):
    """The agent is not running or does not answer. The text is for a person and says what to do."""


class AgentRefusedError(Exception):
    """The agent understood and refused. The text is the agent's own."""


class ResourceNotFoundError(Exception):
    """The agent knows no such session, message or file."""


class SessionBusyError(Exception):
    """The session is busy in a way that excludes this."""


class PathOutsideProjectError(Exception):
    """The path leaves the project's folder."""


class UnsupportedError(Exception):
    """This agent or release cannot do this. The text says what can be done instead."""


class Agent(Protocol):
    """One agent on this workstation. Every method may raise the errors above and nothing else on purpose."""

    @property
    def id(self) -> str:
        """For example "opencode"."""

    async def run(self, journal: Journal) -> None:
        """Starts, follows and supervises the agent until cancelled; then stops it and everything it started."""

    async def ready(self) -> None:
        """Returns once the agent can be asked; raises AgentUnavailableError when it cannot be started at all."""

    def describe(self) -> workstation.Agent:
        """Its health, models, modes and commands as last known."""

    async def vitals(self) -> Vitals:
        """How it is right now; raises AgentUnavailableError when it does not answer. Asks no model."""

    def draw_message_id(self, now_ms: int) -> str:
        """An id for a prompt, in the agent's own format and order."""

    async def start_session(self, order: StartOrder) -> session.Session:
        """Begins a session and returns it; a repeated order returns the one that was begun."""

    async def prompt(self, order: PromptOrder) -> None:
        """Returns as soon as the agent has the prompt on its own disk or in its queue."""

    async def interrupt(self, session_id: str) -> bool:
        """Stops the running turn; whether one was running."""

    async def decide(self, name: str, outcome: decision.DecisionState, message: str) -> None:
        """Tells the agent; raises NotWaitingError when it no longer waits."""

    async def answer(self, name: str, answers: Sequence[decision.QuestionAnswer]) -> None:
        """Answers a question; raises NotWaitingError when it is no longer asked."""

    async def dismiss(self, name: str) -> None:
        """Dismisses a question; raises NotWaitingError when it is no longer asked."""

    async def rename(self, session_id: str, title: str) -> None:
        """The change comes back through the journal."""

    async def archive(self, session_id: str, *, archived: bool) -> None:
        """The change comes back through the journal."""

    async def delete(self, session_id: str) -> None:
        """The change comes back through the journal."""

    async def revert(self, session_id: str, message_id: str) -> None:
        """Undoes from this message on; an empty id takes the undoing back."""

    async def fork(self, session_id: str, message_id: str) -> session.Session:
        """Begins a session that shares what came before the message (empty: everything)."""

    async def compact(self, session_id: str) -> None:
        """Begins to sum up older conversation."""

    async def commands(self, folder: Path) -> Sequence[workstation.Command]:
        """Slash commands in this folder."""

    async def messages(self, session_id: str, page_size: int, page_token: str) -> service.ListMessagesResponse:
        """A page of messages with their parts, newest page first."""

    async def turn_diff(self, session_id: str, message_id: str) -> Sequence[session.FileDiff]:
        """What the turn of this prompt changed."""

    async def session_diff(self, session_id: str) -> Sequence[session.FileDiff]:
        """What all turns of the session changed, per file."""

    async def working_tree_diff(self, folder: Path) -> Sequence[session.FileDiff]:
        """What the working tree holds beyond the last commit, untracked files included."""

    async def find_files(self, folder: Path, query: str, limit: int) -> Sequence[str]:
        """Paths relative to the folder, best first."""
