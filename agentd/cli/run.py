"""`agentd run`: the daemon alone, against a relay that runs elsewhere."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from pydantic import JsonValue

from agentd import config
from agentd.cli.foreground import first_agent_decided, log_to_stderr, opencode_factory, stay, stopped_by_signals
from agentd.cli.options import Options
from agentd.cli.outcome import CommandError, Exit
from agentd.cli.printing import now, print_json
from agentd.cli.profile import workspace
from agentd.config import Config, RelayAddress
from agentd.daemon import Daemon
from agentd.opencode_binary import CHECKOUT, find
from agentd.probes import read_card
from agentd.up import demo_environment, demo_model


async def run(options: Options) -> Exit:
    """Runs the daemon until it is stopped."""
    log_to_stderr(options.verbose)
    environment = config.environment()
    binary = find(options.opencode, environment, CHECKOUT)
    async with stopped_by_signals() as stopper:
        told = await _told(options)
        async with _model(demo=options.demo) as extra:
            inherited = demo_environment(told, environment) if told.demo_model else environment
            factory = opencode_factory(binary, inherited, extra)
            await stay(told, factory, stopper, lambda daemon: _tell(daemon, options))
    return Exit.OK


async def _told(options: Options) -> Config:
    known = config.load(options.profile)
    if options.relay:
        known = replace(known, relay=await find_relay(options.relay.rstrip("/")))
    if known.relay is None:
        message = (
            "No relay is configured. Name one with `agentd run --relay URL`, or use `agentd up`, which brings its own."
        )
        raise CommandError(Exit.MISSING, message)
    return replace(
        known,
        invite=options.invite,
        default_project=workspace(options),
        local_decisions=options.local_decisions,
        demo_model=options.demo,
        app_url=known.relay.origin,
    )


async def find_relay(origin: str) -> RelayAddress:
    """Returns the relay at this address as it announces itself; CommandError when none answers there."""
    if not origin.startswith(("https://", "http://")):
        raise CommandError(Exit.USAGE, f"{origin} is no relay's address; it begins with https:// or http://.")
    facts = await read_card(origin, now)
    if facts.error:
        message = f"{origin} does not answer as a relay ({facts.error}). Check that `relay serve` runs there."
        raise CommandError(Exit.UNAVAILABLE, message)
    return RelayAddress(origin=facts.announced_origin or origin, grpc=facts.grpc)


@asynccontextmanager
async def _model(*, demo: bool) -> AsyncIterator[Mapping[str, JsonValue]]:
    if not demo:
        yield {}
        return
    async with demo_model() as extra:
        yield extra


async def _tell(daemon: Daemon, options: Options) -> None:
    if options.relay:
        # Not before: a second agentd, which will be refused, must not change what the first one has.
        config.remember_relay(daemon.config)
    model = await first_agent_decided(daemon)
    relay = daemon.config.relay.origin if daemon.config.relay else ""
    if options.json:
        socket: Path = daemon.config.socket_path
        ready = {"socket": str(socket), "relay_origin": relay, "device_id": daemon.identity.device_id, "model": model}
        print_json(ready)
    else:
        print(f"agentd runs for {relay}. `agentd pair` lets an app in; Ctrl+C stops.", flush=True)
