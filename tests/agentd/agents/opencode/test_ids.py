from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from agentd.agents.opencode.ids import MessageIds, message_id, part_id

# Drawn by OpenCode 1.18.33 at 1795175449606 ms.
THEIRS = "msg_1f8cb8406001LdP5YAFrSq2HAH"
CHANCE = bytes(range(14))


def test_ids_have_the_form_and_the_time_of_opencodes_own() -> None:
    ours = message_id(1795175449606, 1, CHANCE)
    assert re.fullmatch(r"msg_[0-9a-f]{12}[0-9A-Za-z]{14}", ours)
    assert ours[:16] == THEIRS[:16]


@given(st.lists(st.integers(1_795_000_000_000, 1_796_000_000_000), min_size=2, max_size=50))
def test_ids_ascend_even_when_the_clock_steps_back(times: list[int]) -> None:
    ids = MessageIds()
    drawn = [ids.draw(now, CHANCE) for now in times]
    assert drawn == sorted(drawn)
    assert len(set(drawn)) == len(drawn)


def test_more_ids_than_a_millisecond_holds_still_ascend() -> None:
    ids = MessageIds()
    drawn = [ids.draw(1_795_000_000_000, CHANCE) for _ in range(4100)]
    assert drawn == sorted(set(drawn))


def test_a_prompts_parts_have_the_same_ids_every_time() -> None:
    assert part_id(THEIRS, 0) == part_id(THEIRS, 0) == "prt_1f8cb8406001LdP5YAFrSq2H00"
    assert part_id(THEIRS, 1) != part_id(THEIRS, 0)
