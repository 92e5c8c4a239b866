"""What may be wrong between here and a model, and what to do about it. Pure: facts go in, findings come out.

Counterpart: `agentd/cli/doctor.py` gathers the facts and prints the findings.
"""

import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from pathlib import Path
from urllib.parse import urlsplit

from halyard.agent.v1 import workstation_pb2 as workstation
from halyard.agent.v1 import workstation_service_pb2 as service
from wire.identity import CLOCK_LEEWAY_SECONDS

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Level(IntEnum):
    """How bad it is; a greater number is worse."""

    FINE = 0
    WARNING = 1
    FAILURE = 2


@dataclass(frozen=True)
class Finding:
    """What one probe found, and what to do about it when it is not fine."""

    hop: str
    level: Level
    message: str
    advice: str = ""


@dataclass(frozen=True)
class PathFacts:
    """A file or folder of agentd as it is on disk; `mode` is None when it does not exist."""

    path: Path
    mode: int | None
    owned: bool = True


@dataclass(frozen=True)
class RelayFacts:
    """What a relay answered at its origin; `error` says why it did not."""

    origin: str
    error: str = ""
    announced_origin: str = ""
    grpc: str = ""
    grpc_error: str = ""
    relay_time: datetime | None = None
    our_time: datetime | None = None


def worst(findings: Iterable[Finding]) -> Level:
    """Returns the worst level of all."""
    return max((finding.level for finding in findings), default=Level.FINE)


def judge_file(facts: PathFacts) -> Finding:
    """Returns whether only its user can open it."""
    hop = facts.path.name
    if facts.mode is None:
        return Finding(hop, Level.WARNING, f"{facts.path} does not exist yet.", "`agentd up` makes it.")
    if not facts.owned:
        advice = (
            f"Take it back with `sudo chown -R $USER {facts.path}`, or set HALYARD_STATE_DIR to a folder of your own."
        )
        return Finding(hop, Level.FAILURE, f"{facts.path} belongs to another user.", advice)
    if facts.mode & (stat.S_IRWXG | stat.S_IRWXO):
        mode = "700" if stat.S_ISDIR(facts.mode) else "600"
        return Finding(hop, Level.FAILURE, f"Others can open {facts.path}.", f"Run `chmod {mode} {facts.path}`.")
    return Finding(hop, Level.FINE, f"only you can open {facts.path}")


def judge_program(name: str, found: str | None, needed_for: str) -> Finding:
    """Returns whether a program that agents use is installed."""
    if found is None:
        return Finding(name, Level.WARNING, f"There is no `{name}` on PATH.", f"Install it: {needed_for}.")
    return Finding(name, Level.FINE, found)


def judge_relay(facts: RelayFacts) -> Iterator[Finding]:
    """Yields what is to be said about the relay: reachable, protected, itself, on time."""
    where = urlsplit(facts.origin)
    if facts.error:
        advice = "Check the address and the network; if the relay is yours, look whether `relay serve` runs."
        yield Finding("relay", Level.FAILURE, f"{facts.origin} does not answer: {facts.error}", advice)
        return
    yield Finding("relay", Level.FINE, f"{facts.origin} answers")
    if where.scheme != "https" and where.hostname not in _LOOPBACK:
        advice = "Put TLS in front of it. Content stays sealed, but tokens and who talks to whom are in the open."
        yield Finding("tls", Level.FAILURE, f"{facts.origin} is reached without TLS.", advice)
    else:
        yield Finding("tls", Level.FINE, "encrypted" if where.scheme == "https" else "not needed on loopback")
    if facts.announced_origin != facts.origin:
        advice = f"Name it as it calls itself: `agentd run --relay {facts.announced_origin}`."
        message = (
            f"The relay calls itself {facts.announced_origin or 'nothing'}, not {facts.origin}; it will refuse tokens."
        )
        yield Finding("origin", Level.FAILURE, message, advice)
    if facts.grpc_error:
        advice = "Open that port between here and the relay, or let the relay announce another one."
        yield Finding("grpc", Level.FAILURE, f"{facts.grpc} does not answer: {facts.grpc_error}", advice)
    else:
        yield Finding("grpc", Level.FINE, f"{facts.grpc} answers")
    yield _judge_clock(facts)


def _judge_clock(facts: RelayFacts) -> Finding:
    if facts.relay_time is None or facts.our_time is None:
        return Finding("clock", Level.WARNING, "The relay did not tell its time.", "Update the relay.")
    skew = abs(facts.our_time - facts.relay_time)
    if skew > timedelta(seconds=CLOCK_LEEWAY_SECONDS):
        # The link corrects itself, but every time that a person reads would be wrong.
        advice = "Set this machine's clock, for example with `timedatectl set-ntp true`."
        return Finding("clock", Level.WARNING, f"This machine and the relay differ by {skew.seconds} seconds.", advice)
    return Finding("clock", Level.FINE, "the same as the relay's, within seconds")


def judge_status(status: service.GetStatusResponse) -> Iterator[Finding]:
    """Yields what a running agentd knows about its link, its agents, its devices."""
    yield _judge_link(status)
    if not status.workstation.agents:
        yield Finding(
            "agent", Level.FAILURE, "agentd runs no agent.", "Install OpenCode: `npm install -g opencode-ai`."
        )
    for agent in status.workstation.agents:
        yield _judge_agent(agent)
        yield _judge_model(agent, demo=status.workstation.demo_model)
    if not status.devices:
        yield Finding("devices", Level.WARNING, "No app is paired.", "Let one in with `agentd pair`.")
    else:
        yield Finding("devices", Level.FINE, f"{status.devices} paired")


def _judge_link(status: service.GetStatusResponse) -> Finding:
    match status.link_state:
        case service.LINK_STATE_UP:
            behind = status.head_seq - status.stored_through
            return Finding(
                "link", Level.FINE, f"up; {behind} records on their way" if behind else "up; the relay has everything"
            )
        case service.LINK_STATE_REFUSED:
            return Finding("link", Level.FAILURE, "The relay refuses this workstation.", status.link_detail)
        case _:
            detail = status.link_detail or "The relay does not answer; agentd keeps trying."
            return Finding("link", Level.FAILURE, "The link to the relay is down.", detail)


def _judge_agent(agent: workstation.Agent) -> Finding:
    name = f"{agent.display_name} {agent.version}".strip()
    match agent.state:
        case workstation.AGENT_STATE_READY:
            return Finding("agent", Level.FINE, f"{name} answers")
        case workstation.AGENT_STATE_STARTING:
            return Finding("agent", Level.WARNING, f"{name} is starting.", "Ask again in a few seconds.")
        case _:
            return Finding("agent", Level.FAILURE, f"{name} does not answer.", agent.state_detail)


def _judge_model(agent: workstation.Agent, *, demo: bool) -> Finding:
    if demo:
        advice = "Configure a provider with `opencode auth login`, then start agentd again without --demo."
        return Finding("model", Level.WARNING, "The scripted demo model answers, not a real one.", advice)
    if not agent.models:
        advice = "Configure a provider with `opencode auth login`."
        return Finding("model", Level.FAILURE, f"{agent.display_name} has no model to use.", advice)
    return Finding(
        "model", Level.FINE, f"{agent.default_model or agent.models[0].id}, and {len(agent.models) - 1} more"
    )
