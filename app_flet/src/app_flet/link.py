"""The link to one relay: a WebSocket at `/link`, kept up for as long as somebody needs it. docs/link-protocol.md §3.

Brings frames to the device's followings and outbox, and sends what is due: calls, what is on screen, heartbeats. Knows
nothing of what a frame means beyond where it goes.
"""

import asyncio
import logging
import math
import random
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from websockets.asyncio.client import ClientConnection

from app_flet import events
from app_flet.attendance import seconds_left
from app_flet.device import Device
from app_flet.dialling import HeardConnection, dial
from app_flet.doubt import Doubt
from app_flet.instants import instant, milliseconds
from app_flet.link_lost import EXPECTED, LinkLost, first_of, lost_by, lost_by_going, lost_by_refusal
from app_flet.model import LinkState
from app_flet.pace import Pace, until_heartbeat
from app_flet.pairing import OPEN_SECONDS
from app_flet.reading import read, read_frame
from app_flet.release import release
from app_flet.watch import Watch
from halyard_client.halyard.link.v1 import (
    AppCall,
    AppHello,
    AppWelcome,
    AttachAppRequest,
    AttachAppResponse,
    Focus,
    Joined,
    Limits,
    Ping,
    Refused,
    SealedCall,
    WorkstationState,
)
from wire.backoff import Backoff
from wire.calls import QueuedCall
from wire.identity import JTI_BYTES, make_token

log = logging.getLogger(__name__)

DEFAULT_HEARTBEAT_SECONDS = 25
MAX_HEARTBEAT_SECONDS = 60
"""Whatever a relay asks for: with each heartbeat this device asks itself what the relay may be holding back."""
DEAD_AFTER_HEARTBEATS = 2.5


