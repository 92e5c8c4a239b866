"""An event that a listing was ahead of is passed over; one that tells something new never is."""

import pytest
from pydantic import JsonValue

from agentd.agents.opencode.event_schema import Change
from agentd.agents.opencode.mirror import Mirror
from agentd.agents.opencode.outdated import is_outdated
from tests.agentd.agents.opencode import shapes
from tests.agentd.agents.opencode.shapes import LIVE
from tests.fakes.journal import MemoryJournal

STOPPED: JsonValue = {"name": "MessageAbortedError", "data": {}}
BUSY: list[Change] = [shapes.session(title="Go"), shapes.prompt("m1", 1), shapes.answer("m2", "m1", 2)]
OVER: list[Change] = [
    *BUSY,
    shapes.ended("p", "Once."),
    shapes.tool("t", "completed", "a\n"),
    shapes.answer("m2", "m1", 2, done=3),
]


def judged(known: list[Change], change: Change, *, live: bool = True) -> bool:
    journal = MemoryJournal()
    mirror = Mirror(journal)
    for one in known:
        mirror.apply(one, LIVE)
    return is_outdated(change, mirror, journal, live=live)


@pytest.mark.parametrize(
    ("known", "change"),
    [
        (OVER, shapes.streaming("p")),
        (OVER, shapes.tool("t", "pending")),
        (OVER, shapes.tool("t", "running", "a\n")),
        (OVER, shapes.answer("m2", "m1", 2)),
        ([*BUSY, shapes.answer("m2", "m1", 2, error=STOPPED)], shapes.answer("m2", "m1", 2)),
        ([*BUSY, shapes.tool("t", "running", "a\nb\n")], shapes.tool("t", "running", "a\n")),
        ([*BUSY, shapes.tool("t", "running")], shapes.tool("t", "pending")),
        (BUSY, shapes.session(title="Go", time={"created": 1, "updated": 1})),
        (BUSY, shapes.session(title="New session - 2026-01-01T00:00:00.000Z")),
        ([shapes.session(tokens={"output": 50})], shapes.session(tokens={"output": 20})),
    ],
)
def test_what_is_over_is_outdated(known: list[Change], change: Change) -> None:
    assert judged(known, change)


@pytest.mark.parametrize(
    ("known", "change"),
    [
        ([], shapes.session()),
        ([], shapes.streaming("p")),
        (BUSY, shapes.streaming("p")),
        (BUSY, shapes.tool("t", "running")),
        ([*BUSY, shapes.streaming("p")], shapes.ended("p", "Once.")),
        ([*BUSY, shapes.tool("t", "pending")], shapes.tool("t", "running")),
        ([*BUSY, shapes.tool("t", "running", "a\n")], shapes.tool("t", "running", "a\nb\n")),
        ([*BUSY, shapes.tool("t", "running", "a\n")], shapes.tool("t", "running", "…b\n")),
        ([*BUSY, shapes.tool("t", "running", "a\n")], shapes.tool("t", "completed")),
        (OVER, shapes.ended("p", "Once more.")),
        (OVER, shapes.answer("m2", "m1", 2, done=4)),
        (OVER, shapes.prompt("m1", 1)),
        (BUSY, shapes.session(title="Gone")),
        ([shapes.session(tokens={"output": 20})], shapes.session(tokens={"output": 50})),
        (BUSY, shapes.session(title="New session - 2026-01-01T00:00:00.000Z", time={"created": 1, "updated": 9})),
    ],
)
def test_what_is_new_is_not(known: list[Change], change: Change) -> None:
    assert not judged(known, change)


def test_of_the_history_only_what_was_told_of_a_session_before_it_was_listed_is_outdated() -> None:
    assert judged([shapes.session(tokens={"output": 50})], shapes.session(tokens={"output": 20}), live=False)
    assert not judged(OVER, shapes.streaming("p"), live=False)
    assert not judged(OVER, shapes.answer("m2", "m1", 2), live=False)
