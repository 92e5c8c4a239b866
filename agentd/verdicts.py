"""What facts about the path mean, and what a person can do about them. Pure: facts go in, checks come out.

Counterparts: `probes.py` asks the world for the facts, `doctor.py` decides which and in which order.
"""

import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from agentd.agents.agent import Vitals
from agentd.link_advice import advice_for
from halyard.agent.v1 import workstation_pb2 as workstation
from halyard.agent.v1 import workstation_service_pb2 as pb
from wire.identity import CLOCK_LEEWAY_SECONDS

MIB = 1024 * 1024
DISK_WARNING_BYTES = 1024 * MIB
DISK_FAILURE_BYTES = 100 * MIB
"""SQLite and OpenCode need room for whole files beside their own; below that the next turn may not fit."""
CERTIFICATE_WARNING = timedelta(days=14)
INBOX_WARNING_SECONDS = 60.0
STALL_WARNING_SECONDS, STALL_FAILURE_SECONDS = 30.0, 300.0
"""A relay acknowledges within a moment, and a disk or a line that is busy within seconds."""
HEARTBEATS_SECONDS = 60.0
"""The longest interval that a relay may ask for."""
RESTARTS_WARNING = 3
LOOPBACK = ("127.0.0.1", "::1", "localhost")

_WORST = (pb.CHECK_STATE_FAILED, pb.CHECK_STATE_WARNING)


@dataclass(frozen=True)
class PathFacts:
    """A file or folder of agentd as it is on disk; `mode` is None when it does not exist."""

    path: Path
    mode: int | None
    owned: bool = True


@dataclass(frozen=True)
class Reached:
    """How an attempt to reach something went: an empty `error` means that it answered."""

    error: str = ""
    seconds: float = 0.0
    certificate_end: datetime | None = None
    """When the certificate that was shown runs out, where one was."""
    through_proxy: str = ""
    """The proxy that stands in between."""


@dataclass(frozen=True)
class CardFacts:
    """What a relay says of itself at its origin; an `error` says why it did not."""

    origin: str
    error: str = ""
    announced_origin: str = ""
    grpc: str = ""
    version: str = ""
    relay_time: datetime | None = None
    our_time: datetime | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Insight:
    """What only a running agentd knows."""

    status: pb.GetStatusResponse
    link_reason: str = ""
    """Why the link is not up; see `LinkStatus.reason`."""
    redials: int = 0
    """How often the link was dialled again since agentd started."""
    heard_seconds: float | None = None
    """Since the relay was last heard; None while there is no link."""
    stalled_seconds: float = 0.0
    """For how long the relay could have acknowledged more of the log and has not."""
    waiting_calls: int = 0
    """Calls of apps that are on disk and not carried out."""
    oldest_call_seconds: float = 0.0
    memory_bytes: int = 0
    """Of agentd itself."""


def worst(checks: Iterable[pb.Check]) -> pb.CheckState:
    """FAILED when any failed, else WARNING when any deserves a look, else OK."""
    states = {check.state for check in checks}
    return next((state for state in _WORST if state in states), pb.CHECK_STATE_OK)


def ok(name: str, message: str, seconds: float = 0.0) -> pb.Check:
    """All is well."""
    return _check(name, pb.CHECK_STATE_OK, message, "", seconds)


def warning(name: str, message: str, advice: str, seconds: float = 0.0) -> pb.Check:
    """It works, but deserves a look."""
    return _check(name, pb.CHECK_STATE_WARNING, message, advice, seconds)


def failed(name: str, message: str, advice: str, seconds: float = 0.0) -> pb.Check:
    """It does not work."""
    return _check(name, pb.CHECK_STATE_FAILED, message, advice, seconds)


def skipped(name: str, message: str) -> pb.Check:
    """It was not probed."""
    return _check(name, pb.CHECK_STATE_SKIPPED, message, "", 0.0)


def _check(name: str, state: pb.CheckState, message: str, advice: str, seconds: float) -> pb.Check:
    check = pb.Check(id=name, state=state, message=message, advice=advice)
    if seconds:
        check.duration.FromNanoseconds(int(seconds * 1e9))
    return check


