"""The doctor: probes every hop between this machine and a model, and says what to do about what fails.

One examination, reached in two ways: `WorkstationService.Diagnose` of a running agentd, which knows its link and its
agents; and `agentd doctor`, which asks that one, or, while none runs, looks at what can be seen from outside. What it
says holds no secret (`wire/redaction.py`).
"""

import asyncio
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from agentd import probes, verdicts
from agentd.agents.agent import Agent, AgentRefusedError, AgentUnavailableError, Vitals
from agentd.call_book import CallBook
from agentd.config import Config
from agentd.uplink import Uplink
from agentd.verdicts import Insight
from halyard.agent.v1 import workstation_pb2
from halyard.agent.v1 import workstation_service_pb2 as pb
from wire.calls import uuid7_time_ms
from wire.redaction import Redactor, secrets_of

GIT_IS_FOR = "without it agents cannot show or undo what a turn changed"
RG_IS_FOR = "OpenCode searches with ripgrep, and fetches it from the network without one"
PUSH = "This release wakes no phones yet; an app learns what waits when it is opened."
NO_RELAY = "No relay is configured."
VITALS_SECONDS = 5.0

MARKS = {
    pb.CHECK_STATE_OK: "ok  ",
    pb.CHECK_STATE_WARNING: "look",
    pb.CHECK_STATE_FAILED: "FAIL",
    pb.CHECK_STATE_SKIPPED: "-   ",
}


def now() -> datetime:
    """The present, in UTC."""
    return datetime.now(tz=UTC)


@dataclass(frozen=True)
class Place:
    """What is examined from outside: where things lie, which relay is meant."""

    config: Config
    environment: Mapping[str, str]
    clock: Callable[[], datetime] = now
    free_bytes: Callable[[Path], int] = probes.free_bytes

    def redactor(self) -> Redactor:
        """Knows this person's home and secrets."""
        known = {*secrets_of(self.environment), self.config.invite}
        return Redactor(self.environment.get("HOME") or str(Path.home()), known)


async def examine_from_outside(place: Place, meanwhile: Iterable[pb.Check] = ()) -> list[pb.Check]:
    """What can be seen without a running agentd; `meanwhile` stands between the machine and the relay."""
    found = [*_machine(place), *meanwhile, *await _relay(place), _push()]
    return redacted(found, place.redactor())


class Doctor:
    """Examines the workstation from inside. Whoever asks while an examination runs waits for the next."""

    def __init__(self, place: Place, uplink: Uplink | None, book: CallBook, agents: Sequence[Agent]) -> None:
        self._place = place
        self._uplink = uplink
        self._book = book
        self._agents = agents
        self._alone = asyncio.Lock()

    async def examine(self, status: pb.GetStatusResponse) -> pb.DiagnoseResponse:
        """All checks, from this machine outwards; within twice PROBE_SECONDS."""
        async with self._alone:
            insight = self._insight(status)
            async with asyncio.TaskGroup() as group:
                relay = group.create_task(_relay(self._place))
                agents = [group.create_task(self._agent(agent, insight)) for agent in self._agents]
            found = [
                *_machine(self._place),
                *verdicts.judge_insight(insight, self._place.clock()),
                *relay.result(),
                *([verdicts.no_agent()] if not agents else []),
                *(check for task in agents for check in task.result()),
                _push(),
            ]
        told = pb.DiagnoseResponse(checks=redacted(found, self._place.redactor()))
        told.diagnose_time.FromDatetime(self._place.clock())
        return told

    def _insight(self, status: pb.GetStatusResponse) -> Insight:
        waiting = self._book.left_over()
        now_ms = self._place.clock().timestamp() * 1000
        oldest_ms = min((uuid7_time_ms(call.call_id) for call in waiting), default=0)
        return Insight(
            status,
            link_reason=self._uplink.status.reason if self._uplink else "",
            redials=self._uplink.redials if self._uplink else 0,
            heard_seconds=self._uplink.heard_seconds if self._uplink else None,
            stalled_seconds=self._uplink.stalled_seconds if self._uplink else 0.0,
            waiting_calls=len(waiting),
            oldest_call_seconds=max(0.0, (now_ms - oldest_ms) / 1000) if waiting else 0.0,
            memory_bytes=psutil.Process().memory_info().rss,
        )

    async def _agent(self, agent: Agent, insight: Insight) -> list[pb.Check]:
        began = time.monotonic()
        vitals: Vitals | str
        try:
            async with asyncio.timeout(VITALS_SECONDS):
                vitals = await agent.vitals()
        except (AgentUnavailableError, AgentRefusedError) as error:
            vitals = str(error)
        except TimeoutError:
            vitals = f"It did not answer within {VITALS_SECONDS:.0f} seconds."
        described = agent.describe()
        own = verdicts.judge_agent(described, vitals, time.monotonic() - began)
        return [own, await _model(described, vitals, demo=insight.status.workstation.demo_model)]


async def _model(agent: workstation_pb2.Agent, vitals: Vitals | str, *, demo: bool) -> pb.Check:
    if isinstance(vitals, str):
        return verdicts.skipped("model", "The agent was not reached, so it could not tell its model.")
    address = vitals.provider_address
    reached = await probes.reach_provider(address) if address else None
    return verdicts.judge_model(agent, reached, address, demo=demo)


def _machine(place: Place) -> list[pb.Check]:
    told = place.config
    path = place.environment.get("PATH", "")
    return [
        verdicts.ok("config", f"profile {told.profile}, {told.state_dir}"),
        verdicts.judge_files([probes.look_at(path) for path in (told.state_dir, told.key_path, told.database_path)]),
        verdicts.judge_disk(place.free_bytes(told.state_dir)),
        verdicts.judge_program("git", shutil.which("git", path=path), GIT_IS_FOR),
        verdicts.judge_program("rg", shutil.which("rg", path=path), RG_IS_FOR),
    ]


async def _relay(place: Place) -> list[pb.Check]:
    relay = place.config.relay
    if relay is None:
        return [verdicts.skipped("relay", f"{NO_RELAY} `agentd up` brings its own.")]
    async with asyncio.TaskGroup() as group:
        address = group.create_task(probes.reach_address(relay.origin))
        tls = group.create_task(probes.reach_tls(relay.origin))
        card = group.create_task(probes.read_card(relay.origin, place.clock))
        grpc = group.create_task(probes.reach_grpc(relay.grpc, encrypted=relay.is_encrypted))
    return verdicts.judge_relay(address.result(), tls.result(), card.result(), grpc.result(), place.clock())


def _push() -> pb.Check:
    return verdicts.skipped("push", PUSH)


def redacted(checks: Iterable[pb.Check], redactor: Redactor) -> list[pb.Check]:
    """The same checks, without secrets."""
    return [
        pb.Check(
            id=check.id,
            state=check.state,
            message=redactor.clean(check.message),
            advice=redactor.clean(check.advice),
            duration=check.duration if check.HasField("duration") else None,
        )
        for check in checks
    ]


def report(told: pb.DiagnoseResponse, release: str) -> str:
    """The examination as one text, for whoever helps."""
    when = told.diagnose_time.ToDatetime(UTC).isoformat(timespec="seconds")
    lines = [f"Halyard {release}, {when}"]
    for check in told.checks:
        lines += _lines(check)
    return "\n".join(lines) + "\n"


def _lines(check: pb.Check) -> Iterable[str]:
    took = f" ({check.duration.ToMilliseconds()} ms)" if check.HasField("duration") else ""
    yield f"{MARKS.get(check.state, '?   ')}  {check.id:<8} {check.message}{took}"
    if check.advice:
        yield f"{'':14} → {check.advice}"
