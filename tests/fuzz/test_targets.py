"""Every fuzzed part takes its seeds, what was once found, and bytes that Hypothesis draws."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import agentd_targets
from tests.fuzz.draw import Draw
from tests.fuzz.targets import FOUND, TARGETS, found

SLOW = {"pairing", "app_link", "agentd_link", "agentd_call", "operator_call"}


@pytest.fixture(scope="module", autouse=True)
def nothing_runs_on() -> Iterator[None]:
    yield
    agentd_targets.close()


every_target = pytest.mark.parametrize("name", TARGETS)


@every_target
def test_seeds_and_what_was_once_found_are_taken(name: str) -> None:
    target = TARGETS[name]
    for data in [b"", *target.seeds(), *found(name)]:
        target.run(data)


@every_target
def test_any_bytes_are_taken(name: str) -> None:
    @settings(
        max_examples=25 if name in SLOW else 150, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(st.binary(max_size=400))
    def takes(data: bytes) -> None:
        TARGETS[name].run(data)

    takes()


def test_what_was_found_belongs_to_a_target() -> None:
    assert {path.name for path in FOUND.glob("*")} <= set(TARGETS)


def test_a_draw_never_ends() -> None:
    draw = Draw(b"\x05abc")
    assert (draw.below(4), draw.take(2), draw.number(2), draw.below(300), draw.chunk()) == (1, b"ab", 0x63, 0, b"")
    assert draw.is_spent
