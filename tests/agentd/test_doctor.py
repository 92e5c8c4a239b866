from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agentd.doctor import (
    Finding,
    Level,
    PathFacts,
    RelayFacts,
    judge_file,
    judge_program,
    judge_relay,
    judge_status,
    worst,
)
from halyard.agent.v1 import workstation_pb2 as workstation
from halyard.agent.v1 import workstation_service_pb2 as service

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ORIGIN = "https://relay.example.org"
GOOD = RelayFacts(ORIGIN, announced_origin=ORIGIN, grpc="relay.example.org:443", relay_time=NOW, our_time=NOW)


def by_hop(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.hop: finding for finding in findings}


def bad(findings: list[Finding]) -> list[str]:
    return [finding.hop for finding in findings if finding.level is not Level.FINE]


@pytest.mark.parametrize(
    ("mode", "owned", "level", "advice"),
    [
        (0o100600, True, Level.FINE, ""),
        (0o040700, True, Level.FINE, ""),
        (0o100640, True, Level.FAILURE, "chmod 600"),
        (0o100604, True, Level.FAILURE, "chmod 600"),
        (0o040755, True, Level.FAILURE, "chmod 700"),
        (0o100600, False, Level.FAILURE, "chown"),
        (None, True, Level.WARNING, "agentd up"),
    ],
)
def test_files(mode: int | None, owned: bool, level: Level, advice: str) -> None:
    finding = judge_file(PathFacts(Path("/state/identity.key"), mode, owned=owned))
    assert finding.level is level
    assert advice in finding.advice


def test_a_good_relay() -> None:
    assert bad(list(judge_relay(GOOD))) == []


def test_a_relay_that_does_not_answer_is_all_there_is_to_say() -> None:
    findings = list(judge_relay(RelayFacts(ORIGIN, error="connection refused")))
    assert [(finding.hop, finding.level) for finding in findings] == [("relay", Level.FAILURE)]
    assert "connection refused" in findings[0].message


@pytest.mark.parametrize(
    ("origin", "hops"),
    [("http://relay.example.org", ["tls"]), ("http://127.0.0.1:8787", []), ("http://localhost:8787", []), (ORIGIN, [])],
)
def test_tls_is_demanded_beyond_loopback(origin: str, hops: list[str]) -> None:
    facts = RelayFacts(origin, announced_origin=origin, grpc="g:1", relay_time=NOW, our_time=NOW)
    assert bad(list(judge_relay(facts))) == hops


def test_another_origin_than_the_relay_calls_itself() -> None:
    facts = RelayFacts(ORIGIN, announced_origin="https://other.example.org", grpc="g:1", relay_time=NOW, our_time=NOW)
    finding = by_hop(list(judge_relay(facts)))["origin"]
    assert finding.level is Level.FAILURE
    assert "agentd run --relay https://other.example.org" in finding.advice


@pytest.mark.parametrize(("seconds", "hops"), [(0, []), (30, []), (31, ["clock"]), (-31, ["clock"])])
def test_clocks(seconds: int, hops: list[str]) -> None:
    facts = RelayFacts(
        ORIGIN, announced_origin=ORIGIN, grpc="g:1", relay_time=NOW + timedelta(seconds=seconds), our_time=NOW
    )
    assert bad(list(judge_relay(facts))) == hops


def test_a_closed_grpc_port_and_an_untold_time() -> None:
    facts = RelayFacts(ORIGIN, announced_origin=ORIGIN, grpc="g:1", grpc_error="no connection")
    assert bad(list(judge_relay(facts))) == ["grpc", "clock"]


def status(**changes: object) -> service.GetStatusResponse:
    agent = workstation.Agent(
        id="opencode",
        display_name="OpenCode",
        state=workstation.AGENT_STATE_READY,
        models=[workstation.Model(id="a/b")],
        default_model="a/b",
    )
    told = service.GetStatusResponse(
        workstation=workstation.Workstation(agents=[agent]), link_state=service.LINK_STATE_UP, devices=1
    )
    told.MergeFrom(service.GetStatusResponse(**changes))  # type: ignore[arg-type]  # fields by name
    return told


def test_a_good_daemon() -> None:
    assert bad(list(judge_status(status()))) == []


@pytest.mark.parametrize(
    ("state", "detail"),
    [
        (service.LINK_STATE_REFUSED, "This relay wants an invite."),
        (service.LINK_STATE_WAITING, "connection refused"),
        (service.LINK_STATE_CONNECTING, ""),
    ],
)
def test_a_link_that_is_not_up_fails_with_the_daemons_word(state: service.LinkState, detail: str) -> None:
    finding = by_hop(list(judge_status(status(link_state=state, link_detail=detail))))["link"]
    assert finding.level is Level.FAILURE
    assert detail in finding.advice
    assert finding.advice


def test_agents_and_models() -> None:
    told = status()
    del told.workstation.agents[0].models[:]
    assert bad(list(judge_status(told))) == ["model"]
    told.workstation.agents[0].state = workstation.AGENT_STATE_UNHEALTHY
    assert bad(list(judge_status(told))) == ["agent", "model"]
    told.workstation.demo_model = True
    assert by_hop(list(judge_status(told)))["model"].level is Level.WARNING
    del told.workstation.agents[:]
    assert by_hop(list(judge_status(told)))["agent"].level is Level.FAILURE


def test_nobody_paired_deserves_a_look() -> None:
    told = status()
    told.devices = 0
    assert by_hop(list(judge_status(told)))["devices"].level is Level.WARNING


def test_programs() -> None:
    assert judge_program("git", "/usr/bin/git", "x").level is Level.FINE
    assert judge_program("rg", None, "it searches").advice == "Install it: it searches."


def test_the_worst_counts() -> None:
    fine, warning = Finding("a", Level.FINE, ""), Finding("b", Level.WARNING, "")
    assert worst([]) is Level.FINE
    assert worst([warning, fine]) is Level.WARNING