# --- this machine -----------------------------------------------------------------------------------------------------


def judge_files(files: Sequence[PathFacts]) -> pb.Check:
    """Whether only its user can open what agentd keeps; the first file that is not as it should be counts."""
    for facts in files:
        if facts.mode is None:
            return warning("files", f"{facts.path} does not exist yet.", "`agentd up` makes it.")
        if not facts.owned:
            advice = f"Take it back with `sudo chown -R $USER {facts.path}`, or set HALYARD_STATE_DIR to your own."
            return failed("files", f"{facts.path} belongs to another user.", advice)
        if facts.mode & (stat.S_IRWXG | stat.S_IRWXO):
            mode = "700" if stat.S_ISDIR(facts.mode) else "600"
            return failed("files", f"Others can open {facts.path}.", f"Run `chmod {mode} {facts.path}`.")
    return ok("files", f"only you can open {files[0].path}")


def judge_disk(free_bytes: int) -> pb.Check:
    """Whether there is room for the log, and for what the agent writes."""
    free = f"{free_bytes / 1024**3:.1f} GiB free" if free_bytes >= 1024**3 else f"{free_bytes // MIB} MiB free"
    if free_bytes < DISK_FAILURE_BYTES:
        return failed("disk", f"The disk is full: {free}.", "Make room; agentd takes up work again by itself.")
    if free_bytes < DISK_WARNING_BYTES:
        return warning("disk", f"The disk is nearly full: {free}.", "Make room before agents need it.")
    return ok("disk", free)


def judge_program(name: str, found: str | None, needed_for: str) -> pb.Check:
    """Whether a program that agents use is installed."""
    if found is None:
        return warning(name, f"There is no `{name}` on PATH.", f"Install it: {needed_for}.")
    return ok(name, found)


# --- the relay --------------------------------------------------------------------------------------------------------


def judge_relay(address: Reached, tls: Reached | None, card: CardFacts, grpc: Reached, now: datetime) -> list[pb.Check]:
    """Address, encryption, the relay itself, clocks, the port of links; what lies behind a closed door is skipped."""
    where = urlsplit(card.origin)
    if address.error:
        advice = "Check the address and the network; if the relay is yours, look whether `relay serve` runs."
        message = f"{where.hostname} cannot be reached: {address.error}"
        behind = [skipped(name, "The relay was not reached.") for name in ("tls", "relay", "clock", "grpc")]
        return [failed("address", message, advice, address.seconds), *behind]
    way = f" through the proxy {address.through_proxy}" if address.through_proxy else ""
    found = [ok("address", f"{where.netloc} is reached{way}", address.seconds), judge_tls(card.origin, tls, now)]
    if card.error:
        advice = "Something else may listen there: check the address, and whether `relay serve` runs."
        message = f"{card.origin} does not answer as a relay: {card.error}"
        return [*found, failed("relay", message, advice, card.seconds), skipped("clock", "No relay told its time.")]
    return [*found, *_judge_card(card), judge_clock(card.relay_time, card.our_time), _judge_grpc(card.grpc, grpc)]


def judge_tls(origin: str, tls: Reached | None, now: datetime) -> pb.Check:
    """Whether the way is encrypted, by a certificate that is good for a while."""
    where = urlsplit(origin)
    if where.scheme != "https":
        if where.hostname in LOOPBACK:
            return ok("tls", "not needed within this machine")
        advice = "Put TLS in front of it. Content stays sealed, but tokens and who talks to whom are in the open."
        return failed("tls", f"{origin} is reached without TLS.", advice)
    if tls is None:
        return skipped("tls", "A proxy stands in between; it sees the certificate.")
    if tls.error:
        advice = "Renew the relay's certificate, or install the authority that signed it on this machine."
        return failed("tls", f"The relay's certificate is refused: {tls.error}", advice, tls.seconds)
    left = tls.certificate_end - now if tls.certificate_end else None
    if left is not None and left < CERTIFICATE_WARNING:
        advice = "Renew it; when it ends, no device reaches this relay any more."
        return warning("tls", f"The relay's certificate ends in {max(left.days, 0)} days.", advice, tls.seconds)
    good = f", certificate good for {left.days} days" if left is not None else ""
    return ok("tls", f"encrypted{good}", tls.seconds)


