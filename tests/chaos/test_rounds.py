"""A few rounds of chaos on the real thing. Long runs are `make chaos` and `python -m bench.chaos`."""

from pathlib import Path

import pytest

from tests.chaos.driver import run
from tests.chaos.plan import Fault, Shape, draw_rounds

SEED = 11
# An OpenCode that dies takes six seconds to come back, too long for every `make test`.
SHAPE = Shape(
    apps=2,
    slots=2,
    parts=("relay", "app"),
    faults=(Fault.KILL, Fault.LOSE_DATABASE, Fault.CUT, Fault.HALF_OPEN, Fault.DELAY, Fault.REORDER),
)


@pytest.mark.timeout(100)
async def test_nothing_is_lost_or_done_twice_while_everything_breaks(tmp_path: Path) -> None:
    came_of = await run(tmp_path, draw_rounds(SEED, 2, SHAPE), SHAPE)
    assert [what for played in came_of.rounds for what in played.verdict.all] == []
    assert len(came_of.rounds) == 3
    assert came_of.kills.total() + came_of.faults.total() >= 1
    assert came_of.rounds[-1].acknowledged >= 4
