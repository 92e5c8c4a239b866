"""Keeps the mirror equal to OpenCode: follows the stream, repairs what a connection lost, reconciles what has no
number.

Order on every connection:
1. wait for the stream's first frame, and a moment more (the subscription begins only after it);
2. ask `/sync/history` for what is newer than the numbers noted; read listings of sessions whose number is not known;
3. ask for status, permissions and questions of every folder, which no history holds;
4. follow. A hole in a session's numbers leads back to 2 for the history alone. The first heartbeat repeats 2 and 3
once, for the case that the moment was too short.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentd.agents.agent import AgentRefusedError, Journal, ResourceNotFoundError, project_name
from agentd.agents.opencode import headers, lost, schema
from agentd.agents.opencode.client import NOTHING_AFTER, Client
from agentd.agents.opencode.clock import Clock
from agentd.agents.opencode.event_schema import (
    Connected,
    Durable,
    Event,
    Frame,
    Heartbeat,
    PartChanged,
    PartDelta,
    PermissionReplied,
    QuestionSettled,
    SessionChanged,
    SessionDeleted,
    SessionFailed,
    StatusChanged,
    TodosChanged,
)
from agentd.agents.opencode.events import SILENCE_SECONDS, stream
from agentd.agents.opencode.lost import Mark
from agentd.agents.opencode.mirror import Mirror, Moment
from agentd.agents.opencode.outdated import is_outdated
from agentd.agents.opencode.place import session_id_of
from agentd.agents.opencode.repair import repair_session
from agentd.agents.opencode.sequence import SequenceBook, Verdict, condense
from agentd.agents.opencode.translate import AGENT_ID
from agentd.agents.opencode.waiting import NO_LONGER_WAITS, RESTARTED, Waiting
from agentd.agents.opencode.waking import Waking, was_left_open
from agentd.agents.opencode.working import renew_session, tell_who_works
from halyard.agent.v1 import resource_pb2, session_pb2, workstation_pb2

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Following:
    """How much is followed, and when. Times in seconds."""

    settle: float = 0.1
    """Between the stream's first frame and the first question: 50 ms were enough in 20 of 20 tries."""
    silence: float = SILENCE_SECONDS
    listed_sessions: int = 50
    """So many of the newest sessions that nobody put away are taken into the log with their newest messages when their
    past is not known; of all others it holds the header.
    """
    listed_messages: int = 100
    page_size: int = 200