def _judge_card(card: CardFacts) -> Iterator[pb.Check]:
    if card.announced_origin != card.origin:
        announced = card.announced_origin or "nothing"
        message = f"The relay calls itself {announced}, not {card.origin}; it will refuse tokens."
        advice = f"Name it as it calls itself: `agentd run --relay {card.announced_origin}`."
        yield failed("relay", message, advice, card.seconds)
    else:
        release = f", release {card.version}" if card.version else ""
        yield ok("relay", f"{card.origin} answers{release}", card.seconds)


def judge_clock(relay_time: datetime | None, our_time: datetime | None) -> pb.Check:
    """Whether this machine's clock agrees with the relay's."""
    if relay_time is None or our_time is None:
        return warning("clock", "The relay did not tell its time.", "Update the relay.")
    skew = round((our_time - relay_time).total_seconds())
    if abs(skew) > CLOCK_LEEWAY_SECONDS:
        # The link corrects itself, but every time that a person reads would be wrong.
        message = f"This machine's clock is {abs(skew)} seconds {'ahead of' if skew > 0 else 'behind'} the relay's."
        return warning("clock", message, "Set this machine's clock, for example with `timedatectl set-ntp true`.")
    return ok("clock", "the same as the relay's, within seconds")


def _judge_grpc(target: str, grpc: Reached) -> pb.Check:
    if grpc.error:
        advice = "Open that port between here and the relay, or let the relay announce another one."
        return failed("grpc", f"{target or 'The gRPC port'} does not answer: {grpc.error}", advice, grpc.seconds)
    return ok("grpc", f"{target} answers", grpc.seconds)


# --- what a running agentd knows --------------------------------------------------------------------------------------


def judge_insight(insight: Insight, now: datetime) -> Iterator[pb.Check]:
    """The daemon, its store, its link, its log, the apps' calls, the apps."""
    status = insight.status
    since = _ago(now - status.workstation.start_time.ToDatetime(now.tzinfo))
    memory = f"{insight.memory_bytes // MIB} MiB"
    yield ok("daemon", f"agentd {status.workstation.version}, pid {status.pid}, up for {since}, {memory}")
    yield _judge_store(status)
    yield _judge_link(insight, now)
    yield _judge_log(insight)
    yield _judge_inbox(insight)
    if not status.devices:
        yield warning("devices", "No app is paired.", "Let one in with `agentd pair`.")
    else:
        yield ok("devices", f"{status.devices} paired, {status.apps_watching} following right now")


def _judge_store(status: pb.GetStatusResponse) -> pb.Check:
    if status.store_detail:
        message = "agentd can write nothing down: what would change something waits. Nothing acknowledged is lost."
        return failed("store", message, status.store_detail)
    return ok("store", "takes what is written")


def _judge_link(insight: Insight, now: datetime) -> pb.Check:
    status = insight.status
    if status.link_state == pb.LINK_STATE_REFUSED:
        message = f"The relay refuses this workstation. {status.link_detail}".strip()
        return failed("link", message, advice_for(insight.link_reason, status.link_detail))
    if not status.relay_origin:
        return failed("link", status.link_detail, "Start agentd with one: `agentd up`, or `agentd run --relay URL`.")
    if status.link_state != pb.LINK_STATE_UP:
        message = f"The link to the relay is down. {status.link_detail}".strip()
        return failed("link", message, advice_for(insight.link_reason, status.link_detail))
    since = _ago(now - status.link_change_time.ToDatetime(now.tzinfo))
    heard = insight.heard_seconds or 0.0
    told = f"up for {since}, heard {heard:.0f} s ago, {_again('dialled', insight.redials)}"
    if heard > HEARTBEATS_SECONDS:
        return warning("link", f"The relay is silent: {told}.", "agentd dials again by itself; ask once more then.")
    return ok("link", told)


