from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agentd.agents.agent import Vitals
from agentd.verdicts import (
    MIB,
    CardFacts,
    Insight,
    PathFacts,
    Reached,
    judge_agent,
    judge_disk,
    judge_files,
    judge_insight,
    judge_model,
    judge_program,
    judge_relay,
    judge_tls,
    no_agent,
    ok,
    skipped,
    warning,
    worst,
)
from halyard.agent.v1 import workstation_pb2 as workstation
from halyard.agent.v1 import workstation_service_pb2 as pb

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ORIGIN = "https://relay.example.org"
OK, LOOK, FAIL, SKIPPED = (
    pb.CHECK_STATE_OK,
    pb.CHECK_STATE_WARNING,
    pb.CHECK_STATE_FAILED,
    pb.CHECK_STATE_SKIPPED,
)
GOOD = Reached()
TLS = Reached(certificate_end=NOW + timedelta(days=60))


def card(**changes: object) -> CardFacts:
    facts = {"announced_origin": ORIGIN, "grpc": "relay.example.org:443", "version": "1.2", "relay_time": NOW}
    return CardFacts(ORIGIN, **{**facts, "our_time": NOW, **changes})  # type: ignore[arg-type]  # fields by name


def relay(
    *, address: Reached = GOOD, tls: Reached | None = TLS, told: CardFacts | None = None, grpc: Reached = GOOD
) -> dict[str, pb.Check]:
    return by_id(judge_relay(address, tls, told or card(), grpc, NOW))


def by_id(checks: list[pb.Check]) -> dict[str, pb.Check]:
    return {check.id: check for check in checks}


def states(checks: dict[str, pb.Check]) -> dict[str, pb.CheckState]:
    return {name: check.state for name, check in checks.items() if check.state != OK}


@pytest.mark.parametrize(
    ("mode", "owned", "state", "advice"),
    [
        (0o100600, True, OK, ""),
        (0o040700, True, OK, ""),
        (0o100640, True, FAIL, "chmod 600"),
        (0o100604, True, FAIL, "chmod 600"),
        (0o040755, True, FAIL, "chmod 700"),
        (0o100600, False, FAIL, "chown"),
        (None, True, LOOK, "agentd up"),
    ],
)
def test_files(mode: int | None, owned: bool, state: pb.CheckState, advice: str) -> None:
    good = PathFacts(Path("/state"), 0o040700)
    found = judge_files([good, PathFacts(Path("/state/identity.key"), mode, owned=owned)])
    assert found.state == state
    assert advice in found.advice


@pytest.mark.parametrize(
    ("free", "state", "words"),
    [(5 * 1024 * MIB, OK, "5.0 GiB"), (1023 * MIB, LOOK, "1023 MiB"), (99 * MIB, FAIL, "is full"), (0, FAIL, "0 MiB")],
)
def test_a_disk_says_how_much_is_left(free: int, state: pb.CheckState, words: str) -> None:
    found = judge_disk(free)
    assert found.state == state
    assert words in found.message
    assert bool(found.advice) == (state != OK)


def test_a_good_relay() -> None:
    found = relay()
    assert states(found) == {}
    assert list(found) == ["address", "tls", "relay", "clock", "grpc"]
    assert "release 1.2" in found["relay"].message
    assert "60 days" in found["tls"].message


def test_behind_an_address_that_is_not_reached_nothing_is_claimed() -> None:
    found = relay(address=Reached("its name is not known; DNS does not find it"))
    assert states(found) == {"address": FAIL, "tls": SKIPPED, "relay": SKIPPED, "clock": SKIPPED, "grpc": SKIPPED}
    assert "DNS" in found["address"].message
    assert found["address"].advice


def test_something_else_at_the_address() -> None:
    found = relay(told=card(error="404 Not Found"))
    assert states(found) == {"relay": FAIL, "clock": SKIPPED}
    assert "404" in found["relay"].message


@pytest.mark.parametrize(
    ("origin", "tls", "state", "words"),
    [
        ("http://relay.example.org", None, FAIL, "without TLS"),
        ("http://127.0.0.1:8787", None, OK, "not needed"),
        ("http://localhost:8787", None, OK, "not needed"),
        (ORIGIN, None, SKIPPED, "proxy"),
        (ORIGIN, Reached(), OK, "encrypted"),
        (ORIGIN, Reached("certificate has expired"), FAIL, "has expired"),
        (ORIGIN, Reached(certificate_end=NOW + timedelta(days=13)), LOOK, "ends in 13 days"),
        (ORIGIN, Reached(certificate_end=NOW + timedelta(days=15)), OK, "good for 15 days"),
    ],
)
def test_certificates(origin: str, tls: Reached | None, state: pb.CheckState, words: str) -> None:
    found = judge_tls(origin, tls, NOW)
    assert found.state == state
    assert words in found.message
    assert bool(found.advice) == (state in (LOOK, FAIL))


