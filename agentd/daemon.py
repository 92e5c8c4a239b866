"""The composition root of agentd's core: builds every part in view, owns the one TaskGroup, and takes it all down.

`running` serves `agentd run`, `agentd up` (in the same process as the command) and tests alike.
"""

import asyncio
import logging
import random
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from agentd import identity_file, jumps, local_socket, network, peer
from agentd.agent_service import AgentService
from agentd.agents.agent import Agent, AgentUnavailableError
from agentd.call_book import CallBook
from agentd.calls import CallDesk
from agentd.config import Config, environment, make_private_dir
from agentd.devices import Devices
from agentd.doctor import Doctor, Place
from agentd.errors import StoreUnavailableError
from agentd.instance_lock import instance_lock
from agentd.journal import AgentJournal, Transcripts
from agentd.jumps import Jump, Reading
from agentd.members_file import MembersFile
from agentd.methods import MethodTable
from agentd.pairing_host import PairingHost
from agentd.permissions import Decisions
from agentd.projects import Projects
from agentd.prompt_authors import PromptAuthors
from agentd.relay_access import RelayAccess
from agentd.roster import Roster
from agentd.sealer import Sealer
from agentd.session_log import SessionLog
from agentd.storage import unusable
from agentd.store import Store
from agentd.uplink import Uplink
from agentd.uplink_session import Ends
from agentd.workstation_record import WorkstationRecord
from agentd.workstation_service import WorkstationParts, WorkstationService
from halyard.agent.v1 import agent_service_pb2, workstation_pb2, workstation_service_pb2
from wire.backoff import Backoff
from wire.identity import Identity

REAP_SECONDS = 30.0
LAST_WRITE_SECONDS = 5.0
"""How long a full or locked disk may hold up the end."""

_log = logging.getLogger(__name__)

AgentFactory = Callable[[Config], Sequence[Agent]]
"""Builds the agents of this workstation, in order of preference."""

Work = Callable[[], Coroutine[None, None, None]]
"""Something that runs for as long as the daemon does."""


@dataclass(frozen=True)
class Daemon:
    """A running daemon, for whoever runs it in the same process."""

    config: Config
    identity: Identity
    log: SessionLog
    devices: Devices
    projects: Projects
    pairing: PairingHost
    uplink: Uplink | None
    roster: Roster
    stop: asyncio.Event
    """Set it to stop in order."""


@asynccontextmanager
async def running(
    config: Config, agent_factory: AgentFactory, read_clocks: Callable[[], Reading] = Reading.now
) -> AsyncIterator[Daemon]:
    """A daemon that runs meanwhile; await `Daemon.stop` in the block to run until it is told to stop.

    It is yielded once the socket answers; agents and the link may still be starting. An AgentdError says why it cannot
    start. What ends any of its parts by mistake ends all of it, and is raised here. Signals are the caller's matter.
    """
    make_private_dir(config.state_dir)
    with instance_lock(config.lock_path, config.profile), Store(config.database_path) as store:
        peer.adopt_orphans()
        parts = _built(config, store, agent_factory(config), read_clocks)
        async with asyncio.TaskGroup() as group:
            owned = [group.create_task(work(), name=name) for name, work in parts.works.items()]
            async with parts.socket():
                _log.info("agentd %s is ready at %s", parts.daemon.identity.device_id, config.socket_path)
                yield parts.daemon
            for task in owned:
                task.cancel()
        await _write_last(store)


