"""Two rounds of chaos on the real thing. Long runs are `make chaos` and `python -m bench.chaos`."""

from pathlib import Path

import pytest

from tests.chaos.driver import run
from tests.chaos.plan import Break, Decide, Fault, Pocket, Round, Say, Shape, Work

SHAPE = Shape(apps=2, slots=2)
# Chosen, not drawn, so that it takes seconds: an OpenCode that dies needs two or three to come back.
BEGINNING = Round(
    0,
    (Say(0.0, 0, 0, "t0x0", Work.RUN, fresh=True), Say(0.0, 1, 1, "t0x1", Work.SAY, fresh=True)),
    (Decide("t0x0", 1, allow=True, delay=0.0),),
    (Break(0.5, Fault.KILL, "relay", 0.2), Break(0.3, Fault.CUT, "link agentd", 0.5)),
)
GOING_ON = Round(
    1,
    (
        Say(0.0, 0, 1, "t1x0", Work.RUN, fresh=False),
        Say(0.1, 1, 0, "t1x1", Work.ASK, fresh=False),
        Say(0.2, 0, 1, "t1x2", Work.SAY, fresh=False),
    ),
    (
        Decide("t1x0", 1, allow=False, delay=0.0, word="Not that one."),
        Decide("t1x0", 0, allow=True, delay=0.3),
        Decide("t1x1", 0, allow=True, delay=0.1),
    ),
    (
        Break(0.2, Fault.KILL, "app0", 0.2),
        Break(0.4, Fault.LOSE_DATABASE, "relay", 0.2),
        Break(0.5, Fault.HALF_OPEN, "link app1", 0.3),
    ),
    (Pocket(0.3, 1, 0.5),),
)


@pytest.mark.timeout(180)
async def test_nothing_is_lost_or_done_twice_while_everything_breaks(tmp_path: Path) -> None:
    came_of = await run(tmp_path, [BEGINNING, GOING_ON], SHAPE)
    assert [what for played in came_of.rounds for what in played.verdict.all] == []
    assert came_of.kills == {"relay SIGKILL": 2, "app SIGKILL": 1}
    assert came_of.faults == {"cut": 1, "half-open": 1, "database deleted": 1}
    assert came_of.rounds[-1].acknowledged >= 4
    assert came_of.ends_of_prompts.total() == came_of.rounds[-1].acknowledged
    assert not [end for end in came_of.ends_of_prompts if end.startswith(("REFUSED", "EXPIRED"))]
    assert came_of.ends_of_decisions.total() == came_of.rounds[-1].decisions
