"""What OpenCode says, told to the journal in Halyard's words.

Counterpart: `follower.py` brings events and listings and says how fresh they are. The mirror does no I/O but the
journal's calls, which return at once; time comes in with every call. Invariants:

* A record is whole. Text that OpenCode has not stored yet is kept here, told as it grows and at the part's end.
* Deltas continue exactly what the journal was last told of a part; where that is not known, none are sent until the
part closes.
* A repeated event changes nothing, since the journal ignores equal values.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from agentd.agents.agent import Journal
from agentd.agents.opencode import decisions, schema, translate, undone
from agentd.agents.opencode.accumulator import Accumulator, Growth
from agentd.agents.opencode.entering import resumed
from agentd.agents.opencode.event_schema import (
    Change,
    MessageChanged,
    MessageRemoved,
    PartChanged,
    PartDelta,
    PartRemoved,
    SessionChanged,
    SessionDeleted,
    SessionFailed,
    StatusChanged,
    TodosChanged,
)
from agentd.agents.opencode.growing import Growing
from agentd.agents.opencode.place import Place
from agentd.agents.opencode.room import Room
from agentd.agents.opencode.tail import Theirs, is_finished, stand
from agentd.agents.opencode.tools import MAX_OUTPUT_BYTES, OPEN_STATES, output_of, stay_cut_off, with_known_output
from halyard.agent.v1 import resource_pb2
from halyard.agent.v1 import session_pb2 as pb


@dataclass(frozen=True, slots=True)
class Moment:
    """When something is told, in ms since the epoch, and whether it came live.

    What comes from a listing or a replay is not live: deltas may have been missed before it.
    """

    epoch_ms: int
    live: bool = True


class Mirror:
    """All sessions that are followed."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._rooms: dict[str, Room] = {}

    # What is known

    def room(self, session_id: str) -> Room | None:
        """Returns what is known of a session."""
        return self._rooms.get(session_id)

    def rooms(self) -> Collection[Room]:
        """Returns all sessions that are followed."""
        return list(self._rooms.values())

    def directories(self) -> set[str]:
        """Returns the folders of all followed sessions."""
        return {room.place.directory for room in self._rooms.values()}

    def family(self, session_id: str) -> list[str]:
        """Returns the session and all its subagents' sessions."""
        found = [session_id]
        for member in found:
            found += [r.info.id for r in self._rooms.values() if r.info.parent_id == member]
        return found

    def is_working(self, session_id: str) -> bool:
        """Returns whether a turn runs in the session."""
        room = self._rooms.get(session_id)
        return room is not None and room.working

    def anyone_working(self) -> bool:
        """Returns whether a turn runs anywhere."""
        return any(room.working for room in self._rooms.values())

    # Durable changes

    def apply(self, change: Change, moment: Moment) -> None:
        """Takes over a durable change."""
        match change:
            case SessionChanged():
                self.adopt_session(change.info)
            case SessionDeleted():
                self._rooms.pop(change.session_id, None)
                self._journal.delete(f"sessions/{change.session_id}")
            case MessageChanged():
                self._message(change.info, moment)
            case MessageRemoved():
                self._forget_message(change.session_id, change.message_id)
            case PartChanged():
                self._part(change.part, moment)
            case PartRemoved():
                self._forget_part(change)

    def adopt_session(self, info: schema.Session) -> Room:
        """Takes over a session's record; what it is doing stays as known."""
        room = self._rooms.get(info.id)
        if room is None:
            room = self._rooms[info.id] = resumed(self._journal, info)
        room.info = info
        self._put_session(room)
        undone.renew(self._journal, room)
        return room

    def enter_anew(self, info: schema.Session) -> None:
        """Takes over a session whose past is another one now; it rests, as after every start of a server."""
        self._rooms[info.id] = Room(Place(info.id, info.directory), info)

    def leave(self, session_id: str) -> None:
        """Follows a session no more."""
        self._rooms.pop(session_id, None)

    def _message(self, info: Theirs, moment: Moment) -> None:
        room = self._rooms.get(info.session_id)
        if room is None:
            return
        others = [message for message in room.tail.unsettled() if message.id != info.id]
        room.note(info, live=moment.live)
        if isinstance(info, schema.AssistantMessage):
            if is_finished(info):
                self._close_growing(room, info.id)
            if context := translate.context_left(info):
                room.note_context(context)
                self._put_session(room)
        elif info.summary is not None and info.summary.diffs:
            self._put_session(room)
        self._put_all(room, [info, *others])
        room.tail.let_go()

    def _forget_message(self, session_id: str, message_id: str) -> None:
        room = self._rooms.get(session_id)
        if room is not None:
            room.forget(message_id)
            self._journal.delete(room.place.message(message_id))

    def _forget_part(self, change: PartRemoved) -> None:
        room = self._rooms.get(change.session_id)
        if room is not None:
            room.growing.pop(change.part_id, None)
            self._journal.delete(room.place.part(change.message_id, change.part_id))

    # Parts

    def _part(self, theirs: schema.Part, moment: Moment) -> None:
        room = self._rooms.get(theirs.session_id)
        if room is None:
            return
        name = room.place.part(theirs.message_id, theirs.id)
        ours = translate.part(theirs, self._index(name, room.place.message(theirs.message_id)), room.place)
        if ours is None:
            return
        if isinstance(theirs, schema.ToolPart):
            asked = room.note_call(theirs.call_id, name)
            self._tool(room, theirs, ours, moment)
            if asked:
                self._journal.asked_by(asked, name)
        elif translate.is_growing(theirs):
            self._open_text(room, theirs, ours, moment)
        else:
            room.growing.pop(theirs.id, None)
            self._put_part(ours)

    def _index(self, name: str, message: str) -> int:
        known = self._journal.known(name)
        if known is not None and known.HasField("part"):
            return known.part.index
        siblings = (self._journal.known(other) for other in self._journal.names(f"{message}/parts/"))
        return max((sibling.part.index + 1 for sibling in siblings if sibling is not None), default=0)

    def _open_text(self, room: Room, theirs: schema.Part, ours: pb.Part, moment: Moment) -> None:
        """Opens a text part, or renews it from a listing, which has no text before its end: ours is kept if longer."""
        growing = room.growing.get(theirs.id)
        if growing is None:
            growing = room.growing[theirs.id] = Growing(ours, self._resumed(ours, moment))
        elif not moment.live:
            growing.arrived.whole = False
        elif not translate.text_of(ours):
            growing.arrived.begins()
        growing.part = ours
        is_open = moment.live or room.is_writing(theirs.message_id)
        state = pb.PART_STATE_OPEN if is_open else pb.PART_STATE_INTERRUPTED
        self._put_part(translate.with_text(ours, growing.arrived.text, state))

    def repeated(self, change: Change) -> None:
        """Takes from a live event that a replay had told before what no replay can tell: a text that begins on this
        connection, so that all of its deltas will come.
        """
        match change:
            case PartChanged(part=schema.TextPart(text="", id=part_id, session_id=session_id)):
                room = self._rooms.get(session_id)
                if room is not None and part_id in room.growing:
                    room.growing[part_id].arrived.begins()

    def _resumed(self, ours: pb.Part, moment: Moment) -> Accumulator:
        text = translate.text_of(ours)
        known = self._journal.known(ours.name)
        if known is not None and known.HasField("part") and not moment.live:
            text = max(text, translate.text_of(known.part), key=len)
        return Accumulator(text, whole=moment.live)

    def _tool(self, room: Room, theirs: schema.ToolPart, ours: pb.Part, moment: Moment) -> None:
        growing, known = room.growing.get(theirs.id), self._journal.known(ours.name)
        if not (moment.live or room.is_writing(theirs.message_id)):
            stay_cut_off(ours, known)
        if ours.tool_call.state not in OPEN_STATES:
            room.growing.pop(theirs.id, None)
            self._put_part(with_known_output(ours, known))
        elif growing is None or growing.differs_beyond_output(ours):
            room.growing[theirs.id] = Growing(ours, Accumulator(output_of(theirs.state)))
            self._put_part(ours)
        else:
            self._grow_output(growing, ours, output_of(theirs.state))

    def _grow_output(self, growing: Growing, ours: pb.Part, output: str) -> None:
        growth = growing.arrived.extend_to(output)
        if growth is not None:
            if ours.tool_call.output_bytes <= MAX_OUTPUT_BYTES:
                self._grow(ours.name, growth, resource_pb2.DELTA_FIELD_OUTPUT)
            else:
                growing.arrived.untold = True
        growing.part = ours

    def grow(self, delta: PartDelta) -> None:
        """Takes over appended text of a part that is open here; of others it waits for the closing record."""
        room = self._rooms.get(delta.session_id)
        growing = room.growing.get(delta.part_id) if room else None
        if growing is None or delta.field != "text" or growing.is_call:
            return
        growth = growing.arrived.append(delta.delta)
        if growth is not None:
            self._grow(growing.part.name, growth, resource_pb2.DELTA_FIELD_TEXT)

    def _grow(self, part: str, growth: Growth, field: resource_pb2.DeltaField) -> None:
        delta = resource_pb2.Delta(part=part, offset_bytes=growth.offset_bytes, text=growth.text, field=field)
        self._journal.grow(delta)

    def checkpoint(self) -> None:
        """Tells, once in a while, outputs whose change could not be passed on as growth, and answers without an end."""
        for room in self._rooms.values():
            for growing in room.growing.values():
                if growing.arrived.untold:
                    growing.arrived.untold = False
                    self._put_part(growing.part)
            if room.pass_checkpoint():
                self._close_growing(room)
                self._put_unsettled(room)

    def missed(self) -> None:
        """Notes that the stream was cut: deltas may be missing from every part that is open."""
        for room in self._rooms.values():
            for growing in room.growing.values():
                growing.arrived.whole = growing.is_call

    def _close_growing(self, room: Room, message_id: str = "", *, calls: bool = True) -> None:
        """Closes parts that will not be closed by OpenCode any more; what had arrived of them is kept."""
        prefix = room.place.part(message_id, "") if message_id else room.place.session
        for part_id, growing in list(room.growing.items()):
            if growing.part.name.startswith(prefix) and (calls or not growing.is_call):
                del room.growing[part_id]
                self._put_part(growing.interrupted())

    # Transient changes

    def status(self, change: StatusChanged) -> None:
        """Takes over what a session is doing."""
        room = self._rooms.get(change.session_id)
        if room is None:
            return
        match change.status.type:
            case "busy":
                room.begin()
            case "retry":
                # What a failed try had written stays in OpenCode as a part without an end; the next try begins a new
                # one.
                self._close_growing(room, calls=False)
                room.retry(change.status)
            case _:
                room.rest()
        self._put_session(room)
        # A turn that was stopped is idle before its last records come: what is open waits for them.
        self._put_all(room, room.tail.unsettled() if room.working else room.tail.unanswered())

    def failed(self, change: SessionFailed) -> None:
        """Takes over that a turn failed or was stopped; may come before or after the session is idle."""
        room = self._rooms.get(change.session_id)
        if room is None or change.error is None:
            return
        if translate.was_aborted(change.error):
            room.stopped = frozenset(prompt.id for prompt in room.tail.unanswered())
        else:
            room.failure = translate.error_text(change.error)
        if not room.working:
            room.rest()
            self._put_session(room)
        self._put_all(room, room.tail.unanswered())

    def todos(self, change: TodosChanged) -> None:
        """Takes over the agent's list."""
        room = self._rooms.get(change.session_id)
        if room is not None:
            ours = translate.todo_list(change.todos, room.place)
            self._journal.put(resource_pb2.Resource(name=ours.name, todo_list=ours))

    # Decisions

    def ask(self, theirs: schema.PermissionRequest | schema.QuestionRequest, moment: Moment) -> None:
        """Passes on that the agent waits for a permission or an answer."""
        room = self._rooms.get(theirs.session_id)
        if room is None:
            return
        call_id = theirs.tool.call_id if theirs.tool is not None else ""
        part = room.note_ask(call_id, decisions.name_of(theirs, room.place))
        if isinstance(theirs, schema.PermissionRequest):
            self._journal.ask_permission(decisions.permission(theirs, room.place, part, moment.epoch_ms))
        else:
            self._journal.ask_question(decisions.question(theirs, room.place, part, moment.epoch_ms))

    def waiting_part(self, theirs: schema.PermissionRequest | schema.QuestionRequest) -> str:
        """Returns the name of the tool call that waits; empty when unknown."""
        room = self._rooms.get(theirs.session_id)
        return room.calls.get(theirs.tool.call_id, "") if room is not None and theirs.tool is not None else ""

    def still_waits(self, theirs: schema.PermissionRequest | schema.QuestionRequest) -> bool:
        """Returns whether a listed request is alive. OpenCode keeps listing those of stopped turns."""
        room = self._rooms.get(theirs.session_id)
        if room is None or not room.working:
            return False
        known = self._journal.known(self.waiting_part(theirs))
        return decisions.waits_for(known.part if known is not None else None)

    # Listings and cuts

    def adopt_listing(self, session_id: str, messages: Sequence[schema.MessageWithParts], moment: Moment) -> None:
        """Takes over a session's messages from a listing. The session's activity must be up to date."""
        room = self._rooms.get(session_id)
        if room is None:
            return
        for entry in messages:
            room.note(entry.info)
        for theirs in (part for entry in messages for part in entry.parts):
            self._part(theirs, moment)
        newest = max((entry.info for entry in messages), key=stand, default=None)
        if not room.working:
            self._close_growing(room)
            if isinstance(newest, schema.AssistantMessage):
                room.found_last(newest)
        for entry in messages:
            self._put_message(room, entry.info)
            room.note_context(translate.context_left(entry.info))
        self._put_unsettled(room)
        self._put_session(room)
        undone.renew(self._journal, room)

    def cut_off(self, session_id: str, reason: str = "") -> None:
        """Notes that the process died that ran a turn here, and why: what had arrived is kept and marked."""
        room = self._rooms.get(session_id)
        if room is None:
            return
        room.cut_off(reason)
        self._close_growing(room)
        self._put_unsettled(room)
        self._put_session(room)

    # The journal

    def _put_session(self, room: Room) -> None:
        self._journal.put(resource_pb2.Resource(name=room.place.session, session=room.session()))

    def _put_message(self, room: Room, theirs: Theirs) -> None:
        self._journal.put(resource_pb2.Resource(name=room.place.message(theirs.id), message=room.message(theirs)))

    def _put_unsettled(self, room: Room) -> None:
        """Tells what stands differently when a turn begins or ends."""
        self._put_all(room, room.tail.unsettled())
        room.tail.let_go()

    def _put_all(self, room: Room, messages: Iterable[Theirs]) -> None:
        for message in messages:
            self._put_message(room, message)

    def _put_part(self, ours: pb.Part) -> None:
        self._journal.put(resource_pb2.Resource(name=ours.name, part=ours))
