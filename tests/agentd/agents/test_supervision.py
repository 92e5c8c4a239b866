from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentd.agents.supervision import Answered, Ended, Policy, Restart, Supervisor, Unanswered

POLICY = Policy(strikes=3, backoff_first=1.0, backoff_most=8.0, settled_after=100.0, memory_ceiling=1000)


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


def test_memory_is_a_reason_only_while_nobody_works_and_is_no_failure() -> None:
    supervisor = Supervisor(POLICY)
    assert supervisor.step(Answered(memory=1000)) is None
    assert supervisor.step(Answered(memory=1001, working=True)) is None
    restart = supervisor.step(Answered(memory=1001))
    assert restart is not None
    assert restart.delay == 0
    assert "memory" in restart.reason
    assert supervisor.restarts == 0


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
