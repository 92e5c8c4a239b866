"""The agents on this workstation, by id, by session, and by whether they can be asked."""

import asyncio
from collections.abc import Sequence

from agentd.agents.agent import Agent, AgentUnavailableError
from agentd.errors import not_found
from agentd.session_log import SessionLog
from wire import names

START_SECONDS = 60.0
"""How long a call waits for an agent that is just starting."""


class Roster:
    """All agents; the first one is used when none is named."""

    def __init__(self, agents: Sequence[Agent], log: SessionLog) -> None:
        self._agents = {agent.id: agent for agent in agents}
        self._log = log

    def all(self) -> list[Agent]:
        """In order of preference."""
        return list(self._agents.values())

    def get(self, agent_id: str) -> Agent:
        """The agent with this id, or the first one for an empty id; NOT_FOUND when there is none."""
        agent = self._agents.get(agent_id) if agent_id else next(iter(self._agents.values()), None)
        if agent is None:
            raise not_found(f"There is no agent {agent_id!r} on this workstation." if agent_id else "No agent is here.")
        return agent

    def of(self, name: str) -> Agent:
        """The agent that runs the session to which `name` belongs; NOT_FOUND when the session is unknown."""
        session = names.session_of(name)
        value = self._log.get(session) if session else None
        if value is None:
            raise not_found("There is no such session; it may have been deleted.")
        return self.get(value.session.agent)

    async def ready_of(self, name: str) -> Agent:
        """As `of`, once the agent can be asked. A log that begins anew, as after the store was lost, knows the agents'
        sessions only when they have started: they are waited for before a session counts as unknown.
        """
        session = names.session_of(name)
        if session and self._log.get(session) is None:
            for agent in self.all():
                await self.ready(agent)
        return await self.ready(self.of(name))

    async def ready(self, agent: Agent) -> Agent:
        """`agent` once it can be asked; AgentUnavailableError when it cannot be started, or not in time."""
        try:
            async with asyncio.timeout(START_SECONDS):
                await agent.ready()
        except TimeoutError:
            raise AgentUnavailableError(
                f"{agent.id} has not started within {START_SECONDS:.0f} s; `agentd doctor` says what is wrong."
            ) from None
        return agent