def _judge_log(insight: Insight) -> pb.Check:
    status, stalled = insight.status, insight.stalled_seconds
    if status.link_state != pb.LINK_STATE_UP:
        return skipped("log", f"{status.head_seq} written; what the relay has is told once the link is up")
    behind = status.head_seq - status.stored_through
    told = f"{status.head_seq} written, " + (f"{behind} on their way" if behind else "all at the relay")
    if status.store_detail:
        told += "; what came since waits for the store"
    if not behind or stalled < STALL_WARNING_SECONDS:
        return ok("log", told)
    message = f"{told}: the relay has acknowledged nothing for {_ago(timedelta(seconds=stalled))}."
    advice = "Its disk may be full or slow, or the line be thin: look at the relay's log. agentd keeps what is missing."
    if stalled < STALL_FAILURE_SECONDS:
        return warning("log", message, advice)
    return failed("log", f"{message} Apps do not see what is new.", advice)


def _judge_inbox(insight: Insight) -> pb.Check:
    waiting, oldest = insight.waiting_calls, insight.oldest_call_seconds
    if waiting and oldest > INBOX_WARNING_SECONDS:
        message = f"{waiting} calls of apps wait, the oldest for {_ago(timedelta(seconds=oldest))}."
        if insight.status.store_detail:
            return warning("inbox", message, "They wait for the store, and go on with it by themselves.")
        return warning("inbox", message, "The agent may be starting or busy; if it stays so, restart agentd.")
    return ok("inbox", f"{waiting} calls of apps under way" if waiting else "nothing waits")


def no_agent() -> pb.Check:
    """What there is to say when there is none."""
    return failed("agent", "agentd runs no agent.", "Install OpenCode: `npm install -g opencode-ai`.")


def judge_agent(agent: workstation.Agent, vitals: Vitals | str, seconds: float = 0.0) -> pb.Check:
    """One agent, by what it says of itself and by how its process is; `vitals` in words says why that is not known."""
    name = f"{agent.display_name} {agent.version}".strip()
    if agent.state == workstation.AGENT_STATE_STARTING:
        return warning("agent", f"{name} is starting. {agent.state_detail}".strip(), "Ask again in a few seconds.")
    if agent.state != workstation.AGENT_STATE_READY or isinstance(vitals, str):
        why = agent.state_detail if agent.state != workstation.AGENT_STATE_READY else str(vitals)
        again = "agentd starts it again by itself; if that does not help, its log is opencode.log in the state folder."
        return failed("agent", f"{name} does not answer. {why}".strip(), again, seconds)
    told = f"{name} answers, {vitals.memory_bytes // MIB} MiB, {_again('started', vitals.restarts)}"
    if vitals.restarts >= RESTARTS_WARNING:
        return warning("agent", f"{told}.", "Its log, opencode.log in the state folder, says why.", seconds)
    return ok("agent", told, seconds)


def judge_model(agent: workstation.Agent, reached: Reached | None, address: str, *, demo: bool) -> pb.Check:
    """Whether there is a model, and whether its provider's address answers. No model was asked anything."""
    if not agent.models:
        advice = "Configure a provider with `opencode auth login`."
        return failed("model", f"{agent.display_name} has no model to use.", advice)
    model = agent.default_model or agent.models[0].id
    if reached is None:
        return skipped("model", f"{model}; {agent.display_name} does not tell the address of its provider")
    if reached.error:
        message = f"{model}: its provider at {address} cannot be reached: {reached.error}"
        advice = "Check this machine's network and proxy; the provider may also be down."
        return failed("model", message, advice, reached.seconds)
    if demo:
        advice = "Configure a provider with `opencode auth login`, then start agentd again without --demo."
        message = f"The scripted demo model at {address} answers, not a real one."
        return warning("model", message, advice, reached.seconds)
    return ok("model", f"{model}; its provider at {address} is reached", reached.seconds)


def _again(done: str, times: int) -> str:
    match times:
        case 0:
            return f"never {done} again"
        case 1:
            return f"{done} again once"
        case _:
            return f"{done} again {times} times"


def _ago(passed: timedelta) -> str:
    seconds = max(0, int(passed.total_seconds()))
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
