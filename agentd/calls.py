"""Carries out what devices ask through the link: opened once, on disk before it is acknowledged, done once in effect.

    arrives ─► opened ─► on disk ─► acknowledged ─► done, in its device's order ─► answer on disk ─► reply
                 └─ a repeat: answered from memory        reads and urgent calls do not queue

One slow call of a device holds up only that device's later changes: not other devices, not reads, and not the calls
that stop or decide something.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import replace
from typing import assert_never

from google.protobuf.message import DecodeError

from agentd import caller
from agentd.call_book import CallBook
from agentd.caller import Caller, Plan
from agentd.devices import Devices, check_role
from agentd.errors import already_begun, busy, malformed, outcome_unknown, revoked, withdrawn
from agentd.grpc_errors import EXPECTED, status_of
from agentd.methods import WITHDRAW, Method, MethodTable
from agentd.permissions import Author
from agentd.reply_fitting import fit_reply
from halyard.agent.v1 import resource_pb2 as pb
from halyard.agent.v1 import workstation_service_pb2
from halyard.link.v1 import link_service_pb2 as link
from halyard.link.v1 import record_pb2
from wire.calls import Advice, Remembered, Step, check_call_id
from wire.errors import CallExpired, HalyardError, Malformed, SealBroken

MAX_READS = 16
"""Reads under way at once; more wait."""
TIDY_SECONDS = 3600.0
REPEAT_SECONDS = 60.0
"""So far back replies are sent again on a new link: longer than it takes to notice that one is dead."""
MAX_REPEATED, MAX_REPEATED_BYTES = 256, 16 * 1024
"""How many replies are kept for that, and how large: what changes something is answered in a few bytes."""
LOCAL_DEVICE = ""
"""Under which calls from the socket are filed."""
LOCAL_LIFE_MS = 24 * 3600 * 1000

_log = logging.getLogger(__name__)

Work = Coroutine[object, object, None]
Job = Callable[[], Work]
_Reply = tuple[str, bytes, int, bytes]
"""Device, call id, expiry in Unix ms, answer."""
Send = Callable[[link.DeviceReply], None]


class RememberedEffect:
    """The effect of a call that may be repeated, even by another process after a crash."""

    def __init__(self, book: CallBook, call: Remembered) -> None:
        self._book = book
        self._call = call

    async def plan(self, draw: Callable[[], str]) -> Plan:
        """The id drawn for this call, on disk."""
        known = self._book.plan(self._call)
        if known:
            return Plan(known, repeat=True)
        drawn = draw()
        await self._book.note_plan(self._call, drawn)
        return Plan(drawn, repeat=False)


class CallDesk:
    """Takes calls from the uplink, and hands replies to whatever link is up."""

    def __init__(self, book: CallBook, devices: Devices, methods: MethodTable, clock_ms: Callable[[], int]) -> None:
        self._book = book
        self._devices = devices
        self._methods = methods
        self._clock_ms = clock_ms
        self._lanes: dict[str, deque[Job]] = {}
        self._reads = asyncio.Semaphore(MAX_READS)
        self._group: asyncio.TaskGroup | None = None
        self._is_over = False
        self._send: Send | None = None
        self._replied: deque[tuple[float, _Reply]] = deque(maxlen=MAX_REPEATED)

    def connect(self, send: Send | None) -> None:
        """Replies go to `send` from now on, at first those of the last minute; None: nobody is there.

        A reply that was on its way when the link broke is lost, and an author whose own link stands does not repeat.
        """
        self._send = send
        for at, reply in self._replied if send else ():
            if time.monotonic() - at <= REPEAT_SECONDS:
                self._hand_over(*reply)

    async def run(self) -> None:
        """Finishes what a former process left, then works until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                for call in self._book.left_over():
                    self._resume(call)
                while True:
                    self._book.forget_old()
                    await asyncio.sleep(TIDY_SECONDS)
            finally:
                self._is_over = True

    async def receive(self, arrived: Iterable[link.InboxCall], flush: Callable[[], Awaitable[None]]) -> None:
        """Takes calls; returns once all that must outlive a crash is on disk, so that they may be acknowledged.

        Reads begin at once: they leave nothing behind, and are answered also while the disk is full.
        """
        jobs = [job for job in map(self._admit, arrived) if job is not None]
        try:
            await flush()
        finally:
            # Also when the link breaks meanwhile: the calls are known now, and each is done once it is on disk.
            for job in jobs:
                job()

    async def carry_out_here(self, call_id: bytes, method: Method, request: bytes, visitor: Caller) -> pb.CallResult:
        """The answer to a call from the socket that carries an id; a repeat gets the answer of the first."""
        call = pb.Call(method=method.name, request=request)
        expires_ms = self._clock_ms() + LOCAL_LIFE_MS
        if self._book.get(LOCAL_DEVICE, check_call_id(call_id)) is None:
            taken = self._book.take(LOCAL_DEVICE, call_id, expires_ms, call.SerializeToString())
            effect = RememberedEffect(self._book, taken)
            started = await self._book.start(taken)
            await self._book.answer(started, await self._result(method, call, replace(visitor, effect=effect)))
        known = self._book.get(LOCAL_DEVICE, call_id)
        if known is None or known.step is not Step.ANSWERED:
            raise busy("This call is being carried out; ask again for its answer in a moment.")
        return pb.CallResult.FromString(known.answer)

    async def withdraw(self, device: str, call_id: bytes, expires_ms: int) -> None:
        """Takes back a call of `device` that is not begun; ALREADY_BEGUN when it is. Its author is answered at once."""
        call = self._book.withdraw(device, call_id, expires_ms, _WITHDRAWN)
        if call is None:
            raise already_begun()
        await self._book.flush()
        self._reply(device, call_id, call.expires_ms, call.answer)

    def _withdraw_ahead(self, device: str, call: pb.Call) -> None:
        """What came together with the call that it takes back must win over it: nothing of that frame is begun yet."""
        try:
            asked = workstation_service_pb2.WithdrawCallRequest.FromString(call.request)
            self._book.withdraw(device, asked.call_id, asked.expire_time.ToMilliseconds(), _WITHDRAWN)
        except (DecodeError, HalyardError, ValueError):
            return  # refused with its reason when its own turn comes

    # --- arriving ---

    def _admit(self, arrived: link.InboxCall) -> Callable[[], None] | None:
        """What to do once the call is on disk; None when there is nothing to do."""
        member = self._devices.member(arrived.device_id)
        if member is None:
            # Revoked meanwhile: there is no key under which a word to it could be sealed.
            _log.warning("Dropped a call of %s, which is not paired.", arrived.device_id[:26])
            return None
        sealed = arrived.call
        expires_ms = _expiry(sealed)
        if expires_ms is None:
            # No seal can be bound to it, so there is no way to answer either.
            _log.warning("Dropped a call of %s with an impossible expiry.", member.device_id)
            return None
        try:
            request = member.channel.open_call(check_call_id(sealed.call_id), expires_ms, sealed.sealed)
        except (SealBroken, Malformed):
            # Not answered: a relay would have an altered copy refused, then hand over the true one and have it done.
            _log.warning("Dropped a call in the name of %s whose seal does not hold.", member.device_id)
            return None
        self._devices.called(member.device_id)
        try:
            return self._advised(member.device_id, sealed.call_id, expires_ms, request)
        except HalyardError as refusal:
            result = _refused(refusal)
            return lambda: self._reply(member.device_id, sealed.call_id, expires_ms, result)

    def _advised(self, device: str, call_id: bytes, expires_ms: int, request: bytes) -> Callable[[], None] | None:
        call, method = self._understood(request)
        if method.is_read:
            self._begin_read(Remembered(device, call_id, expires_ms, request), method, call)
            return None
        match self._book.advise(device, call_id, expires_ms):
            case Advice.TAKE:
                taken = self._book.take(device, call_id, expires_ms, request)
                if method.name == WITHDRAW:
                    self._withdraw_ahead(device, call)
                return lambda: self._begin(taken)
            case Advice.ANSWER:
                known = self._book.get(device, call_id)
                answer = known.answer if known else b""
                return lambda: self._reply(device, call_id, expires_ms, answer)
            case Advice.REFUSE_EXPIRED:
                # Taken all the same: it stays refused, and its start says why.
                late = self._book.take(device, call_id, expires_ms, request)
                return lambda: self._begin(late)
            case Advice.REFUSE_UNKNOWN:
                raise outcome_unknown()
            case Advice.WAIT | Advice.LOOK_FIRST:
                # It waits, or runs, or was resumed when this process began: its answer will follow.
                return None
            case advice:
                assert_never(advice)

    def _understood(self, request: bytes) -> tuple[pb.Call, Method]:
        try:
            call = pb.Call.FromString(request)
        except DecodeError:
            raise malformed("What was sealed is not a call; update the app.") from None
        return call, self._methods.get(call.method)

    # --- doing ---

    def _resume(self, call: Remembered) -> None:
        _log.info("Resuming a call of %s that a former process left %s.", call.device, call.step.value)
        try:
            self._begin(call)
        except HalyardError as refusal:
            # Taken by a release that knew a method which this one does not.
            self._spawn(self._answer(call, _refused(refusal)))

    def _begin(self, call: Remembered) -> None:
        request, method = self._understood(call.request)
        if method.is_urgent:
            self._spawn(self._carry_out(call, method, request))
        else:
            self._queue(call.device, lambda: self._carry_out(call, method, request))

    def _begin_read(self, call: Remembered, method: Method, request: pb.Call) -> None:
        self._spawn(self._carry_out_read(call, method, request))

    def _queue(self, device: str, job: Job) -> None:
        if device in self._lanes:
            self._lanes[device].append(job)
            return
        self._lanes[device] = deque([job])
        self._spawn(self._work(device))

    async def _work(self, device: str) -> None:
        lane = self._lanes[device]
        while lane:
            await lane.popleft()()
        del self._lanes[device]

    def _spawn(self, work: Work) -> None:
        if self._group is None:
            raise RuntimeError("The desk takes calls only while it runs.")
        if self._is_over:
            # What was taken is in the book, and the next process does it; a read is asked for again.
            work.close()
        else:
            self._group.create_task(work)

    async def _carry_out(self, call: Remembered, method: Method, request: pb.Call) -> None:
        try:
            started = await self._book.start(call)
            if started.step is Step.UNCERTAIN and not (method.is_repeatable or self._book.plan(started)):
                raise outcome_unknown()
        except HalyardError as refusal:
            result = _refused(refusal)
        else:
            result = await self._result_for(started, method, request, RememberedEffect(self._book, started))
        await self._answer(call, result)

    async def _answer(self, call: Remembered, result: bytes) -> None:
        answer = await self._book.answer(call, result)
        self._reply(call.device, call.call_id, call.expires_ms, answer)

    async def _carry_out_read(self, call: Remembered, method: Method, request: pb.Call) -> None:
        async with self._reads:
            if call.expires_ms <= self._clock_ms():
                # Nobody waits for it any more; or somebody does, and one of two clocks is wrong.
                result = _refused(CallExpired("This came too late. Ask again; if it stays so, check both clocks."))
            else:
                result = await self._result_for(call, method, request, caller.Unrepeated())
        self._reply(call.device, call.call_id, call.expires_ms, result)

    async def _result_for(self, call: Remembered, method: Method, request: pb.Call, effect: caller.Effect) -> bytes:
        try:
            known = self._caller(call, effect)
        except HalyardError as refusal:
            return _refused(refusal)
        return await self._result(method, request, known)

    async def _result(self, method: Method, request: pb.Call, known: Caller) -> bytes:
        try:
            with caller.calling(known):
                check_role(known.role, method.name)
                response = fit_reply(await method.call(method.parse(request.request), None))
        except EXPECTED as refusal:
            return _refused(refusal)
        except Exception as defect:  # noqa: BLE001 - a defect in one call must not end the daemon with all others
            _log.exception("A call to %s failed.", method.name)
            return _refused(defect)
        return pb.CallResult(response=response.SerializeToString()).SerializeToString()

    def _caller(self, call: Remembered, effect: caller.Effect) -> Caller:
        if call.device == LOCAL_DEVICE:
            return caller.local(effect, may_decide=False, may_admit=False)
        member = self._devices.member(call.device)
        if member is None:
            raise revoked("The device was revoked before its call could be carried out.")
        author = Author(member.device_id, member.resource.display_name, call.call_id)
        return Caller(author, member.resource.role, effect)

    # --- answering ---

    def _reply(self, device: str, call_id: bytes, expires_ms: int, result: bytes) -> None:
        if len(result) <= MAX_REPEATED_BYTES:
            self._replied.append((time.monotonic(), (device, call_id, expires_ms, result)))
        self._hand_over(device, call_id, expires_ms, result)

    def _hand_over(self, device: str, call_id: bytes, expires_ms: int, result: bytes) -> None:
        member = self._devices.member(device)
        if member is None or self._send is None:
            return
        sealed = member.channel.seal_reply(call_id, expires_ms, result)
        self._send(link.DeviceReply(device_id=device, reply=record_pb2.SealedReply(call_id=call_id, sealed=sealed)))


def _expiry(sealed: record_pb2.SealedCall) -> int | None:
    """When the call expires, in Unix ms; None for a time before 1970 or that is none."""
    try:
        expires_ms = sealed.expire_time.ToMilliseconds()
    except ValueError:
        return None
    return expires_ms if expires_ms >= 0 else None


def _refused(error: Exception) -> bytes:
    return pb.CallResult(error=status_of(error)).SerializeToString()


_WITHDRAWN = _refused(withdrawn())
