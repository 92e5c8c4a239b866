"""The workstation's link to its relay: dials, proves who it is, keeps a session up, and dials again.

`UplinkSession` is one link. Here is what outlives it: backoff, the offset of a wrong clock, and how the link is, for
people.
"""

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import status_pb2
from grpc import aio

from agentd.bell import Bell
from agentd.errors import StoreUnavailableError
from agentd.grpc_errors import metadata_of, reason_of
from agentd.link_advice import OWN_STORE
from agentd.relay_access import RelayAccess, channel, rpc_status
from agentd.relay_stream import LinkEnded, LinkSilent, read, write
from agentd.uplink_session import WELCOME_SECONDS, Ends, RolledBack, UplinkSession
from agentd.workstation_record import RELEASE
from halyard.agent.v1 import workstation_service_pb2 as pb
from halyard.link.v1 import link_service_pb2 as link
from halyard.link.v1 import record_pb2
from halyard.link.v1.link_service_pb2_grpc import LinkServiceStub
from wire.backoff import CEILING_SECONDS, Backoff
from wire.errors import Code
from wire.vigil import Vigil

KEY_CHECK_SECONDS = 600.0

# These do not go away by dialling again: a person must act.
_FINAL = frozenset({"INVITE_NEEDED", "INVITE_INVALID", "TOKEN_INVALID", "SUPERSEDED", "REVOKED"})

_CODES = {code.value: code.name for code in Code}

_BREAKS = (aio.AioRpcError, LinkEnded, LinkSilent, RolledBack, StoreUnavailableError)
"""Everything that ends a link and is no defect."""

_MILLISECONDS = re.compile(r"[0-9]{1,15}", re.ASCII)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """How the link is, for people."""

    state: pb.LinkState
    detail: str
    change_ms: int
    reason: str = ""
    """Why it is not up: a value name of errors.v1.Reason, else a gRPC code, or OWN_STORE; empty: `detail` tells."""


