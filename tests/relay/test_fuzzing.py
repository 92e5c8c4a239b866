"""Hostile frames at every door: nothing dies, nothing acknowledged is lost, neighbours go on."""

from pathlib import Path

from tests.relay.fuzzing import DOORS, fuzz

FRAMES = 5_000
"""Per door. `python -m tests.relay.fuzzing` sends a hundred thousand."""


async def test_every_door_stands(tmp_path: Path) -> None:
    tallies = await fuzz(tmp_path, FRAMES)
    assert set(tallies) == set(DOORS)
    for tally in tallies.values():
        assert tally.frames >= FRAMES
        assert tally.refusals["MALFORMED"] > 100
        assert tally.refusals["good order"] > 10