class _Parts:
    """Everything, built in the order in which one part needs another."""

    def __init__(
        self, config: Config, store: Store, agents: Sequence[Agent], read_clocks: Callable[[], Reading]
    ) -> None:
        identity = identity_file.load_or_make(config.key_path)

        def clock_ms() -> int:
            return int(read_clocks().wall * 1000)

        def elapsed() -> float:
            return read_clocks().elapsed

        access = RelayAccess(config.relay, identity, clock_ms, elapsed) if config.relay else None
        log = SessionLog(store, clock_ms)
        sealer = Sealer(store, log, identity.device_id, clock_ms)
        devices = Devices(store, log, sealer, identity, clock_ms, MembersFile(config.members_path))
        projects = Projects(log, clock_ms)
        record = WorkstationRecord(log, config, identity.device_id, _first_project(projects, config), clock_ms)

        authors = PromptAuthors(store)
        transcripts = Transcripts(log, authors)
        roster = Roster(agents, log)
        decisions = Decisions(log, roster.of, clock_ms, elapsed)

        self.methods = MethodTable()
        call_clock_ms = access.now_ms if access else clock_ms
        book = CallBook(store, call_clock_ms, devices.restored_ms)
        self.desk = desk = CallDesk(book, devices, self.methods, call_clock_ms)
        ends = Ends(log, sealer, devices, desk, transcripts)
        uplink = Uplink(ends, access, config.invite, clock_ms) if access else None
        published = uplink.level if uplink else log.flush
        pairing = PairingHost(devices, access, identity.public, record.value.display_name, published)

        self.daemon = Daemon(config, identity, log, devices, projects, pairing, uplink, roster, asyncio.Event())
        doctor = Doctor(Place(config, environment()), uplink, book, agents)
        self.agents = AgentService(log, roster, projects, decisions, authors, clock_ms)
        self.workstation = WorkstationService(
            WorkstationParts(record, store, log, devices, pairing, uplink, doctor, config, desk, self.daemon.stop)
        )
        self.methods.add(agent_service_pb2.DESCRIPTOR.services_by_name["AgentService"], self.agents)
        self.methods.add(workstation_service_pb2.DESCRIPTOR.services_by_name["WorkstationService"], self.workstation)

        self.works: dict[str, Work] = {
            "store": store.watch,
            "calls": desk.run,
            "decisions": decisions.run,
            "checkpoints": transcripts.run,
            "jumps": partial(jumps.watch, [partial(_after_jump, decisions, uplink)], read_clocks),
            "orphans": _reap_orphans,
        }
        for agent in agents:
            journal = AgentJournal(agent.id, transcripts, decisions, record, store)
            self.works[f"agent {agent.id}"] = partial(_run_agent, agent, journal)
        if uplink is not None and config.relay is not None:
            self.works["uplink"] = uplink.run
            self.works["network"] = partial(network.watch, config.relay, uplink.redial, uplink.hurry)

    def socket(self) -> AbstractAsyncContextManager[None]:
        """The Unix socket, served meanwhile."""
        told = self.daemon.config
        return local_socket.serving(
            told.socket_path,
            self.agents,
            self.workstation,
            self.desk,
            self.methods,
            local_decisions=told.local_decisions,
        )


def _built(config: Config, store: Store, agents: Sequence[Agent], read_clocks: Callable[[], Reading]) -> _Parts:
    """All parts; AgentdError when they cannot read what the store has for them."""
    try:
        return _Parts(config, store, agents, read_clocks)
    except StoreUnavailableError as error:
        if isinstance(error.__cause__, sqlite3.Error):
            raise unusable(config.database_path, error.__cause__) from error
        raise


async def _run_agent(agent: Agent, journal: AgentJournal) -> None:
    """Runs an agent for as long as the daemon does. A defect in one adapter must not take the log from the phones."""
    backoff = Backoff()
    while True:
        try:
            backoff = backoff.connected(time.monotonic())
            await agent.run(journal)
        except AgentUnavailableError as error:
            _log.error("%s is not available: %s", agent.id, error)
        except Exception:  # noqa: BLE001 - the composition root; what is caught here is told, and tried again
            _log.exception("The adapter of %s failed.", agent.id)
        wait, backoff = backoff.failed(time.monotonic(), random.random())  # noqa: S311 - jitter, not a secret
        journal.state(_failed(agent))
        await asyncio.sleep(wait)


def _failed(agent: Agent) -> workstation_pb2.Agent:
    described = agent.describe()
    described.state = workstation_pb2.AGENT_STATE_UNHEALTHY
    described.state_detail = "It stopped unexpectedly and is being started again; agentd's log says why."
    return described


def _after_jump(decisions: Decisions, uplink: Uplink | None, jump: Jump) -> None:
    if jump.clock_set:
        decisions.clock_set(round(jump.clock_set * 1000))
    if jump.away:
        decisions.look()
    if jump.away and uplink is not None:
        uplink.redial("This machine was asleep or stopped; the link is made anew.")


async def _write_last(store: Store) -> None:
    try:
        async with asyncio.timeout(LAST_WRITE_SECONDS):
            await store.flush_patiently()
    except TimeoutError:
        # Nothing of it was acknowledged: the agent and the relay tell it again at the next start.
        _log.error("The store does not take what was written last; stopping without it. Check the disk's free space.")


async def _reap_orphans() -> None:
    dead: frozenset[int] = frozenset()
    while True:
        await asyncio.sleep(REAP_SECONDS)
        dead = peer.reap_orphans(dead)


def _first_project(projects: Projects, config: Config) -> str:
    """Path of the folder that is offered first, known as a project from now on; empty for none."""
    return projects.add(str(config.default_project)).path if config.default_project else ""
