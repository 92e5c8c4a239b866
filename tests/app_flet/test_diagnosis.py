from dataclasses import replace
from datetime import timedelta

import pytest

from app_flet.diagnosis import ok, own_checks, report, skipped, warning, worst
from app_flet.model import CallView, LinkState, LinkView, Model, WorkstationView, frozen
from halyard_client.halyard.agent import v1
from wire.calls import CallState

NOW = 1_800_000_000_000
MINUTE = 60_000
RELAY = "https://relay.example.org"
BENCH = WorkstationView(
    "w", "bench", RELAY, "operator", online=True, as_of_ms=NOW - 2 * MINUTE, last_seen_ms=NOW, caught_up=True
)
UP = LinkView(LinkState.ONLINE, NOW - 90 * MINUTE, round_trip_ms=12)


def call(minutes: float, state: CallState = CallState.AT_RELAY) -> CallView:
    return CallView(bytes([int(minutes)]), "w", "m", b"", state, NOW - round(minutes * MINUTE))


def model(known: WorkstationView = BENCH, link: LinkView | None = UP, *calls: CallView, offset_ms: int = 0) -> Model:
    return Model(
        workstations=frozen({"w": known}),
        links=frozen({RELAY: link} if link else {}),
        calls=frozen({one.call_id: one for one in calls}),
        clock_offset_ms=offset_ms,
    )


def checks(of: Model) -> dict[str, v1.Check]:
    return {check.id: check for check in own_checks(of, "w", NOW, timedelta())}


def test_all_well() -> None:
    found = checks(model())
    assert worst(found.values()) is v1.CheckState.OK
    assert list(found) == ["app", "clock", "replica", "calls", "agentd"]
    assert found["app"].message == f"linked to {RELAY} since 06:30 (for 1 h), 12 ms there and back"
    assert found["replica"].message == "what is shown is as of 07:58 (2 min ago)"


@pytest.mark.parametrize(
    ("of", "check", "state", "words"),
    [
        (model(link=None), "app", v1.CheckState.FAILED, "is not reached"),
        (
            model(link=LinkView(LinkState.OFFLINE, NOW, "The relay is restarting.")),
            "app",
            v1.CheckState.FAILED,
            "restarting",
        ),
        (model(link=LinkView(LinkState.REFUSED, NOW, "No member.")), "app", v1.CheckState.FAILED, "No member."),
        (model(link=replace(UP, round_trip_ms=1500)), "app", v1.CheckState.WARNING, "is slow"),
        (model(link=replace(UP, round_trip_ms=None)), "app", v1.CheckState.OK, "(for 1 h)"),
        (model(offset_ms=26 * 60 * MINUTE), "clock", v1.CheckState.WARNING, "1560 min behind"),
        (model(offset_ms=-5 * MINUTE), "clock", v1.CheckState.WARNING, "5 min ahead of"),
        (model(link=None), "clock", v1.CheckState.SKIPPED, "No relay"),
        (model(replace(BENCH, warning="The relay withholds.")), "replica", v1.CheckState.WARNING, "withholds"),
        (model(replace(BENCH, caught_up=False)), "replica", v1.CheckState.WARNING, "catching up"),
        (model(replace(BENCH, as_of_ms=0)), "replica", v1.CheckState.WARNING, "Nothing has come"),
        (model(BENCH, UP, call(1)), "calls", v1.CheckState.OK, "1 call under way"),
        (model(BENCH, UP, call(3), call(4)), "calls", v1.CheckState.WARNING, "2 calls under way, the oldest 4 min ago"),
        (model(replace(BENCH, online=False), UP, call(9)), "calls", v1.CheckState.OK, "kept on this device"),
        (model(BENCH, UP, call(9, CallState.DONE)), "calls", v1.CheckState.OK, "nothing waits"),
        (model(replace(BENCH, online=False)), "agentd", v1.CheckState.FAILED, "bench is offline, last seen now"),
        (model(replace(BENCH, removed=True)), "agentd", v1.CheckState.FAILED, "no longer lists"),
        (model(replace(BENCH, unlisted=True)), "agentd", v1.CheckState.FAILED, "does not know yet"),
        (model(link=None), "agentd", v1.CheckState.SKIPPED, "cannot be known"),
    ],
)
def test_each_part(of: Model, check: str, state: v1.CheckState, words: str) -> None:
    found = checks(of)[check]
    assert found.state is state
    assert words in found.message
    assert bool(found.advice) == (state in (v1.CheckState.WARNING, v1.CheckState.FAILED))


def test_nobody_is_told_to_pair_again_at_once_because_a_relay_forgot() -> None:
    refused = LinkView(LinkState.REFUSED, NOW, "Nobody lists this device.")
    forgotten = checks(model(replace(BENCH, unlisted=True, online=False), refused))
    assert "leaves once bench is linked to the relay again" in forgotten["app"].advice
    assert forgotten["agentd"].advice == forgotten["app"].advice
    taken_off = checks(model(replace(BENCH, unlisted=True, removed=True, online=False), refused))
    assert taken_off["app"].advice == "Pair this device again."
    assert "no longer lists" in taken_off["agentd"].message


def test_a_workstation_that_is_not_known_has_no_checks() -> None:
    assert own_checks(Model(), "w", NOW, timedelta()) == ()


def test_the_report_holds_both_sides() -> None:
    took = v1.Check(id="relay", state=v1.CheckState.OK, message="answers", duration=timedelta(milliseconds=7))
    text = report("Halyard 1", [warning("clock", "It is off.", "Set it.")], [took, skipped("push", "later")])
    assert text.splitlines() == [
        "Halyard 1",
        "",
        "This device",
        "look  clock    It is off.",
        "               → Set it.",
        "",
        "Workstation",
        "ok    relay    answers (7 ms)",
        "-     push     later",
    ]
    assert "not asked" in report("Halyard 1", [ok("app", "linked")], [])