class Uplink:
    """The link, whether it stands or not."""

    def __init__(self, ends: Ends, access: RelayAccess, invite: str, clock_ms: Callable[[], int]) -> None:
        self._ends = ends
        self._access = access
        self._invite = invite
        self._clock_ms = clock_ms
        self._backoff = Backoff()
        self._vigil = Vigil()
        self._clock_corrected = False
        self._dials = 0
        self._session: UplinkSession | None = None
        self._status = LinkStatus(pb.LINK_STATE_CONNECTING, "", clock_ms())
        self._changed = Bell()
        self._hurry = asyncio.Event()
        ends.devices.on_change(self._on_members)

    @property
    def status(self) -> LinkStatus:
        """How the link is."""
        return self._status

    @property
    def stored_through(self) -> int:
        """Newest seq that the relay is known to have on disk; 0 while the link is down."""
        return self._session.stored_through if self._session else 0

    @property
    def stalled_seconds(self) -> float:
        """For how long the relay could have acknowledged more and has not; 0 when it has all, or the link is down."""
        waiting = self._ends.log.after(self.stored_through, 1) if self._session else []
        if not waiting or self._session is None:
            return 0.0
        return max(0.0, min(self._session.stored_seconds, (self._clock_ms() - waiting[0].time_ms) / 1000))

    @property
    def redials(self) -> int:
        """How often the link was dialled again."""
        return max(0, self._dials - 1)

    @property
    def heard_seconds(self) -> float | None:
        """How long ago the relay was last heard; None while the link is down."""
        return self._session.heard_seconds if self._session else None

    @property
    def apps(self) -> int:
        """How many apps follow right now."""
        return self._session.apps if self._session else 0

    async def until(self, state: pb.LinkState) -> None:
        """Returns once the link is in this state."""
        while self._status.state != state:
            await self._changed.wait()

    async def level(self) -> None:
        """Returns once the relay has on disk all that was written so far, and with it the list of members."""
        goal = self._ends.log.written
        while self.stored_through < goal:
            await self._changed.wait()

    def redial(self, why: str) -> None:
        """Dials at once: whatever stands or is waited for is from before something that no link survives."""
        self._backoff = self._backoff.network_changed()
        self._hurry.set()
        if self._session:
            self._session.give_up(why)

    def hurry(self) -> None:
        """The relay is back: a link that is waited for is dialled at once, one that stands is left alone."""
        if self._session is None:
            self._backoff = self._backoff.network_changed()
            self._hurry.set()

    async def run(self) -> None:
        """Keeps the link up until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._turn_worn_keys())
            while True:
                # A task of its own: when a link breaks while this is cancelled, gRPC and TaskGroups raise what broke
                # it instead of CancelledError, and in Python 3.11 a failed TaskGroup leaves its task marked as
                # cancelled. Both end with the task.
                link = group.create_task(self._attach())
                await asyncio.wait({link})
                await self._rest(link.result())

    async def _rest(self, seconds: float) -> None:
        """Waits so long, or until somebody is in a hurry."""
        try:
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        except TimeoutError:
            return
        self._hurry.clear()

    async def _attach(self) -> float:
        """One link from dialling to its end; how long to wait before the next, in seconds."""
        self._note(pb.LINK_STATE_CONNECTING, "")
        self._dials += 1
        try:
            await self._one_link()
        except _BREAKS as error:
            return await self._ended(error)
        except BaseExceptionGroup as errors:
            breaks, defects = errors.split(_BREAKS)
            if breaks is None or defects is not None:
                raise
            return await self._ended(_first(breaks))
        return 0.0

    async def _one_link(self) -> None:
        async with channel(self._access.relay) as dialled:
            stream = LinkServiceStub(dialled).AttachWorkstation(metadata=self._access.metadata())
            asked_at = time.monotonic()
            await write(stream, self._hello())
            welcome = await read(stream, WELCOME_SECONDS)
            vigil = self._vigil.answered(time.monotonic() - asked_at)
            session = UplinkSession(self._ends, stream, welcome.welcome, self._changed.ring, self._hear, vigil)
            self._hear(welcome.welcome.server_time)
            ceiling = welcome.welcome.limits.reconnect_ceiling_seconds
            self._backoff = self._backoff.told(ceiling).connected(time.monotonic())
            self._clock_corrected = False
            self._session = session
            self._hurry.clear()
            self._note(pb.LINK_STATE_UP, "")
            try:
                await session.run()
            finally:
                self._session, self._vigil = None, session.vigil
                stream.cancel()

    def _hear(self, server_time: Timestamp) -> None:
        if server_time.seconds > 0:
            self._access.correct_clock(server_time.seconds * 1000 + server_time.nanos // 1_000_000)

    def _hello(self) -> link.AttachWorkstationRequest:
        head = self._ends.log.head
        cursor = record_pb2.Cursor(log_epoch=head.epoch, seq=head.seq)
        hello = link.WorkstationHello(head=cursor, version=RELEASE, invite=self._invite)
        return link.AttachWorkstationRequest(hello=hello)

    async def _ended(self, error: BaseException) -> float:
        match error:
            case aio.AioRpcError():
                return self._refused(rpc_status(error))
            case RolledBack():
                await self._begin_anew()
                return self._wait_after("The relay knew more of the log than this workstation; a new log has begun.")
            case StoreUnavailableError():
                return self._wait_after(str(error), OWN_STORE)
            case LinkEnded(after_seconds=after) if after:
                self._note(pb.LINK_STATE_WAITING, str(error))
                return min(float(after), CEILING_SECONDS) * (1 + secrets.SystemRandom().random())
            case _:
                return self._wait_after(str(error))

    def _refused(self, status: status_pb2.Status) -> float:
        """The relay, or the way to it, said no."""
        reason = reason_of(status)
        server_time = metadata_of(status).get("server_time_ms", "")
        if reason == "CLOCK_SKEW" and self._corrects_clock(server_time):
            return 0.0
        if reason in _FINAL:
            self._note(pb.LINK_STATE_REFUSED, status.message, reason)
            return CEILING_SECONDS
        words = f"The relay at {self._access.relay.grpc} cannot be used: {status.message}"
        return self._wait_after(words, reason or _CODES.get(status.code, ""))

    def _corrects_clock(self, server_time_ms: str) -> bool:
        """Whether to dial again at once with the relay's time: once, then like after any other failure."""
        if self._clock_corrected or not _MILLISECONDS.fullmatch(server_time_ms):
            return False
        self._clock_corrected = True
        return self._access.correct_clock(int(server_time_ms))

    def _wait_after(self, detail: str, reason: str = "") -> float:
        wait, self._backoff = self._backoff.failed(time.monotonic(), secrets.SystemRandom().random())
        self._note(pb.LINK_STATE_WAITING, detail, reason)
        return wait

    async def _begin_anew(self) -> None:
        """This store is an old copy of itself: its seqs would be given away twice, so it becomes another log."""
        _log.warning("The relay has more of this log than this store, which must be an old copy: beginning a new log.")
        self._ends.log.renew_epoch()
        self._ends.sealer.begin_anew()
        self._ends.devices.begin_anew()
        # The next link reads what is committed, and must not find grants that were sealed for the former log. Without a
        # deadline: until this is on disk there is no log to publish.
        await self._ends.log.flush_patiently()

    def _on_members(self) -> None:
        if self._session:
            self._session.members_changed()

    async def _turn_worn_keys(self) -> None:
        while True:
            if self._ends.sealer.is_worn:
                self._ends.devices.turn_keys()
            await asyncio.sleep(KEY_CHECK_SECONDS)

    def _note(self, state: pb.LinkState, detail: str, reason: str = "") -> None:
        if (state, detail) == (self._status.state, self._status.detail):
            return
        self._status = LinkStatus(state, detail, self._clock_ms(), reason)
        self._changed.ring()
        _log.info("Link: %s %s", pb.LinkState.Name(state).removeprefix("LINK_STATE_").lower(), detail)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first single exception in a group of groups."""
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