def test_another_origin_than_the_relay_calls_itself() -> None:
    found = relay(told=card(announced_origin="https://other.example.org"))["relay"]
    assert found.state == FAIL
    assert "agentd run --relay https://other.example.org" in found.advice


@pytest.mark.parametrize(
    ("seconds", "state", "words"),
    [(0, OK, "same"), (30, OK, "same"), (31, LOOK, "31 seconds behind"), (-90000, LOOK, "90000 seconds ahead of")],
)
def test_clocks(seconds: int, state: pb.CheckState, words: str) -> None:
    found = relay(told=card(relay_time=NOW + timedelta(seconds=seconds)))["clock"]
    assert found.state == state
    assert words in found.message


def test_a_closed_grpc_port_and_an_untold_time() -> None:
    found = relay(told=card(relay_time=None), grpc=Reached("nothing listens at that port"))
    assert states(found) == {"clock": LOOK, "grpc": FAIL}


# --- a running agentd ---


def status(**changes: object) -> pb.GetStatusResponse:
    told = pb.GetStatusResponse(link_state=pb.LINK_STATE_UP, devices=1, head_seq=40, stored_through=40, pid=7)
    told.relay_origin = ORIGIN
    told.link_change_time.FromDatetime(NOW - timedelta(hours=3))
    told.workstation.start_time.FromDatetime(NOW - timedelta(days=2))
    told.MergeFrom(pb.GetStatusResponse(**changes))  # type: ignore[arg-type]  # fields by name
    return told


def inside(insight: Insight) -> dict[str, pb.Check]:
    return by_id(list(judge_insight(insight, NOW)))


def test_a_good_daemon_tells_its_figures() -> None:
    found = inside(Insight(status(), redials=2, heard_seconds=4.0, memory_bytes=70 * MIB))
    assert states(found) == {}
    assert found["link"].message == "up for 3 h, heard 4 s ago, dialled again 2 times"
    assert "up for 2 d, 70 MiB" in found["daemon"].message
    assert found["log"].message == "40 written, all at the relay"


@pytest.mark.parametrize(
    ("state", "reason", "detail", "advice"),
    [
        (pb.LINK_STATE_REFUSED, "INVITE_NEEDED", "This relay wants an invite.", "`relay invite`"),
        (pb.LINK_STATE_REFUSED, "TOKEN_INVALID", "This token is for another relay.", "--relay https://"),
        (pb.LINK_STATE_REFUSED, "SUPERSEDED", "A newer link took over.", "stop one of the two"),
        (pb.LINK_STATE_WAITING, "UNAVAILABLE", "connection refused", "`relay serve` runs"),
        (pb.LINK_STATE_WAITING, "UNAVAILABLE", "Ssl handshake failed: CERTIFICATE_VERIFY_FAILED", "certificate"),
        (pb.LINK_STATE_WAITING, "UNIMPLEMENTED", "Method not found!", "update the relay"),
        (pb.LINK_STATE_WAITING, "UNAUTHENTICATED", "Received http2 header with status: 401", "login of its own"),
        (pb.LINK_STATE_WAITING, "STORE_UNAVAILABLE", "The relay's disk is full.", "look at its log"),
        (pb.LINK_STATE_WAITING, "OWN_STORE", "agentd cannot write to its store.", "this machine's disk"),
        (pb.LINK_STATE_WAITING, "CLOCK_SKEW", "The clocks differ.", "timedatectl"),
        (pb.LINK_STATE_WAITING, "", "The relay has fallen silent.", "agentd keeps trying by itself"),
        (pb.LINK_STATE_CONNECTING, "", "", "agentd keeps trying by itself"),
    ],
)
def test_a_link_that_is_not_up_says_why_and_what_to_do_about_that(
    state: pb.LinkState, reason: str, detail: str, advice: str
) -> None:
    found = inside(Insight(status(link_state=state, link_detail=detail), link_reason=reason))
    assert states(found) == {"link": FAIL, "log": SKIPPED}
    assert found["link"].message.endswith(detail)
    assert advice in found["link"].advice
    assert not detail or detail not in found["link"].advice


def test_a_workstation_without_a_relay_is_told_how_to_have_one() -> None:
    told = status(link_detail="No relay.")
    told.relay_origin, told.link_state = "", pb.LINK_STATE_UNSPECIFIED
    found = inside(Insight(told))
    assert found["link"].message == "No relay."
    assert "agentd up" in found["link"].advice


def test_a_relay_that_has_fallen_silent() -> None:
    assert states(inside(Insight(status(head_seq=45), heard_seconds=61.0))) == {"link": LOOK}


