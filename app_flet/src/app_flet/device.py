"""One device: its identity, what it follows, what it has asked for. Everything a screen needs and nothing of screens.

The only place where events become a new model. Links bring frames in and fetch what must leave; screens listen for
changes and hand over intents. In the web host several screens (tabs) of one browser share one device, because a relay
lets a device have one link at a time.
"""

import secrets
from collections.abc import Callable, Iterable

from app_flet import events
from app_flet.bell import Bell
from app_flet.calling import prompted, view_of
from app_flet.clock import Clock
from app_flet.following import Following
from app_flet.intents import Intent
from app_flet.lookers import Lookers
from app_flet.model import FIRST_MESSAGES, MORE_MESSAGES, Model, frozen
from app_flet.outgoing import Outgoing
from app_flet.pairing import Paired
from app_flet.reduce import reduce
from app_flet.store import Store, WorkstationRow
from wire.identity import Identity
from wire.sealing import Channel

IDENTITY = "identity"


class Device:
    """See the module."""

    def __init__(self, store: Store, now_ms: Callable[[], int], *, relay: str = "") -> None:
        """Restores everything from `store`. `now_ms`: the device's own clock, in Unix milliseconds.

        `relay`: link there, wherever a workstation says to meet (web host).
        """
        self.store = store
        self.now_ms = Clock(now_ms, store)
        self._relay = relay
        self.identity = self._own_identity()
        self.outgoing = Outgoing(store, self.now_ms, self._channel_of, self.happened)
        self.hurried = Bell()
        """Rings when a link that is down should try at once, and one that stands may be dead."""
        self.relays_changed = Bell()
        """Rings when links must be made anew."""
        self.lookers = Lookers(self.outgoing.due.ring)
        self._on_screen: tuple[str, str] = ("", "")
        self._listeners: set[Callable[[], None]] = set()
        self._open: dict[tuple[str, str], int] = {}
        self.followings = {row.id: self._follow(row) for row in store.workstations()}
        self.model = Model(self.identity.device_id, seen=frozen(store.seen()), clock_offset_ms=self.now_ms.offset_ms)
        for following in self.followings.values():
            self._restore(following)
        self.happened([events.CallChanged(view_of(call)) for call in self.outgoing.outbox])

    def _own_identity(self) -> Identity:
        secret = self.store.fact(IDENTITY)
        if secret is None:
            secret = secrets.token_bytes(64)
            with self.store.transaction(durable=True):
                self.store.keep_fact(IDENTITY, secret)
        return Identity.from_bytes(secret)

    def _follow(self, row: WorkstationRow) -> Following:
        return Following(self.store, row, self.identity, lambda session: (row.id, session) in self._open)

    def _restore(self, following: Following) -> None:
        row = following.row
        relay = self.relay_of(row)
        known = events.WorkstationKnown(row.id, row.display_name, relay, row.role, row.last_seen_ms, row.as_of_ms)
        gap = events.GapJudged(row.id, following.has_gap)
        self.happened([known, gap, events.RecordsOpened(row.id, self.store.records_beside(row.id))])

    # --- what is known ------------------------------------------------------------------------------------------------

    def happened(self, what: Iterable[events.Event]) -> None:
        """Takes events into the model and tells every screen, once."""
        before = self.model
        for event in what:
            self.model = reduce(self.model, event)
        if self.model is not before:
            for listener in tuple(self._listeners):
                listener()

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Calls `listener` after every change, until the function it returns is called."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    @property
    def is_paired(self) -> bool:
        """Whether there is any workstation."""
        return bool(self.followings)

    # --- workstations -------------------------------------------------------------------------------------------------

    def relay_of(self, row: WorkstationRow) -> str:
        """Where to meet a workstation."""
        return self._relay or row.relay

    @property
    def relays(self) -> set[str]:
        """Every relay that this device needs a link to."""
        return {self.relay_of(following.row) for following in self.followings.values()}

    def of_relay(self, relay: str) -> list[Following]:
        """The workstations met at `relay`."""
        return [following for following in self.followings.values() if self.relay_of(following.row) == relay]

    def paired(self, paired: Paired) -> str:
        """A workstation introduced itself; returns its id. Pairing again keeps the replica."""
        former = self.followings.get(paired.workstation)
        row = paired.row(former.row if former else None)
        with self.store.transaction(durable=True):
            self.store.keep_workstation(row)
        self.followings[row.id] = self._follow(row)
        self._restore(self.followings[row.id])
        self.relays_changed.ring()
        return row.id

    def forget(self, workstation: str) -> None:
        """Takes a workstation off this device, with everything that is here of it."""
        self.followings.pop(workstation, None)
        self.store.forget_workstation(workstation)
        self.happened([events.WorkstationForgotten(workstation)])
        self.relays_changed.ring()

    def heard_time(self, relay_ms: int) -> None:
        """A relay told what time it is."""
        if self.now_ms.heard(relay_ms):
            self.happened([events.ClockJudged(self.now_ms.offset_ms)])

    def hurry(self) -> None:
        """The app came to the foreground, slept, or its network changed: links that are down try at once, those that
        stand must prove that they do.
        """
        self.hurried.ring()

    # --- sessions on screen -------------------------------------------------------------------------------------------

    @property
    def focus(self) -> tuple[str, str]:
        """(workstation, session) that is looked at; empty strings: lists only, or the app is in the background."""
        return ("", "") if self.lookers.all_left else self._on_screen

    def open_session(self, workstation: str, session: str) -> None:
        """A screen shows a session: its transcript is loaded and the workstation streams it."""
        key = (workstation, session)
        self._open[key] = self._open.get(key, 0) + 1
        if self._open[key] == 1:
            page = self.store.newest(workstation, session, FIRST_MESSAGES)
            self.happened([events.TranscriptOpened(workstation, session, page, self._arrived(workstation, session))])
        self._focus(key)

    def open_older(self, workstation: str, session: str) -> None:
        """The person goes back in a session: the next older messages are loaded."""
        known = self.model.workstations.get(workstation)
        transcript = known.transcripts.get(session) if known else None
        if transcript is not None:
            page = self.store.before(workstation, session, transcript.since, MORE_MESSAGES)
            self.happened([events.TranscriptOpened(workstation, session, page)])

    def _arrived(self, workstation: str, session: str) -> frozenset[bytes]:
        """Prompts that were answered and are in the log, perhaps so far up that they are not loaded."""
        return frozenset(
            call.call_id
            for call in self.model.calls.values()
            if call.workstation == workstation
            and (message := prompted(call)).startswith(f"{session}/")
            and self.store.holds_message(workstation, message)
        )

    def close_session(self, workstation: str, session: str) -> None:
        """A screen left a session; the last one lets go of its transcript."""
        key = (workstation, session)
        self.saw_session(workstation, session)
        self._open[key] = self._open.get(key, 1) - 1
        if self._open[key] <= 0:
            del self._open[key]
            self.happened([events.TranscriptClosed(workstation, session)])
        if self._on_screen == key:
            self._focus(next(iter(self._open), ("", "")))

    def saw_session(self, workstation: str, session: str) -> None:
        """Remembers that the person has seen the session as it is now."""
        self.store.keep_seen(workstation, session, self.now_ms())
        self.happened([events.SessionSeen(workstation, session, self.now_ms())])

    def _focus(self, key: tuple[str, str]) -> None:
        self._on_screen = key
        self.outgoing.due.ring()

    # --- calls --------------------------------------------------------------------------------------------------------

    def call(self, workstation: str, intent: Intent, *, draft: str = "", instead_of: bytes = b"") -> bytes:
        """See Outgoing.call."""
        return self.outgoing.call(workstation, intent, draft=draft, instead_of=instead_of)

    async def ask(self, workstation: str, intent: Intent) -> bytes:
        """See Outgoing.ask. The answer to a read is kept for when the workstation is away."""
        response = await self.outgoing.ask(workstation, intent)
        if intent.is_read and workstation in self.followings:
            self.store.keep_answer(workstation, intent.method, intent.request, response, self.now_ms())
        return response

    def discard(self, call_id: bytes) -> None:
        """See Outgoing.discard."""
        self.outgoing.discard(call_id)

    def _channel_of(self, workstation: str) -> Channel | None:
        following = self.followings.get(workstation)
        return following.channel if following is not None else None

    def recover(self) -> None:
        """The disk refused a change: goes on from what it holds, as after a restart."""
        self.outgoing.recover()
        for row in self.store.workstations():
            self.followings[row.id] = self._follow(row)
