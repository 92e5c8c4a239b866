"""Everything on this machine, for `agentd up`: a relay as a child, a model, and what the daemon is told of them.

The order of things is the nesting: claim ⊃ relay ⊃ demo model ⊃ daemon. So what others lean on stops after them, and
nothing outlives this process.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import JsonValue

from agentd import app_port, config, identity_file, opencode_binary, relay_child
from agentd.claim import Standing, claimed
from agentd.config import Config, RelayAddress
from agentd.demo import project as sample
from agentd.demo.provider import MODEL, apart, opencode_config
from agentd.demo.scenarios import SCENARIOS
from agentd.demo.server import ModelServer
from agentd.relay_child import RelayChild, RelayCommand

RELAY_DATA = "relay"


@dataclass(frozen=True)
class Wanted:
    """What the person asked for."""

    profile: str
    workspace: Path | None = None
    """None: the current folder; with `demo`, the sample project."""
    port: int | None = None
    public_url: str = ""
    opencode: Path | None = None
    demo: bool = False
    local_decisions: bool = False


@dataclass(frozen=True)
class Surroundings:
    """What the daemon needs and gets before it starts."""

    config: Config
    opencode: Path
    opencode_config: Mapping[str, JsonValue]
    relay: RelayChild
    environment: Mapping[str, str]

    @property
    def model(self) -> str:
        """The demo model's id; empty when the person's own OpenCode chooses."""
        return MODEL if self.config.demo_model else ""

    @property
    def agent_environment(self) -> Mapping[str, str]:
        """What OpenCode inherits: the person's environment; in a demo, with a history of its own."""
        return demo_environment(self.config, self.environment) if self.config.demo_model else self.environment


@asynccontextmanager
async def surroundings(wanted: Wanted) -> AsyncIterator[Surroundings]:
    """Yields with the relay listening and the model chosen; takes everything down again in the end.

    Raises AlreadyUpError, ConfigError (no OpenCode, no port), RelayFailedError.
    """
    base, environment = config.load(wanted.profile), config.environment()
    binary = opencode_binary.find(wanted.opencode, environment, opencode_binary.CHECKOUT)
    with claimed(base.state_dir / "up.json", base.profile) as claim:
        folder = await asyncio.to_thread(_folder, wanted, base)
        # Before the port is chosen: what a killed agentd left behind still sits on it.
        await asyncio.to_thread(relay_child.reap_orphan, base.state_dir / RELAY_DATA)
        command = _relay_command(base, environment, app_port.choose(wanted.port, claim.last.port), wanted.public_url)
        async with AsyncExitStack() as stack:
            # OpenCode takes a second to name its models, the relay a second to listen: side by side.
            async with asyncio.TaskGroup() as group:
                own = (
                    None
                    if wanted.demo
                    else group.create_task(opencode_binary.has_own_model(binary, folder, environment))
                )
                relay = await stack.enter_async_context(relay_child.running(command))
            demo = own is None or not own.result()
            extra = await stack.enter_async_context(demo_model()) if demo else {}
            claim.tell(Standing(os.getpid(), relay.address.origin, relay.command.http_port))
            told = replace(
                base,
                relay=RelayAddress(relay.address.origin, relay.address.grpc),
                default_project=folder,
                local_decisions=wanted.local_decisions,
                demo_model=demo,
                app_url=relay.address.origin,
            )
            yield Surroundings(told, binary, extra, relay, environment)


def _relay_command(base: Config, environment: Mapping[str, str], port: int, public_url: str) -> RelayCommand:
    """Returns how the relay of this profile is started; its data lies in the profile's folder."""
    data = base.state_dir / RELAY_DATA
    config.make_private_dir(data)
    admitted = identity_file.load_or_make(base.key_path).device_id
    return RelayCommand(
        data, base.state_dir / "relay.log", dict(environment), port, public_url=public_url, admitted=admitted
    )


def _folder(wanted: Wanted, base: Config) -> Path:
    if wanted.workspace is not None:
        return wanted.workspace
    return sample.create(base.state_dir / "sample") if wanted.demo else Path.cwd()


def demo_environment(told: Config, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Returns the person's environment with a history of this profile's demo alone."""
    return apart(environment, told.state_dir / "demo")


@asynccontextmanager
async def demo_model() -> AsyncIterator[Mapping[str, JsonValue]]:
    """Yields what OpenCode's configuration needs for the demo model, while it answers."""
    async with ModelServer(SCENARIOS).serving() as server:
        yield opencode_config(server.base_url)
