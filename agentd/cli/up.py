"""`agentd up`: tells how it goes while `agentd/up.py` and the daemon do it."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from pathlib import Path
from urllib.parse import urlsplit

from agentd import browser
from agentd.cli.foreground import first_agent_decided, log_to_stderr, opencode_factory, stay, stopped_by_signals
from agentd.cli.options import Options
from agentd.cli.outcome import Exit
from agentd.cli.pair import describe, invitation
from agentd.cli.printing import print_json
from agentd.cli.profile import workspace
from agentd.daemon import Daemon
from agentd.up import Surroundings, Wanted, surroundings
from halyard.agent.v1 import workstation_pb2 as workstation
from halyard.agent.v1 import workstation_service_pb2 as service
from wire.errors import HalyardError

DEMO = "the scripted demo model, no intelligence; `opencode auth login` configures a real one"
LOOPBACK = """\
  A phone cannot reach {host}: put TLS in front of port {port} (a reverse proxy, or `tailscale serve {port}`) and
  start with --public-url https://NAME.
"""


async def run(options: Options) -> Exit:
    """Starts everything and stays until it is stopped."""
    log_to_stderr(options.verbose)
    wanted = Wanted(
        profile=options.profile,
        workspace=workspace(options) if options.workspace else None,
        port=options.port,
        public_url=options.public_url.rstrip("/"),
        opencode=options.opencode,
        demo=options.demo,
        local_decisions=options.local_decisions,
    )
    async with stopped_by_signals() as stopper, surroundings(wanted) as around:
        factory = opencode_factory(around.opencode, around.agent_environment, around.opencode_config)
        await stay(around.config, factory, stopper, lambda daemon: _meanwhile(daemon, around, options))
        if around.relay.damage:
            raise around.relay.damage
    if not options.json:
        print("Stopped.")
    return Exit.OK


async def _meanwhile(daemon: Daemon, around: Surroundings, options: Options) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_keep_relay(daemon, around))
        if options.json:
            group.create_task(_tell_scripts(daemon, around))
        else:
            group.create_task(_tell_people(daemon, around, open_browser=not options.no_browser))
            group.create_task(_tell_of_agent(daemon))


async def _keep_relay(daemon: Daemon, around: Surroundings) -> None:
    """Without a relay nobody can reach this machine: it stops in order, and its last words say what to do."""
    await around.relay.keep(lambda _: daemon.uplink.hurry() if daemon.uplink else None)
    daemon.stop.set()


async def _tell_scripts(daemon: Daemon, around: Surroundings) -> None:
    """Prints the one line once an app could pair and prompt; the code stays open behind it."""
    default = await first_agent_decided(daemon)
    async for step in one_code(daemon):
        if step.HasField("code"):
            print_json(ready_line(around, step.code.url, around.model or default))


def ready_line(around: Surroundings, pair_url: str, model: str) -> Mapping[str, str]:
    """Returns what `up --json` prints."""
    return {
        "app_url": around.relay.address.origin,
        "pair_url": pair_url,
        "relay_http": around.relay.address.http,
        "relay_grpc": around.relay.address.grpc,
        "socket": str(around.config.socket_path),
        "model": model,
    }


async def _tell_people(daemon: Daemon, around: Surroundings, *, open_browser: bool) -> None:
    print(headline(around), flush=True)
    shown = open_browser and browser.has_display(sys.platform, around.environment)
    if any(device.platform == "web" for device in daemon.devices.list()):
        print("  Already paired. `agentd pair` lets another app in.\n", flush=True)
        if shown:
            await browser.open_url(around.relay.address.origin, around.environment)
    else:
        await _pair(daemon, around, open_browser=shown)


async def _tell_of_agent(daemon: Daemon) -> None:
    await first_agent_decided(daemon)
    agent = daemon.roster.all()[0].describe()
    if agent.state == workstation.AGENT_STATE_READY:
        print(f"{agent.display_name} {agent.version} is ready.", flush=True)


async def _pair(daemon: Daemon, around: Surroundings, *, open_browser: bool) -> None:
    async with asyncio.TaskGroup() as group:
        async for step in one_code(daemon):
            if not step.HasField("code"):
                print(describe(step), flush=True)
                continue
            print(invitation(step.code), flush=True)
            if open_browser:
                # Beside the pairing, not before it: some browsers return only when they are closed.
                group.create_task(browser.open_url(step.code.url, around.environment))


async def one_code(daemon: Daemon) -> AsyncIterator[service.PairResponse]:
    """Yields a code and what becomes of it. No second one: an unattended terminal must not offer codes for ever.

    A relay that goes away, or refuses, ends the pairing and nothing else.
    """
    shown = False
    try:
        async with aclosing(daemon.pairing.pair(workstation.DEVICE_ROLE_OPERATOR)) as steps:
            async for step in steps:
                if step.HasField("code") and shown:
                    break
                shown = shown or step.HasField("code")
                yield step
                if step.HasField("paired"):
                    return
        _warn("That code has ended. `agentd pair` shows a new one.")
    except HalyardError as refusal:
        _warn(f"Pairing has ended: {refusal.message} `agentd pair` begins anew.")


def _warn(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def headline(around: Surroundings) -> str:
    """Returns what is up, and where."""
    origin = urlsplit(around.relay.address.origin)
    folder = around.config.default_project or Path.home()
    model = DEMO if around.config.demo_model else f"as configured in OpenCode ({around.opencode})"
    hint = ""
    if origin.hostname in ("127.0.0.1", "localhost"):
        hint = "\n" + LOOPBACK.format(host=origin.hostname, port=origin.port)
    return (
        f"\nHalyard is up. Ctrl+C stops everything.\n\n"
        f"  App      {around.relay.address.origin}\n"
        f"  Project  {folder}\n"
        f"  Model    {model}\n{hint}"
    )