class Follower:
    """Follows one server. Made anew for every process; the mirror and the book outlive it."""

    def __init__(self, client: Client, mirror: Mirror, journal: Journal, clock: Clock, following: Following) -> None:
        self._client = client
        self._mirror = mirror
        self._journal = journal
        self._clock = clock
        self._following = following
        self.waiting = Waiting(client, mirror, journal, clock)
        self._waking = Waking(client, mirror)
        self._book = SequenceBook()
        self._loaded: set[str] = set()
        self._marks: dict[str, Mark] = {}
        self._listed: set[str] = set()
        self._active: set[str] = set()
        self._projects: set[str] = set()
        self._second_look = False
        self.caught_up = asyncio.Event()

    def _now(self, *, live: bool = True) -> Moment:
        return Moment(self._clock.epoch_ms(), live=live)

    async def follow(self) -> None:
        """Follows one connection until it ends; raises AgentUnavailableError when it breaks."""
        self._mirror.missed()
        async with stream(self._client, self._following.silence) as frames:
            async for frame in frames:
                await self._take(frame)

    async def _take(self, frame: Frame) -> None:
        event = frame.event
        if frame.directory:
            self._active.add(frame.directory)
        match event:
            case Connected():
                await asyncio.sleep(self._following.settle)
                await self.catch_up()
                self._second_look = True
                self.caught_up.set()
            case Heartbeat():
                if self._second_look:
                    self._second_look = False
                    await self.catch_up()
            case Durable():
                await self._durable(event)
            case _:
                await self._transient(event)

    # Numbered events

    async def _durable(self, event: Durable) -> None:
        if isinstance(event.change, SessionDeleted):
            await self.waiting.clear(event.session_id, "The session was deleted.")
        match self._verdict(event):
            case Verdict.REPEATED:
                if event.change is not None:
                    self._mirror.repeated(event.change)
                return
            case Verdict.GAP:
                _log.info("events of %s were missed; asking the history", event.session_id)
                await self._replay()
            case Verdict.TAKEN_UP if isinstance(event.change, PartChanged):
                # The listing tells of it behind the parts before it. Told first, it would stand first for ever.
                await self._take_up(event.session_id)
                self._remember(event)
            case Verdict.TAKEN_UP:
                self._apply(event, self._now(live=False))
                await self._take_up(event.session_id)
            case Verdict.APPLY:
                self._apply(event, self._now())
                await self._list_reverted(event)
        self._tell_projects()

    async def _list_reverted(self, event: Durable) -> None:
        """A revert marks messages that an earlier run may have read."""
        change = event.change
        if isinstance(change, SessionChanged) and change.info.revert and event.session_id not in self._listed:
            await self._list_session(event.session_id)

    def _verdict(self, event: Durable) -> Verdict:
        self._load(event.session_id)
        return self._book.judge(event.session_id, event.seq)

    def _apply(self, event: Durable, moment: Moment) -> None:
        self._tell(event, moment)
        self._remember(event)

    def _tell(self, event: Durable, moment: Moment) -> None:
        change = event.change
        if change is not None and not is_outdated(change, self._mirror, self._journal, live=moment.live):
            self._mirror.apply(change, moment)

    def _remember(self, event: Durable) -> None:
        self._note(event)
        if isinstance(event.change, SessionDeleted):
            self._journal.save(_seq_key(event.session_id), b"")
        elif not _is_passing(event):
            self._save(event)

    def _note(self, event: Durable) -> None:
        self._book.note(event.session_id, event.seq)
        if event.seq == 0:
            # Followed from its beginning on: a listing could tell nothing new.
            self._listed.add(event.session_id)

    def _save(self, event: Durable) -> None:
        self._journal.save(_seq_key(event.session_id), Mark(event.seq, event.id).encode())

    def _load(self, session_id: str) -> None:
        """Fetches the number that an earlier run saved."""
        if session_id in self._loaded:
            return
        self._loaded.add(session_id)
        saved = self._journal.load(_seq_key(session_id))
        if saved:
            self._marks[session_id] = Mark.decode(saved)
            self._book.note(session_id, self._marks[session_id].seq)

    async def _replay(self, unnumbered: Iterable[str] = ()) -> None:
        after = dict.fromkeys(unnumbered, NOTHING_AFTER) | dict(self._book.last())
        events = await self._client.history(after)
        if self.caught_up.is_set():
            await tell_who_works(self._client, self._mirror, {event.session_id for event in events})
        moment = self._now(live=False)
        for event in condense(e for e in events if self._verdict(e) is not Verdict.REPEATED):
            self._tell(event, moment)
        for event in events:
            self._note(event)
        for session_id, event in {event.session_id: event for event in sorted(events, key=lambda e: e.seq)}.items():
            self._save(event)
            room = self._mirror.room(session_id)
            if room is not None:
                self._active.add(room.place.directory)

    # What a connection may have missed

    async def catch_up(self) -> None:
        """Brings the mirror up to what OpenCode holds now."""
        listed = await self._client.all_sessions(self._following.page_size)
        for info in listed:
            self._load(info.id)
        if not self.caught_up.is_set():
            await self._read_what_went_back(listed)
        most = self._following.listed_sessions
        followed = await headers.to_follow(listed, self._mirror, self._journal, most)
        stale = [
            info.id for info in followed if headers.is_unread(self._journal, info, numbered=self._book.knows(info.id))
        ]
        self._tell_projects(info.directory for info in listed)
        await headers.tell(listed, self._mirror, self._journal)
        for info in followed:
            self._mirror.adopt_session(info)
        await self._replay(info.id for info in listed if not self._book.knows(info.id))
        self._tell_projects()
        if self.caught_up.is_set():
            await self._reconcile()
        else:
            # A server that has just started works at nothing and waits for nobody.
            await self._cut_off_all()
        for session_id in stale:
            await self._list_session(session_id)
        await self._mark_gone({info.id for info in listed})

    async def _read_what_went_back(self, listed: Sequence[schema.Session]) -> None:
        """Finds sessions whose past is another one than was taken over: OpenCode's store was put back while it was off.

        A store can only be put back while no server has it open: once in each life is enough.
        """
        known = {info.id: info for info in listed if info.id in self._marks}
        marks = {session_id: self._marks[session_id] for session_id in known}
        if not marks:
            return
        events = await self._client.history(lost.history_from(marks, (info.id for info in listed)))
        for session_id in lost.went_back(marks, events):
            _log.warning("session %s went back to an older state in OpenCode; reading it anew", session_id)
            self._book.forget(session_id)
            self._journal.save(_seq_key(session_id), b"")
            size, moment = self._following.page_size, self._now(live=False)
            await lost.read_again(self._client, self._mirror, self._journal, known[session_id], moment, size)

    async def _take_up(self, session_id: str) -> None:
        """Reads a session with a past. Whether it works is asked first: else its open messages would seem cut off."""
        try:
            room = self._mirror.adopt_session(await self._client.session(session_id))
            await self._reconcile_status(room.place.directory)
        except (ResourceNotFoundError, AgentRefusedError) as error:
            _log.warning("session %s cannot be taken up: %s", session_id, error)
            return
        await self._list_session(session_id)

    async def _list_session(self, session_id: str) -> None:
        """Reads a session and its newest messages from the listing."""
        self._listed.add(session_id)
        try:
            info = await self._client.session(session_id)
            page = await self._client.messages(session_id, self._following.listed_messages)
            # Asked after the messages: one without an end whose session is busy even now is being written, not cut off.
            status = (await self._client.statuses(info.directory)).get(session_id)
            todos = await self._client.todos(session_id)
        except (ResourceNotFoundError, AgentRefusedError) as error:
            _log.warning("session %s cannot be read: %s", session_id, error)
            return
        room = self._mirror.adopt_session(info)
        room.has_earlier = headers.goes_back_further(self._journal, room, page)
        if status is not None:
            self._mirror.status(StatusChanged(sessionID=session_id, status=status))
        self._mirror.adopt_listing(session_id, page.messages, self._now(live=False))
        if todos:
            self._mirror.todos(TodosChanged(sessionID=session_id, todos=list(todos)))

    async def _cut_off_all(self) -> None:
        for room in self._mirror.rooms():
            if room.working or was_left_open(self._journal, room):
                self._mirror.cut_off(room.info.id)
            if room.activity.state == session_pb2.SESSION_STATE_INTERRUPTED:
                await self._list_session(room.info.id)
                await repair_session(self._client, room.info.id, self._clock.epoch_ms())
        self.waiting.expire_all(RESTARTED)

    async def _reconcile(self) -> None:
        # Decisions are read before statuses: one that is listed while its session is idle is then surely a leftover.
        permissions: list[schema.PermissionRequest] = []
        questions: list[schema.QuestionRequest] = []
        for directory in sorted(self._active):
            try:
                permissions += await self._client.permissions(directory)
                questions += await self._client.questions(directory)
                await self._reconcile_status(directory)
            except AgentRefusedError as error:
                _log.warning("%s cannot be followed: %s", directory, error)
        await self.waiting.reconcile(permissions, questions)

    async def _reconcile_status(self, directory: str) -> None:
        statuses = await self._client.statuses(directory)
        for room in self._mirror.rooms():
            if room.place.directory != directory:
                continue
            status, worked = statuses.get(room.info.id), room.working
            if status is not None or worked:
                change = StatusChanged(sessionID=room.info.id, status=status or schema.Status(type="idle"))
                self._mirror.status(change)
                await self._read_todos(room.info.id)
            if status is None and worked:
                await self._waking.wake(room.info.id)

    async def _read_todos(self, session_id: str) -> None:
        todos = await self._client.todos(session_id)
        if todos:
            self._mirror.todos(TodosChanged(sessionID=session_id, todos=list(todos)))

    async def _mark_gone(self, listed: set[str]) -> None:
        """Marks sessions that vanished while nobody listened; each is asked for once more before."""
        for name in {"/".join(name.split("/")[:2]) for name in self._journal.names("sessions/")}:
            session_id = session_id_of(name)
            known = self._journal.known(name) if session_id not in listed else None
            if known is None or known.session.agent != AGENT_ID:
                continue
            try:
                await self._client.session(session_id)
            except ResourceNotFoundError:
                self._mirror.leave(session_id)
                lost.mark_gone(self._journal, name)

    def _tell_projects(self, listed: Iterable[str] = ()) -> None:
        """Makes the folders of sessions known as projects: of those that are followed, and of `listed`."""
        for directory in self._mirror.directories().union(listed) - self._projects:
            self._projects.add(directory)
            path = Path(directory)
            name = project_name(path)
            if self._journal.known(name) is None:
                project = workstation_pb2.Project(
                    name=name, display_name=path.name or directory, path=directory, git=(path / ".git").exists()
                )
                self._journal.put(resource_pb2.Resource(name=name, project=project))

    # Events without numbers

    async def _transient(self, event: Event) -> None:
        match event:
            case PartDelta():
                self._mirror.grow(event)
            case StatusChanged():
                await self._status(event)
            case SessionFailed():
                self._mirror.failed(event)
            case schema.PermissionRequest() | schema.QuestionRequest():
                self.waiting.ask(event)
            case PermissionReplied() | QuestionSettled():
                self.waiting.settled(event)
            case TodosChanged():
                self._mirror.todos(event)

    async def _status(self, event: StatusChanged) -> None:
        worked = self._mirror.is_working(event.session_id)
        self._mirror.status(event)
        if event.session_id not in self._listed and event.status.type != "idle":
            await self._list_session(event.session_id)
        if event.status.type == "idle":
            # A turn that is over waits for nothing, but OpenCode goes on listing what it waited for.
            await self.waiting.clear(event.session_id, NO_LONGER_WAITS)
            if worked:
                # Who is stopped while it rests is said to be idle, too; what was just said to it is about to begin.
                await self._waking.wake(event.session_id)
            await renew_session(self._client, self._mirror, event.session_id)


def _seq_key(session_id: str) -> str:
    return f"opencode/seq/{session_id}"


def _is_passing(event: Durable) -> bool:
    """Returns whether the next event of the same part says all of this one again, as the output of a running command
    does.
    """
    change = event.change
    return (
        isinstance(change, PartChanged)
        and isinstance(change.part, schema.ToolPart)
        and (change.part.state.status == "running")
    )
