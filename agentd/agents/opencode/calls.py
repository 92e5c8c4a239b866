"""What agentd may ask of a running OpenCode. The other half of the adapter, its running, is `adapter.py`."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from pydantic import JsonValue

from agentd.agents.agent import (
    AgentRefusedError,
    AgentUnavailableError,
    NotWaitingError,
    PromptOrder,
    ResourceNotFoundError,
    SessionBusyError,
    StartOrder,
    UnsupportedError,
)
from agentd.agents.opencode import catalogue, decisions, diffs, listing, prompting, schema
from agentd.agents.opencode.clock import Clock
from agentd.agents.opencode.event_schema import SessionDeleted, StatusChanged
from agentd.agents.opencode.ids import RANDOM_BYTES, MessageIds
from agentd.agents.opencode.life import Life
from agentd.agents.opencode.mirror import Moment
from agentd.agents.opencode.place import last_id_of, session_id_of
from agentd.agents.opencode.room import Room
from halyard.agent.v1 import agent_service_pb2 as service
from halyard.agent.v1 import decision_pb2, session_pb2, workstation_pb2

_log = logging.getLogger(__name__)

_SESSION_MARK = "halyard"
# A repeated order comes within moments of the first; its session is among the newest.
_NEWEST_SESSIONS = 200
_NEWEST_MESSAGES = 50
_MESSAGES_A_PAGE = 200
# Until the message of a prompt or command is stored; the turn may take hours.
_STORED_SECONDS = 30.0
# Until OpenCode tells of a deletion that it has done; behind a long queue of other news.
_DELETED_SECONDS = 5.0
_POLL_SECONDS = 0.02
STOPPED = "The turn was stopped."
DELETED = "The session was deleted."


class OpenCodeCalls(ABC):
    """The asking half of `agentd.agents.agent.Agent`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ids = MessageIds()

    @abstractmethod
    def _life(self) -> Life:
        """Returns the running server; raises AgentUnavailableError when there is none."""

    def draw_message_id(self, now_ms: int) -> str:
        """Returns an id that sorts after all that OpenCode made before `now_ms`."""
        return self._ids.draw(now_ms, self._clock.random(RANDOM_BYTES))

    async def _room(self, session_id: str) -> Room:
        """Returns what is known of the session; an unknown one is fetched. Raises ResourceNotFoundError."""
        life = self._life()
        room = life.mirror.room(session_id)
        return room or life.mirror.adopt_session(await life.client.session(session_id))

    # Sessions

    async def start_session(self, order: StartOrder) -> session_pb2.Session:
        """Begins a session; the token in its metadata is how a repeated order finds it again."""
        life = self._life()
        directory = str(order.folder)
        if not order.folder.is_dir():
            # OpenCode itself would accept it and work nowhere.
            raise AgentRefusedError(f"There is no folder {directory} on the workstation. Choose another project.")
        info = await self._begun(life, directory, order.token) if order.repeat else None
        if info is None:
            await self._check_mode(life, order.mode, directory)
            info = await life.client.create_session(directory, _session_body(order))
        return life.mirror.adopt_session(info).session()

    async def _begun(self, life: Life, directory: str, token: str) -> schema.Session | None:
        newest = await life.client.sessions(directory, _NEWEST_SESSIONS)
        return next((info for info in newest if info.metadata.get(_SESSION_MARK) == token), None)

    async def rename(self, session_id: str, title: str) -> None:
        """Gives the session another title."""
        await self._life().client.rename(session_id, title)

    async def archive(self, session_id: str, *, archived: bool) -> None:
        """Puts the session away or brings it back."""
        await self._life().client.archive(session_id, self._clock.epoch_ms() if archived else 0)

    async def delete(self, session_id: str) -> None:
        """Stops the session, clears what it waited for, deletes it; of one that is gone there, Halyard's copy."""
        life = self._life()
        try:
            await self._stop(life, session_id, DELETED)
            await life.client.delete(session_id)
        except ResourceNotFoundError:
            _log.debug("%s was gone already", session_id)
        else:
            await self._until_deletion_is_told(life, session_id)
        life.mirror.apply(SessionDeleted(sessionID=session_id), Moment(self._clock.epoch_ms(), live=False))

    async def _until_deletion_is_told(self, life: Life, session_id: str) -> None:
        """Returns when OpenCode has told of the deletion, behind all that it still had to tell of the session; or when
        it will not any more. Whoever answered before would, if all died now, be left with a session that is gone.
        """
        until = self._clock.steady() + _DELETED_SECONDS
        while life.mirror.room(session_id) and life.process.is_running and self._clock.steady() < until:  # noqa: ASYNC110 - the mirror is pure and wakes nobody
            await asyncio.sleep(_POLL_SECONDS)

    async def fork(self, session_id: str, message_id: str) -> session_pb2.Session:
        """Begins a session with the conversation before the message."""
        life = self._life()
        return life.mirror.adopt_session(await life.client.fork(session_id, message_id)).session()

    async def revert(self, session_id: str, message_id: str) -> None:
        """Undoes from the message on, files included; an empty id takes the undoing back."""
        client = self._life().client
        if message_id:
            await client.revert(session_id, message_id)
        else:
            await client.unrevert(session_id)

    async def compact(self, session_id: str) -> None:
        """Begins to sum up; what comes of it comes through the journal."""
        life = self._life()
        room = await self._room(session_id)
        if room.working:
            raise SessionBusyError("The session is working. Stop it first, then sum it up.")
        model = room.info.model
        if model is None:
            raise AgentRefusedError("There is nothing to sum up yet.")
        life.start(life.client.summarize(session_id, model.provider_id, model.id), "summing up")

    # Turns

    async def prompt(self, order: PromptOrder) -> None:
        """Returns when OpenCode has stored the prompt. Sending an id twice would double it, so a repeated order looks
        first.
        """
        life = self._life()
        room = await self._room(order.session_id)
        async with life.client.handing_over(order.session_id):
            await self._hand_over(life, room, order)

    async def _hand_over(self, life: Life, room: Room, order: PromptOrder) -> None:
        if order.repeat and await self._arrived(life, room, order):
            return
        command = await self._command(life, room, order.text)
        if command is not None:
            await self._run_command(life, order, prompting.command_body(order, command, room.place.directory))
            return
        await self._check_mode(life, order.mode, room.place.directory)
        await life.client.prompt(order.session_id, prompting.prompt_body(order, room.place.directory))
        await self._until_stored(life, order)

    async def _check_mode(self, life: Life, mode: str, directory: str) -> None:
        """Refuses a mode that there is not: OpenCode would say yes to the prompt and drop it."""
        if not mode:
            return
        known = await life.client.agents(directory)
        if mode not in {info.name for info in known}:
            offered = ", ".join(offer.id for offer in catalogue.modes(known, ""))
            raise AgentRefusedError(f"OpenCode has no mode {mode!r} in this project. Choose one of: {offered}.")

    async def _until_stored(self, life: Life, order: PromptOrder, running: asyncio.Task[object] | None = None) -> None:
        """OpenCode says yes to a prompt before it stores it. If it died in between, nobody would have it.

        Returns too when `running`, the call that has it stored, is over.
        """
        late = self._clock.steady() + _STORED_SECONDS
        while not (running and running.done()) and await self._stored(life, order) is None:
            if self._clock.steady() > late:
                raise AgentUnavailableError("OpenCode was given the prompt and has not stored it.")
            await asyncio.sleep(_POLL_SECONDS)

    async def _stored(self, life: Life, order: PromptOrder) -> schema.UserMessage | None:
        """Returns the prompt as OpenCode has it; None while a part of it is missing."""
        try:
            found = await life.client.message(order.session_id, order.message_id)
        except ResourceNotFoundError:
            return None
        if not isinstance(found.info, schema.UserMessage) or not prompting.is_whole(order, found.parts):
            return None
        return found.info

    async def _arrived(self, life: Life, room: Room, order: PromptOrder) -> bool:
        """Returns whether the first try arrived; if OpenCode died before it began to answer, wakes it up."""
        session_id = order.session_id
        first = await self._stored(life, order)
        if first is None:
            # Of what arrived in part, every part is put in its place again: they have the same ids.
            return False
        page = await life.client.messages(session_id, _NEWEST_MESSAGES)
        statuses = await life.client.statuses(room.place.directory)
        if session_id not in statuses and not prompting.is_answered(order.message_id, page.messages):
            await life.client.prompt(session_id, prompting.wake_body(first))
        return True

    async def _command(self, life: Life, room: Room, text: str) -> prompting.SlashCommand | None:
        if not text.lstrip().startswith("/"):
            return None
        known = await life.client.commands(room.place.directory)
        return prompting.slash_command(text, {command.name for command in known})

    async def _run_command(self, life: Life, order: PromptOrder, body: dict[str, JsonValue]) -> None:
        """Starts a command, whose call lasts as long as its turn, and returns when its message is stored."""
        running = life.start(life.client.command(order.session_id, body), f"the command {body['command']}")
        await self._until_stored(life, order, running)
        problem = running.result() if running.done() else None
        if problem is not None:
            raise problem

    async def interrupt(self, session_id: str) -> bool:
        """Stops the turn, or the prompt that is about to begin one. What was queued behind it will not be answered, as
        OpenCode drops it; its messages say so.
        """
        return await self._stop(self._life(), session_id, STOPPED)

    async def _stop(self, life: Life, session_id: str, note: str) -> bool:
        room = await self._room(session_id)
        async with life.client.handing_over(session_id):
            running = room.working or session_id in await life.client.statuses(room.place.directory)
            await life.client.abort(session_id)
            # OpenCode may have a prompt of which its stream has not told yet.
            page = await life.client.messages(session_id, _NEWEST_MESSAGES)
            room.stopped = frozenset(prompting.unanswered(page.messages))
        if room.stopped and not running:
            # OpenCode tells only of turns that had begun.
            life.mirror.status(StatusChanged(sessionID=session_id, status=schema.Status(type="idle")))
        for member in life.mirror.family(session_id):
            await life.follower.waiting.clear(member, note)
        return running or bool(room.stopped)

    # Decisions

    async def decide(self, name: str, outcome: decision_pb2.DecisionState, message: str) -> None:
        """Passes a decision on. Raises NotWaitingError for what OpenCode lists but nobody waits for."""
        reply = decisions.REPLIES.get(outcome)
        if reply is None:
            raise UnsupportedError("OpenCode knows allow once, allow always and deny.")
        life, room = await self._waiting_room(name)
        try:
            await life.client.reply_permission(room.place.directory, last_id_of(name), reply, message)
        except ResourceNotFoundError:
            raise NotWaitingError("OpenCode no longer waits for this permission.") from None

    async def answer(self, name: str, answers: Sequence[decision_pb2.QuestionAnswer]) -> None:
        """Passes answers on, one per prompt."""
        life, room = await self._waiting_room(name)
        try:
            await life.client.reply_question(room.place.directory, last_id_of(name), decisions.answers(answers))
        except ResourceNotFoundError:
            raise NotWaitingError("OpenCode no longer asks this question.") from None

    async def dismiss(self, name: str) -> None:
        """Dismisses a question; its turn ends."""
        life, room = await self._waiting_room(name)
        try:
            await life.client.reject_question(room.place.directory, last_id_of(name))
        except ResourceNotFoundError:
            raise NotWaitingError("OpenCode no longer asks this question.") from None

    async def _waiting_room(self, name: str) -> tuple[Life, Room]:
        life = self._life()
        room = await self._room(session_id_of(name))
        if room.info.id not in await life.client.statuses(room.place.directory):
            # A late reply to a stopped turn would be accepted and do nothing.
            await life.follower.waiting.dismiss(name)
            raise NotWaitingError("The turn that waited for this is over.")
        return life, room

    # Reading

    async def commands(self, folder: Path) -> Sequence[workstation_pb2.Command]:
        """Returns the slash commands of a folder."""
        return catalogue.commands(await self._life().client.commands(str(folder)))

    async def messages(self, session_id: str, page_size: int, page_token: str) -> service.ListMessagesResponse:
        """Returns a page of messages, the newest page first."""
        room = await self._room(session_id)
        page = await self._life().client.messages(session_id, page_size, page_token)
        return listing.page(room, page.messages, page.older)

    async def turn_diff(self, session_id: str, message_id: str) -> Sequence[session_pb2.FileDiff]:
        """Returns what the turn of a prompt changed; empty outside Git."""
        room = await self._room(session_id)
        return diffs.file_diffs(await self._life().client.turn_diff(session_id, message_id), room.place.directory)

    async def session_diff(self, session_id: str) -> Sequence[session_pb2.FileDiff]:
        """Returns what all turns changed, added up per file: OpenCode's own answer for a session is always empty."""
        room = await self._room(session_id)
        turns: list[list[session_pb2.FileDiff]] = []
        before = ""
        while True:
            page = await self._life().client.messages(session_id, _MESSAGES_A_PAGE, before)
            changed = [
                m.info.summary.diffs for m in page.messages if isinstance(m.info, schema.UserMessage) and m.info.summary
            ]
            turns = [*(diffs.file_diffs(c, room.place.directory) for c in changed), *turns]
            before = page.older
            if not before:
                return diffs.merge(turns)

    async def working_tree_diff(self, folder: Path) -> Sequence[session_pb2.FileDiff]:
        """Returns what the working tree holds beyond the last commit."""
        return diffs.file_diffs(await self._life().client.working_tree_diff(str(folder)), str(folder))

    async def find_files(self, folder: Path, query: str, limit: int) -> Sequence[str]:
        """Returns paths relative to the folder, best first."""
        return await self._life().client.find_files(str(folder), query, limit)


def _session_body(order: StartOrder) -> dict[str, JsonValue]:
    body: dict[str, JsonValue] = {"metadata": {_SESSION_MARK: order.token}}
    if order.title:
        body["title"] = order.title
    if order.mode:
        body["agent"] = order.mode
    if order.model:
        provider, model = prompting.split_model(order.model)
        body["model"] = {"providerID": provider, "id": model}
    return body