@dataclass
class Link:
    """The link of one device to one relay."""

    device: Device
    relay: str
    draw: Callable[[], float] = random.random
    _backoff: Backoff = field(default_factory=Backoff)
    _clock_offset_s: int = 0
    """Relay's clock minus ours, for tokens only."""
    _redialled: bool = False
    """The clock was corrected since the relay last welcomed this device."""
    _asked_at: float | None = None
    """When something was sent that the relay answers at once; None: it has answered, and what comes is unasked."""
    _heartbeat_s: float = DEFAULT_HEARTBEAT_SECONDS
    _sent_focus: Focus | None = None
    _sent_at: float = 0.0
    """When this device last said something, in monotonic seconds."""
    _woken: bool = False
    """A frame came in when a heartbeat could fall in with it."""
    _socket: ClientConnection | None = None
    """While the link stands."""
    _doubt: Doubt = field(default_factory=Doubt)
    _listed: set[str] = field(default_factory=set)
    """The workstations for which the relay lists this device; calls to others wait."""
    _pace: Pace = field(default_factory=Pace)
    _watch: Watch = field(default_factory=Watch)

    async def run(self) -> None:
        """Links, and links again, until cancelled."""
        try:
            with self.device.hurried.listening() as hurried:
                async with asyncio.TaskGroup() as group:
                    while True:
                        self._now_is(LinkState.CONNECTING)
                        # A task of its own: what breaks while it is cancelled is raised instead of CancelledError.
                        attempt = group.create_task(self._attempt(hurried))
                        await asyncio.wait({attempt})
                        lost = attempt.result()
                        self._now_is(lost.state, lost.message)
                        await self._pause(lost, hurried)
        finally:
            self._now_is(LinkState.OFFLINE)

    def _now_is(self, state: LinkState, detail: str = "", also: Iterable[events.Event] = ()) -> None:
        self.device.happened([events.LinkChanged(self.relay, state, self.device.now_ms(), detail), *also])

    async def _attempt(self, hurried: asyncio.Event) -> LinkLost:
        """One connection from beginning to end; returns why it ended."""
        self._doubt = Doubt()
        try:
            async with asyncio.TaskGroup() as group:
                doubts = group.create_task(self._doubt.watch(hurried, self._ask))
                await self._connect()
                doubts.cancel()
        except (LinkLost, *EXPECTED) as error:
            return self._told(error)
        except ExceptionGroup as group:
            expected, unexpected = group.split((LinkLost, *EXPECTED))
            if unexpected is not None or expected is None:
                raise
            return self._told(first_of(expected))
        return LinkLost("The relay closed the link.")

    def _told(self, error: Exception) -> LinkLost:
        if isinstance(error, sqlite3.Error):
            log.error("The store refused a change: %s", error)
            self.device.recover()
        return lost_by(error, self.relay)

    async def _connect(self) -> None:
        async with dial(self.relay) as socket:
            try:
                await self._serve(socket)
            finally:
                if self._doubt.is_open or self._watch.is_silent:
                    socket.drop()

    async def _ask(self) -> None:
        if self._socket is not None:
            await self._ping(self._socket)

    async def _pause(self, lost: LinkLost, hurried: asyncio.Event) -> None:
        if self._doubt.is_open:
            self._backoff = self._backoff.network_changed()
            return
        if lost.at_once:
            _, self._backoff = self._backoff.failed(time.monotonic(), self.draw())
            return
        if lost.away_seconds:
            seconds = lost.away_seconds * (1 + self.draw())
        else:
            seconds, self._backoff = self._backoff.failed(time.monotonic(), self.draw())
        try:
            async with asyncio.timeout(seconds):
                await hurried.wait()
        except TimeoutError:
            return
        hurried.clear()
        self._backoff = self._backoff.network_changed()

    # --- one connection -----------------------------------------------------------------------------------------------

    async def _serve(self, socket: HeardConnection) -> None:
        async with asyncio.timeout(OPEN_SECONDS):
            self._asked_at = time.monotonic()
            await self._say(socket, AttachAppRequest(hello=self._hello()))
            self._welcomed(read(AttachAppResponse, await socket.recv(decode=False)))
        self._backoff = self._backoff.connected(time.monotonic())
        self._socket = socket
        try:
            with self.device.outgoing.due.listening() as due:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._receive(socket))
                    somebody = self.device.lookers.somebody
                    group.create_task(self._watch.keep(somebody, lambda: socket.heard_bytes, self._ask))
                    # Not a third child: when one fails while the group already waits for its end, Python 3.11 and 3.12
                    # leave this task marked as cancelled (python/cpython#116720). With Debian's 3.11.2, closing a
                    # silent socket would then end the link for good.
                    await self._send(socket, due)
        finally:
            self._socket = None

    def _hello(self) -> AppHello:
        now_s = self.device.now_ms.own_ms() // 1000 + self._clock_offset_s
        cursors = [following.cursor for following in self.device.of_relay(self.relay)]
        return AppHello(
            token=make_token(self.device.identity, self.relay, now_s, secrets.token_bytes(JTI_BYTES)),
            cursors=[cursor for cursor in cursors if cursor is not None],
            version=release(),
        )

    def _welcomed(self, frame: AttachAppResponse) -> None:
        if frame.refused is not None:
            raise self._refusal(frame.refused)
        if frame.welcome is None:
            raise LinkLost("This is not a Halyard relay, or one of another release.")
        self._limits(frame.welcome.limits)
        self._sent_focus = None
        self._redialled = False
        self._hear(frame.welcome.server_time)
        self.device.outgoing.outbox.link_began()
        # In one: nobody is to see a link that stands and no workstation at its other end.
        self._now_is(LinkState.ONLINE, also=self._members(frame.welcome))
        self._measured()

    def _limits(self, limits: Limits | None) -> None:
        self._backoff = self._backoff.told(limits.reconnect_ceiling_seconds if limits is not None else 0)
        if limits is not None and limits.heartbeat_seconds:
            self._heartbeat_s = min(limits.heartbeat_seconds, MAX_HEARTBEAT_SECONDS)

    def _members(self, welcome: AppWelcome) -> Iterator[events.Event]:
        self._listed = set()
        for state in welcome.workstations:
            yield from self._began(state)
        yield from self._unlisted()

    def _unlisted(self) -> Iterator[events.Event]:
        absent = (one.row.id for one in self.device.of_relay(self.relay) if one.row.id not in self._listed)
        return map(events.WorkstationUnlisted, absent)

    def _began(self, state: WorkstationState) -> list[events.Event]:
        self._listed.add(state.workstation_id)
        following = self.device.followings.get(state.workstation_id)
        if following is None:
            return []
        happened = following.began(state, self.device.now_ms())
        following.belief.looked_at(self.device.now_ms(), somebody=self._is_looked_at)
        return happened

    def _measured(self) -> None:
        """What was asked last has been answered."""
        self._doubt.answered()
        if self._asked_at is not None:
            seconds, self._asked_at = time.monotonic() - self._asked_at, None
            self._watch.answered(seconds)
            self.device.happened([events.LinkMeasured(self.relay, round(seconds * 1000))])

    def _hear(self, server_time: datetime | None) -> None:
        if server_time is not None:
            relay_ms = milliseconds(server_time)
            self._clock_offset_s = (relay_ms - self.device.now_ms.own_ms()) // 1000
            self.device.heard_time(relay_ms)

    def _refusal(self, refused: Refused) -> LinkLost:
        lost = lost_by_refusal(refused)
        if lost.at_once:
            self._hear(refused.server_time)
            # Once: a relay that refuses the time that it has just told would be asked again without end.
            lost.at_once, self._redialled = not self._redialled, True
        if lost.is_unlisted:
            self._listed = set()
            self.device.happened(self._unlisted())
        return lost

    # --- receiving ----------------------------------------------------------------------------------------------------

    async def _receive(self, socket: ClientConnection) -> None:
        while True:
            async with asyncio.timeout(self._heartbeat_s * DEAD_AFTER_HEARTBEATS):
                data = await socket.recv(decode=False)
            self._doubt.heard()
            self._take(read_frame(data))
            if (
                not self._woken
                and until_heartbeat(time.monotonic() - self._sent_at, self._heartbeat_s, woken=True) <= 0
            ):
                self._woken = True
                self.device.outgoing.due.ring()

    def _take(self, frame: AttachAppResponse) -> None:
        if frame.batch is not None:
            self._followed(frame)
        elif frame.reply is not None:
            self.device.outgoing.replied(frame.reply)
        elif frame.call_stored is not None:
            self.device.outgoing.stored(frame.call_stored.call_id)
        elif frame.call_taken is not None:
            self.device.outgoing.taken(frame.call_taken.call_id)
        elif frame.call_refused is not None:
            self.device.outgoing.refused(frame.call_refused)
        elif frame.refused is not None:
            raise self._refusal(frame.refused)
        elif frame.pong is not None:
            self._measured()
            self._hear(frame.pong.server_time)
        elif frame.going_away is not None:
            raise lost_by_going(frame.going_away.reconnect_after_ms)
        else:
            self._followed(frame)

    def _followed(self, frame: AttachAppResponse) -> None:
        """Frames about one workstation; those about one that this device does not know are skipped."""
        about = frame.batch or frame.caught_up or frame.presence or frame.reset or frame.removed
        if frame.joined is not None:
            self._joined(frame.joined)
        following = self.device.followings.get(about.workstation_id) if about is not None else None
        if following is None:
            return
        now_ms = self.device.now_ms()
        happened: list[events.Event] = []
        if frame.batch is not None:
            happened = following.batch(frame.batch, now_ms)
        elif frame.caught_up is not None:
            happened = following.caught_up(frame.caught_up, now_ms)
        elif frame.presence is not None:
            last_seen_ms = milliseconds(frame.presence.last_seen_time)
            happened = following.presence(online=frame.presence.online, last_seen_ms=last_seen_ms, now_ms=now_ms)
            self.device.outgoing.outbox.doubt()
        elif frame.reset is not None and frame.reset.cursor is not None:
            happened = following.reset(frame.reset.cursor.log_epoch)
        elif frame.removed is not None:
            self._listed.discard(following.row.id)
            happened = [events.WorkstationRemoved(following.row.id)]
        self.device.happened(happened)
        self.device.outgoing.due.ring()
        if following.must_link_again:
            raise LinkLost(following.must_link_again, at_once=True)

    def _joined(self, joined: Joined) -> None:
        if joined.workstation is not None:
            self.device.happened(self._began(joined.workstation))
            self.device.outgoing.outbox.doubt()
            self.device.outgoing.due.ring()

    # --- sending ------------------------------------------------------------------------------------------------------

    async def _send(self, socket: ClientConnection, due: asyncio.Event) -> None:
        while True:
            due.clear()
            held_back_s = await self._send_due(socket)
            seconds = until_heartbeat(time.monotonic() - self._sent_at, self._heartbeat_s, woken=self._woken)
            if seconds <= 0:
                await self._ping(socket)
                self.device.outgoing.outbox.doubt()
                continue
            answers_due = (following.belief.answer_due_ms for following in self.device.of_relay(self.relay))
            try:
                async with asyncio.timeout(min(seconds, held_back_s, seconds_left(answers_due, self.device.now_ms()))):
                    await due.wait()
            except TimeoutError:
                continue

    async def _ping(self, socket: ClientConnection) -> None:
        self._asked_at = time.monotonic()
        self._doubt.asked()
        await self._say(socket, AttachAppRequest(ping=Ping()))

    async def _say(self, socket: ClientConnection, frame: AttachAppRequest) -> None:
        data = bytes(frame)
        self._watch.sent_bytes += len(data)
        await socket.send(data)
        self._sent_at = time.monotonic()
        self._woken = False

    async def _send_due(self, socket: ClientConnection) -> float:
        """Sends what is due, and returns the seconds until more of it may leave."""
        self.device.outgoing.expire()
        await self._send_focus(socket)
        now_ms = self.device.now_ms()
        self.device.happened(e for following in self.device.of_relay(self.relay) for e in following.judged(now_ms))
        for call in self.device.outgoing.outbox.due(self.device.now_ms()):
            frame = self._call(call)
            if frame is None:
                continue
            if (wait := self._pace.wait(time.monotonic())) > 0:
                return wait
            self._pace.left(time.monotonic())
            self.device.outgoing.leaving(call)
            await self._say(socket, frame)
        return math.inf

    async def _send_focus(self, socket: ClientConnection) -> None:
        workstation, session = self.device.focus
        following = self.device.followings.get(workstation)
        here = following is not None and self.device.relay_of(following.row) == self.relay
        key = following.focus_key(session) if following is not None and here and session else b""
        foreground = self.device.lookers.somebody.is_set()
        focus = Focus(workstation_id=workstation if key else "", focus=key, foreground=foreground)
        if focus == self._sent_focus:
            return
        if foreground is not self._is_looked_at:
            for one in self.device.of_relay(self.relay):
                one.belief.looked_at(self.device.now_ms(), somebody=foreground)
        await self._say(socket, AttachAppRequest(focus=focus))
        self._sent_focus = focus

    @property
    def _is_looked_at(self) -> bool:
        """The relay knows that somebody looks, and tells every workstation that this device follows."""
        return self._sent_focus is not None and self._sent_focus.foreground

    def _call(self, call: QueuedCall) -> AttachAppRequest | None:
        following = self.device.followings.get(call.workstation)
        here = following is not None and self.device.relay_of(following.row) == self.relay
        if following is None or not here or call.workstation not in self._listed:
            return None
        sealed = following.channel.seal_call(call.call_id, call.expires_ms, call.payload)
        envelope = SealedCall(call_id=call.call_id, expire_time=instant(call.expires_ms), sealed=sealed)
        return AttachAppRequest(call=AppCall(workstation_id=call.workstation, call=envelope))
