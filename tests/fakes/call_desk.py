"""The call desk as the uplink drives it: calls sealed by phones, real services, a scripted agent, a real store.

Leaving `workstation` is a crash: nothing is finished first. Entering it again on the same folder is the next process.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf.message import Message

from agentd.agent_service import AgentService
from agentd.call_book import CallBook
from agentd.calls import CallDesk
from agentd.config import Config
from agentd.devices import Devices
from agentd.doctor import Doctor, Place
from agentd.journal import AgentJournal, Transcripts
from agentd.methods import MethodTable
from agentd.pairing_host import PairingHost
from agentd.permissions import Decisions
from agentd.projects import Projects
from agentd.prompt_authors import PromptAuthors
from agentd.roster import Roster
from agentd.sealer import Sealer
from agentd.session_log import SessionLog
from agentd.store import Store
from agentd.workstation_record import WorkstationRecord
from agentd.workstation_service import WorkstationParts, WorkstationService
from halyard.agent.v1 import agent_service_pb2 as pb
from halyard.agent.v1 import resource_pb2
from halyard.agent.v1 import workstation_pb2 as device_pb
from halyard.agent.v1 import workstation_service_pb2 as workstation_pb
from halyard.link.v1 import link_service_pb2 as link
from halyard.link.v1 import record_pb2
from tests.fakes.scripted_agent import ScriptedAgent
from wire.calls import uuid7
from wire.identity import Identity
from wire.sealing import Channel

WORKSTATION = Identity.from_bytes(bytes(range(64)))
TTL_MS = 60_000


class Clock:
    now_ms = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now_ms


@dataclass
class Phone:
    """An app's side of calls."""

    identity: Identity = field(default_factory=lambda: Identity.from_bytes(secrets.token_bytes(64)))

    @property
    def channel(self) -> Channel:
        return Channel(self.identity, WORKSTATION.public)

    def call(self, clock: Clock, method: str, request: Message, *, ttl_ms: int = TTL_MS) -> link.InboxCall:
        call_id, expires = uuid7(clock.now_ms, secrets.token_bytes(10)), clock.now_ms + ttl_ms
        plaintext = resource_pb2.Call(method=f"/halyard.agent.v1.{method}", request=request.SerializeToString())
        sealed = record_pb2.SealedCall(
            call_id=call_id, sealed=self.channel.seal_call(call_id, expires, plaintext.SerializeToString())
        )
        sealed.expire_time.FromMilliseconds(expires)
        return link.InboxCall(inbox_seq=1, device_id=self.identity.device_id, call=sealed)

    def open(self, call: link.InboxCall, reply: link.DeviceReply) -> resource_pb2.CallResult:
        expires = call.call.expire_time.ToMilliseconds()
        opened = self.channel.open_reply(call.call.call_id, expires, reply.reply.sealed)
        return resource_pb2.CallResult.FromString(opened)


@dataclass
class Workstation:
    store: Store
    log: SessionLog
    sealer: Sealer
    devices: Devices
    desk: CallDesk
    transcripts: Transcripts
    agent: ScriptedAgent
    projects: Projects
    replies: "asyncio.Queue[link.DeviceReply]"

    async def receive(self, *calls: link.InboxCall) -> None:
        await self.desk.receive(calls, self.store.flush)

    async def reply(self) -> link.DeviceReply:
        async with asyncio.timeout(30):
            return await self.replies.get()

    async def answers(self, phone: Phone, calls: Iterable[link.InboxCall]) -> list[resource_pb2.CallResult]:
        """The results of the calls, in the order of `calls`."""
        waiting = {call.call.call_id: call for call in calls}
        results: dict[bytes, resource_pb2.CallResult] = {}
        while len(results) < len(waiting):
            reply = await self.reply()
            results[reply.reply.call_id] = phone.open(waiting[reply.reply.call_id], reply)
        return [results[call_id] for call_id in waiting]


@asynccontextmanager
async def workstation(
    folder: Path, clock: Clock, agent: ScriptedAgent, open_store: Callable[[Path], Store] = Store
) -> AsyncIterator[Workstation]:
    """A desk that runs meanwhile. Leaving it is a crash: nothing is finished first."""
    with open_store(folder / "db") as store:
        log = SessionLog(store, clock)
        sealer = Sealer(store, log, WORKSTATION.device_id, clock)
        devices = Devices(store, log, sealer, WORKSTATION, clock)
        authors = PromptAuthors(store)
        roster, projects, transcripts = Roster([agent], log), Projects(log, clock), Transcripts(log, authors)
        decisions = Decisions(log, roster.of, clock)
        methods = MethodTable()
        service = AgentService(log, roster, projects, decisions, authors, clock)
        methods.add(pb.DESCRIPTOR.services_by_name["AgentService"], service)
        book = CallBook(store, clock)
        desk = CallDesk(book, devices, methods, clock)
        config = Config(state_dir=folder)
        record = WorkstationRecord(log, config, WORKSTATION.device_id, "", clock)
        pairing = PairingHost(devices, None, WORKSTATION.public, "bench", log.flush)
        doctor = Doctor(Place(config, {}), None, book, [agent])
        parts = WorkstationParts(record, store, log, devices, pairing, None, doctor, config, desk, asyncio.Event())
        methods.add(workstation_pb.DESCRIPTOR.services_by_name["WorkstationService"], WorkstationService(parts))
        replies: asyncio.Queue[link.DeviceReply] = asyncio.Queue()
        desk.connect(replies.put_nowait)
        async with asyncio.TaskGroup() as group:
            journal = AgentJournal(agent.id, transcripts, decisions, record, store)
            works = [group.create_task(work) for work in (agent.run(journal), desk.run(), decisions.run())]
            await agent.started()
            yield Workstation(store, log, sealer, devices, desk, transcripts, agent, projects, replies)
            for work in works:
                work.cancel()


def pair(at: Workstation, phone: Phone, role: device_pb.DeviceRole = device_pb.DEVICE_ROLE_OPERATOR) -> None:
    """The phone may do what its role allows."""
    at.devices.add(phone.identity.public, "Phone", "test", role)


def session(at: Workstation, folder: Path) -> str:
    """A session that can be prompted."""
    return at.agent.begin_session("s", at.projects.add(str(folder)).name).name


def prompt(clock: Clock, phone: Phone, session: str, text: str, *, ttl_ms: int = TTL_MS) -> link.InboxCall:
    request = pb.PromptRequest(session=session, text=text)
    return phone.call(clock, "AgentService/Prompt", request, ttl_ms=ttl_ms)
