"""A daemon in the foreground: what `up` and `run` share. Ctrl+C, SIGTERM and `agentd stop` end it in the same order."""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import JsonValue

from agentd.agents.agent import Agent, AgentUnavailableError
from agentd.agents.opencode.adapter import OpenCodeAgent
from agentd.agents.opencode.life import Settings
from agentd.config import Config
from agentd.daemon import AgentFactory, Daemon, running

_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


class Stopper:
    """What a signal does: end the start while things start, later stop the daemon in order, at last give up on it."""

    def __init__(self, give_up: Callable[[], object]) -> None:
        self._give_up = give_up
        self._stop = give_up

    def now(self) -> None:
        """Does it; the next one is less patient, for a disk that takes nothing or an agent that does not end."""
        self._stop()
        self._stop = self._give_up

    def hand_over(self, stop: Callable[[], object]) -> None:
        """From now on a signal means `stop`."""
        self._stop = stop


@asynccontextmanager
async def stopped_by_signals() -> AsyncIterator[Stopper]:
    """Runs the block until it ends or until a signal ends it; neither is an error."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    if task is None:
        raise RuntimeError("Only a task can be stopped by signals.")
    stopper = Stopper(task.cancel)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopper.now)
    try:
        yield stopper
    except asyncio.CancelledError:
        task.uncancel()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def stay(
    told: Config, factory: AgentFactory, stopper: Stopper, meanwhile: Callable[[Daemon], Coroutine[None, None, None]]
) -> None:
    """Runs a daemon until it is told to stop, and `meanwhile` beside it."""
    async with running(told, factory) as daemon:
        # What was built stays for good; left to the collector, each full pass over it would hold everybody up.
        gc.collect()
        gc.freeze()
        stopper.hand_over(daemon.stop.set)
        async with asyncio.TaskGroup() as group:
            beside = group.create_task(meanwhile(daemon))
            await daemon.stop.wait()
            beside.cancel()


def opencode_factory(
    binary: Path, environment: Mapping[str, str], extra_config: Mapping[str, JsonValue]
) -> AgentFactory:
    """Returns what builds OpenCode as the workstation's agent."""

    def build(told: Config) -> list[Agent]:
        folder = told.default_project or Path.home()
        log = told.state_dir / "opencode.log"
        return [OpenCodeAgent(Settings(binary, folder, log, environment, extra_config))]

    return build


async def first_agent_decided(daemon: Daemon) -> str:
    """Returns the first agent's default model once it answers; "" when it cannot be started, and its state says why."""
    agent = daemon.roster.all()[0]
    try:
        await agent.ready()
    except AgentUnavailableError as error:
        sys.stderr.write(f"agentd: {error}\n")
    return agent.describe().default_model


def log_to_stderr(verbose: int) -> None:
    """Shows warnings; with -v what happens; with -vv everything of our own."""
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("agentd").setLevel(_LEVELS[min(verbose, len(_LEVELS) - 1)])
