"""When a process has ended: gone, or a zombie."""

import psutil

from agentd.ended import has_ended, wait_until_ended
from tests.fakes.unasked import unasked

LONGER_THAN_A_TEST_MAY_TAKE = 3600


def test_a_zombie_has_ended_and_is_not_waited_for() -> None:
    with unasked("pass") as zombie:
        assert wait_until_ended([zombie], LONGER_THAN_A_TEST_MAY_TAKE) == []
        assert zombie.status() == psutil.STATUS_ZOMBIE
        assert has_ended(zombie)
    assert wait_until_ended([zombie], LONGER_THAN_A_TEST_MAY_TAKE) == []


def test_what_still_runs_is_told() -> None:
    with unasked("time.sleep(3600)") as running, unasked("pass") as zombie:
        assert wait_until_ended([zombie], LONGER_THAN_A_TEST_MAY_TAKE) == []
        assert wait_until_ended([running, zombie], 0) == [running]
        assert not has_ended(running)
        running.kill()
        assert wait_until_ended([running, zombie], LONGER_THAN_A_TEST_MAY_TAKE) == []