@pytest.mark.parametrize(
    ("head", "stalled", "state", "words"),
    [
        (45, 29.9, OK, "45 written, 5 on their way"),
        (45, 30.0, LOOK, "45 written, 5 on their way: the relay has acknowledged nothing for 30 s."),
        (45, 299.0, LOOK, "nothing for 4 min."),
        (45, 300.0, FAIL, "nothing for 5 min. Apps do not see what is new."),
        (40, 300.0, OK, "40 written, all at the relay"),
    ],
)
def test_a_log_that_lags_is_judged_by_how_long(head: int, stalled: float, state: pb.CheckState, words: str) -> None:
    found = inside(Insight(status(head_seq=head), stalled_seconds=stalled))["log"]
    assert found.state == state
    assert found.message.endswith(words)
    assert bool(found.advice) == (state != OK)


@pytest.mark.parametrize(("waiting", "oldest", "state"), [(0, 0.0, OK), (2, 59.0, OK), (2, 3700.0, LOOK)])
def test_calls_that_wait_for_long(waiting: int, oldest: float, state: pb.CheckState) -> None:
    found = inside(Insight(status(), waiting_calls=waiting, oldest_call_seconds=oldest))["inbox"]
    assert found.state == state
    assert "for 1 h" in found.message or state == OK


HELD_UP = "agentd.sqlite cannot be used: its disk is full. Make room; agentd goes on by itself."


def test_a_store_that_takes_nothing_is_named_and_nothing_else_is_to_be_restarted() -> None:
    told = status(store_detail=HELD_UP)
    found = inside(Insight(told, waiting_calls=2, oldest_call_seconds=3700.0))
    assert states(found) == {"store": FAIL, "inbox": LOOK}
    assert found["store"].advice == HELD_UP
    assert "restart" not in found["inbox"].advice
    assert found["log"].message == "40 written, all at the relay; what came since waits for the store"


def test_nobody_paired_deserves_a_look() -> None:
    told = status()
    told.devices = 0
    assert states(inside(Insight(told))) == {"devices": LOOK}


READY = workstation.Agent(
    id="opencode",
    display_name="OpenCode",
    version="1.18",
    state=workstation.AGENT_STATE_READY,
    models=[workstation.Model(id="a/b")],
    default_model="a/b",
)
UNHEALTHY = workstation.Agent(
    display_name="OpenCode", state=workstation.AGENT_STATE_UNHEALTHY, state_detail="It hangs."
)
STARTING = workstation.Agent(display_name="OpenCode", state=workstation.AGENT_STATE_STARTING)


@pytest.mark.parametrize(
    ("agent", "vitals", "state", "words"),
    [
        (READY, Vitals(300 * MIB), OK, "OpenCode 1.18 answers, 300 MiB, never started again"),
        (READY, Vitals(300 * MIB, restarts=3), LOOK, "started again 3 times"),
        (READY, "OpenCode does not answer (ConnectError).", FAIL, "ConnectError"),
        (UNHEALTHY, "x", FAIL, "It hangs."),
        (STARTING, "x", LOOK, "is starting"),
    ],
)
def test_agents(agent: workstation.Agent, vitals: Vitals | str, state: pb.CheckState, words: str) -> None:
    found = judge_agent(agent, vitals)
    assert found.state == state
    assert words in found.message
    assert bool(found.advice) == (state != OK)


def test_no_agent_at_all() -> None:
    assert no_agent().state == FAIL
    assert "npm install" in no_agent().advice


@pytest.mark.parametrize(
    ("agent", "reached", "demo", "state", "words"),
    [
        (READY, Reached(), False, OK, "a/b; its provider at https://api.example.org is reached"),
        (READY, Reached("no connection"), False, FAIL, "cannot be reached: no connection"),
        (READY, Reached(), True, LOOK, "scripted demo model at https://api.example.org"),
        (READY, Reached("no connection"), True, FAIL, "no connection"),
        (READY, None, False, SKIPPED, "does not tell"),
        (STARTING, None, False, FAIL, "no model"),
    ],
)
def test_models(
    agent: workstation.Agent, reached: Reached | None, demo: bool, state: pb.CheckState, words: str
) -> None:
    found = judge_model(agent, reached, "https://api.example.org", demo=demo)
    assert found.state == state
    assert words in found.message


def test_programs() -> None:
    assert judge_program("git", "/usr/bin/git", "x").state == OK
    assert judge_program("rg", None, "it searches").advice == "Install it: it searches."


def test_the_worst_counts_and_what_was_skipped_does_not() -> None:
    assert worst([]) == OK
    assert worst([skipped("push", "later")]) == OK
    assert worst([warning("a", "b", "c"), ok("d", "e")]) == LOOK
    assert worst([warning("a", "b", "c"), judge_disk(0)]) == FAIL
