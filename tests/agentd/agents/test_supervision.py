from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.agents.supervision import Answered, Ended, Policy, Restart, Supervisor, Unanswered

MIB = 1024 * 1024
POLICY = Policy(
    strikes=3, backoff_first=1.0, backoff_most=8.0, settled_after=100.0, memory_ceiling=1000, memory_limit=2000
)


def test_three_unanswered_checks_in_a_row_mean_dead() -> None:
    supervisor = Supervisor(POLICY)
    assert supervisor.step(Unanswered()) is None
    assert supervisor.suspicious
    assert supervisor.step(Unanswered()) is None
    restart = supervisor.step(Unanswered())
    assert restart == Restart("it did not answer 3 times in a row.", 1.0)
    assert not supervisor.suspicious


def test_an_answer_forgives_the_strikes_before_it() -> None:
    supervisor = Supervisor(POLICY)
    for _ in range(5):
        supervisor.step(Unanswered())
        assert supervisor.step(Unanswered()) is None
        assert supervisor.step(Answered()) is None


def test_restarts_in_a_row_wait_longer_and_longer_up_to_a_limit() -> None:
    supervisor = Supervisor(POLICY)
    delays = [restart.delay for _ in range(6) if (restart := supervisor.step(Ended()))]
    assert delays == [1, 2, 4, 8, 8, 8]


def test_a_process_that_lived_long_starts_the_backoff_anew() -> None:
    supervisor = Supervisor(POLICY)
    supervisor.step(Ended())
    supervisor.step(Ended())
    restart = supervisor.step(Ended(lived=100.0))
    assert restart is not None
    assert restart.delay == 1.0


@pytest.mark.parametrize(
    ("memory", "working", "is_replaced"),
    [(1000, False, False), (1001, False, True), (1001, True, False), (2000, True, False), (2001, True, True)],
)
def test_memory_is_a_reason_above_a_ceiling_at_rest_and_above_a_limit_at_work(
    memory: int, working: bool, is_replaced: bool
) -> None:
    supervisor = Supervisor(POLICY)
    supervisor.step(Ended())
    restart = supervisor.step(Answered(memory=memory, working=working))
    assert (restart is not None) == is_replaced
    # A planned restart is no failure: it does not wait, and the next failure waits no longer for it.
    assert restart is None or restart.delay == 0
    assert supervisor.restarts == 1


def test_a_restart_for_memory_says_in_words_how_much_was_used_and_may_be() -> None:
    supervisor = Supervisor(Policy(memory_ceiling=2048 * MIB, memory_limit=4096 * MIB))
    resting, working = (supervisor.step(Answered(memory=5000 * MIB, working=working)) for working in (False, True))
    assert resting == Restart("it used 5000 MiB of memory; 2048 MiB are allowed.", 0.0)
    assert working == Restart("it used 5000 MiB of memory; 4096 MiB are allowed while it works.", 0.0)


def test_by_default_a_turn_may_grow_to_twice_the_ceiling() -> None:
    assert Policy().memory_limit == 2 * Policy().memory_ceiling


HAPPENINGS = st.one_of(st.builds(Answered), st.just(Unanswered()), st.builds(Ended, lived=st.floats(0, 1000)))


@given(st.lists(HAPPENINGS, max_size=60))
def test_delays_stay_within_the_policy_and_strikes_below_their_limit(
    happenings: list[Answered | Unanswered | Ended],
) -> None:
    supervisor = Supervisor(POLICY)
    for happened in happenings:
        restart = supervisor.step(happened)
        assert supervisor.strikes < POLICY.strikes
        assert restart is None or 0 <= restart.delay <= POLICY.backoff_most
        assert isinstance(happened, Ended) <= (restart is not None)
