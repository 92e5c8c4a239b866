"""One life of an OpenCode server: start, follow, watch, wind down. `adapter.py` decides whether another one follows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue

from agentd.agents.agent import (
    AgentRefusedError,
    AgentUnavailableError,
    Journal,
    ResourceNotFoundError,
    SessionBusyError,
)
from agentd.agents.opencode import catalogue, launch
from agentd.agents.opencode.clock import Clock
from agentd.agents.opencode.event_schema import MalformedEventError
from agentd.agents.opencode.follower import Follower, Following
from agentd.agents.opencode.mirror import Mirror
from agentd.agents.opencode.process import Endpoint, OpenCodeProcess, draw_mark, draw_password, reap
from agentd.agents.opencode.waiting import RESTARTED
from agentd.agents.supervision import Answered, Ended, Policy, Restart, Supervisor, Unanswered
from halyard.agent.v1 import workstation_pb2

_log = logging.getLogger(__name__)

_MARK_KEY = "opencode/mark"
_RECONNECT_SECONDS = 0.5
# How often an output is told whole that has changed otherwise than by growing at its end.
_CHECKPOINT_SECONDS = 2.0
_QUIET_POLL_SECONDS = 0.05
# What a turn that is stopped gets to write its last records.
_QUIET_SECONDS = 3.0

AgentError = AgentUnavailableError | AgentRefusedError | ResourceNotFoundError | SessionBusyError
AGENT_ERRORS = (AgentUnavailableError, AgentRefusedError, ResourceNotFoundError, SessionBusyError)


@dataclass(frozen=True, slots=True)
class Settings:
    """How OpenCode is run.

    `folder` is where the server starts and whose models and commands are offered; `log` takes what it prints;
    `environment` is the person's own; `extra_config` is laid over the person's configuration (the demo model, for
    example).
    """

    binary: Path
    folder: Path
    log: Path
    environment: Mapping[str, str]
    extra_config: Mapping[str, JsonValue] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    following: Following = field(default_factory=Following)


class RestartNeededError(Exception):
    """This life is over."""

    def __init__(self, restart: Restart) -> None:
        super().__init__(restart.reason)
        self.restart = restart


class Life:
    """A server that runs, and what follows it."""

    def __init__(
        self, process: OpenCodeProcess, version: str, mirror: Mirror, journal: Journal, clock: Clock, settings: Settings
    ) -> None:
        self.process = process
        self.client = process.client
        self.version = version
        self.mirror = mirror
        self.follower = Follower(self.client, mirror, journal, clock, settings.following)
        self.background = asyncio.TaskGroup()
        self._clock = clock
        self._settings = settings
        self._over = asyncio.Event()
        self._reason = ""

    @property
    def endpoint(self) -> Endpoint:
        """Returns where the server is reached."""
        return self.process.endpoint

    @classmethod
    async def begin(cls, settings: Settings, mirror: Mirror, journal: Journal, clock: Clock) -> Life:
        """Starts a server and returns when it answers. Raises AgentUnavailableError; then nothing is left running."""
        await reap_left_over(journal)
        mark = draw_mark()
        journal.save(_MARK_KEY, mark.encode())
        environment = launch.environment(
            settings.environment, password=draw_password(), mark=mark, extra_config=settings.extra_config
        )
        process = await OpenCodeProcess.start(settings.binary, settings.folder, environment, settings.log)
        try:
            version = await process.wait_until_healthy(settings.policy.start_timeout)
        except BaseException:
            await process.stop()
            raise
        return cls(process, version, mirror, journal, clock, settings)

    async def describe(self, description: workstation_pb2.Agent) -> None:
        """Fills in what the server offers."""
        folder = str(self._settings.folder)
        description.version = self.version
        try:
            catalogue.fill(
                description,
                await self.client.providers(folder),
                await self.client.config(folder),
                await self.client.agents(folder),
                await self.client.commands(folder),
            )
        except (AgentRefusedError, AgentUnavailableError) as error:
            # A broken opencode.json leaves the server healthy but refuses everything in that folder, with the reason.
            description.state_detail = str(error)

    async def provider_address(self, model: str) -> str:
        """Returns where the model is asked; empty when OpenCode does not tell. Raises AgentUnavailableError."""
        try:
            return catalogue.provider_address(await self.client.providers(str(self._settings.folder)), model)
        except AgentRefusedError as error:
            raise AgentUnavailableError(str(error)) from error

    async def run(self, supervisor: Supervisor) -> None:
        """Follows and watches until cancelled, or raises RestartNeededError. The server is stopped in either case."""
        began = self._clock.steady()
        try:
            async with asyncio.TaskGroup() as group, self.background:
                follow = group.create_task(self._follow())
                watch = group.create_task(self._watch(supervisor))
                renew = group.create_task(self._checkpoint())
                try:
                    code = await self.process.wait()
                finally:
                    if not watch.done():
                        await self._wind_down()
                    renew.cancel()
                    await self._let_go(follow, watch)
                _log.warning("OpenCode ended with exit code %s", code)
                lived = self._clock.steady() - began
                raise RestartNeededError(supervisor.step(Ended(lived)) or Restart("its process ended.", 0.0))
        finally:
            await self.process.stop()
            self._cut_off()

    def start(self, call: Coroutine[object, object, None], what: str) -> asyncio.Task[AgentError | None]:
        """Starts a call that lasts as long as a turn; its task ends with what OpenCode refused, or with None."""
        return self.background.create_task(_outcome(call, what))

    async def _let_go(self, follow: asyncio.Task[None], watch: asyncio.Task[None]) -> None:
        """Waits for both to end. A connection that is cancelled while it closes leaks its socket, so a dead server's
        connections are left to close by themselves.
        """
        self._over.set()
        if self.process.is_running:
            follow.cancel()
        await asyncio.wait({follow, watch})

    async def _rest(self, seconds: float) -> None:
        """Waits so long, or until this life is over."""
        try:
            async with asyncio.timeout(seconds):
                await self._over.wait()
        except TimeoutError:
            return

    async def _follow(self) -> None:
        while not self._over.is_set():
            try:
                await self.follower.follow()
            except (*AGENT_ERRORS, MalformedEventError) as error:
                _log.warning("OpenCode cannot be followed and is asked again: %s", error)
            await self._rest(_RECONNECT_SECONDS)

    async def _checkpoint(self) -> None:
        while True:
            await asyncio.sleep(_CHECKPOINT_SECONDS)
            self.mirror.checkpoint()

    async def _watch(self, supervisor: Supervisor) -> None:
        policy = self._settings.policy
        while True:
            await self._rest(policy.health_interval)
            if self._over.is_set():
                return
            try:
                await self.client.health(policy.health_timeout)
            except AgentUnavailableError:
                restart = supervisor.step(Unanswered())
            else:
                memory = self.process.memory_bytes()
                restart = supervisor.step(Answered(memory, working=self.mirror.anyone_working()))
            if restart is not None:
                # Nothing is wound down: a turn that was stopped in order would look as if a person had stopped it.
                self._reason = restart.reason
                raise RestartNeededError(restart)

    async def _wind_down(self) -> None:
        """Stops running turns in order, while their last records can still be followed."""
        working = [room.info.id for room in self.mirror.rooms() if room.working]
        if not working or not self.process.is_running:
            return
        try:
            async with asyncio.timeout(_QUIET_SECONDS):
                for session_id in working:
                    await self.client.abort(session_id)
                while self.mirror.anyone_working():  # noqa: ASYNC110 - the mirror is pure and wakes nobody
                    await asyncio.sleep(_QUIET_POLL_SECONDS)
        except (TimeoutError, *AGENT_ERRORS) as error:
            _log.warning("a turn could not be stopped in order: %r", error)

    def _cut_off(self) -> None:
        for room in self.mirror.rooms():
            if room.working:
                self.mirror.cut_off(room.info.id, self._reason)
        self.follower.waiting.expire_all(RESTARTED)


async def _outcome(call: Coroutine[object, object, None], what: str) -> AgentError | None:
    try:
        await call
    except AGENT_ERRORS as error:
        _log.warning("%s failed: %s", what, error)
        return error
    return None


async def reap_left_over(journal: Journal) -> None:
    """Ends what an agentd that was killed left running."""
    mark = journal.load(_MARK_KEY)
    if mark:
        count = await asyncio.to_thread(reap, mark.decode())
        if count:
            _log.warning("%d processes of an earlier OpenCode were still running and are ended", count)
