"""OpenCode 1.x as an `Agent`: keeps a server running, restarts it when it must be, tells how it is.

The walk of an event: `process` → `events` → `follower` → `mirror` (with `translate`) → the journal. The walk of a
request: `calls` → `client`. Everything lives in one task group per life of the server; nothing outlives `run`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from agentd.agents.agent import AgentUnavailableError, Journal, Vitals
from agentd.agents.opencode import launch, version
from agentd.agents.opencode.calls import OpenCodeCalls
from agentd.agents.opencode.clock import Clock
from agentd.agents.opencode.life import Life, RestartNeededError, Settings, reap_left_over
from agentd.agents.opencode.mirror import Mirror
from agentd.agents.opencode.process import Endpoint
from agentd.agents.opencode.translate import AGENT_ID
from agentd.agents.supervision import Ended, Restart, Supervisor
from halyard.agent.v1 import workstation_pb2 as pb

_log = logging.getLogger(__name__)

# A person who reads that OpenCode is missing installs it; this is how soon that is noticed.
_LOOK_AGAIN_SECONDS = 30.0
_CHECKED_KEY = "opencode/checked"
_STARTING = "OpenCode is starting. Try again in a moment."


class OpenCodeAgent(OpenCodeCalls):
    """Runs OpenCode and follows it. See `agentd.agents.agent.Agent`."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        super().__init__(clock or Clock())
        self._settings = settings
        self._supervisor = Supervisor(settings.policy)
        self._current: Life | None = None
        self._description = pb.Agent(id=AGENT_ID, display_name="OpenCode", state=pb.AGENT_STATE_STARTING)
        self._decided = asyncio.Event()
        self._lives = 0

    @property
    def id(self) -> str:
        """Returns "opencode"."""
        return AGENT_ID

    @property
    def endpoint(self) -> Endpoint | None:
        """Returns where the managed server is reached, for `agentd attach`; None while it does not run."""
        return self._current.endpoint if self._current else None

    def attach_arguments(self, folder: Path) -> Sequence[str]:
        """Returns the command line of OpenCode's terminal interface on the managed server; it wants the password in
        the variable `launch.ACCESS_VARIABLE`. Raises AgentUnavailableError.
        """
        return launch.attach_arguments(self._settings.binary, self._life().endpoint.url, folder)

    def describe(self) -> pb.Agent:
        """Returns a copy of what is known of the agent."""
        copy = pb.Agent()
        copy.CopyFrom(self._description)
        return copy

    async def vitals(self) -> Vitals:
        """Returns how the server is right now; raises AgentUnavailableError."""
        life = self._life()
        address = await life.provider_address(self._description.default_model)
        return Vitals(life.process.memory_bytes(), max(0, self._lives - 1), address)

    async def ready(self) -> None:
        """Returns when OpenCode answers; raises AgentUnavailableError when it cannot be started."""
        await self._decided.wait()
        if self._description.state != pb.AGENT_STATE_READY:
            raise AgentUnavailableError(self._description.state_detail or _STARTING)

    def _life(self) -> Life:
        if self._current is None:
            raise AgentUnavailableError(self._description.state_detail or _STARTING)
        return self._current

    async def run(self, journal: Journal) -> None:
        """Keeps a server running until cancelled. The mirror outlives servers, so that nothing is told twice."""
        mirror = Mirror(journal)
        await reap_left_over(journal)
        while True:
            try:
                await self._require_supported(journal)
            except AgentUnavailableError as error:
                self._tell(journal, pb.AGENT_STATE_UNAVAILABLE, str(error))
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
                continue
            restart = await self._live(journal, mirror)
            _log.warning("OpenCode is started again in %.0f s: %s", restart.delay, restart.reason)
            self._tell(journal, pb.AGENT_STATE_STARTING, f"OpenCode is being started again: {restart.reason}")
            await asyncio.sleep(restart.delay)

    async def _require_supported(self, journal: Journal) -> None:
        """Asks the binary for its release, which takes a second or two; not again while the file stays the same."""
        checked = version.fingerprint(self._settings.binary).encode()
        if checked and journal.load(_CHECKED_KEY) == checked:
            return
        version.require_supported(await version.detect(self._settings.binary, self._settings.environment))
        journal.save(_CHECKED_KEY, checked)

    async def _live(self, journal: Journal, mirror: Mirror) -> Restart:
        """Runs one life of the server and returns how to go on."""
        self._lives += 1
        try:
            life = await Life.begin(self._settings, mirror, journal, self._clock)
        except AgentUnavailableError as error:
            again = self._supervisor.step(Ended())
            return Restart(str(error), again.delay if again else self._settings.policy.backoff_most)
        needed: list[Restart] = []
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._announce(life, journal))
                await life.run(self._supervisor)
        except* RestartNeededError as ended:
            needed += [e.restart for e in _leaves(ended)]
        finally:
            self._current = None
        return needed[0] if needed else Restart("it was stopped.", 0.0)

    async def _announce(self, life: Life, journal: Journal) -> None:
        """Makes the server known once it is followed and says what it offers."""
        await life.follower.caught_up.wait()
        description = self.describe()
        description.state_detail = ""
        await life.describe(description)
        self._description.CopyFrom(description)
        self._current = life
        self._tell(journal, pb.AGENT_STATE_READY, description.state_detail)

    def _tell(self, journal: Journal, state: pb.AgentState, detail: str) -> None:
        self._description.state = state
        self._description.state_detail = detail
        if state in (pb.AGENT_STATE_READY, pb.AGENT_STATE_UNAVAILABLE):
            self._decided.set()
        else:
            self._decided.clear()
        journal.state(self.describe())


def _leaves(group: BaseExceptionGroup[RestartNeededError]) -> list[RestartNeededError]:
    found: list[RestartNeededError] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
