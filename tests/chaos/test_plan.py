"""A seed is a run: everything is drawn before anything happens."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from agentd.demo.script import Conversation, Message, choose
from tests.chaos.plan import OF_LINKS, Fault, Shape, Work, draw_rounds
from tests.chaos.words import prompt, token_in

SHAPE = Shape()


@given(st.integers(0, 2**32))
def test_a_seed_replays(seed: int) -> None:
    assert draw_rounds(seed, 5, SHAPE) == draw_rounds(seed, 5, SHAPE)


@given(st.integers(0, 2**32), st.integers(1, 8))
def test_a_longer_run_begins_like_a_shorter_one(seed: int, rounds: int) -> None:
    assert draw_rounds(seed, 10, SHAPE)[: rounds + 1] == draw_rounds(seed, rounds, SHAPE)


@given(st.integers(0, 2**32))
def test_every_token_is_said_once_and_decided_at_least_once(seed: int) -> None:
    rounds = draw_rounds(seed, 20, SHAPE)
    tokens = [say.token for plan in rounds for say in plan.says]
    assert len(tokens) == len(set(tokens))
    assert {one.token for plan in rounds for one in plan.decides} == set(tokens)


def test_a_long_run_meets_every_fault_on_everything_that_can_have_it() -> None:
    broken = {(one.fault, one.target.rstrip("0123")) for plan in draw_rounds(1, 300, SHAPE) for one in plan.breaks}
    signals = {(f, p) for f in (Fault.KILL, Fault.TERM, Fault.FREEZE) for p in Shape().parts}
    of_links = {(fault, f"link {name}") for fault in OF_LINKS for name in ("agentd", "app")}
    assert broken == signals | of_links | {(Fault.LOSE_DATABASE, "relay"), (Fault.FILL_DISK, "relay")}


def test_in_a_long_run_every_app_is_put_away_and_taken_out_again() -> None:
    pockets = [pocket for plan in draw_rounds(1, 300, SHAPE) for pocket in plan.pockets]
    assert {pocket.app for pocket in pockets} == set(range(SHAPE.apps))
    assert 0 < min(pocket.seconds for pocket in pockets) < max(pocket.seconds for pocket in pockets)


def test_only_what_a_shape_allows_breaks() -> None:
    shape = Shape(apps=1, parts=("relay",), faults=(Fault.KILL,))
    assert {(one.fault, one.target) for plan in draw_rounds(3, 50, shape) for one in plan.breaks} == {
        (Fault.KILL, "relay")
    }


def test_the_model_follows_every_kind_of_prompt_to_its_end() -> None:
    for work in Work:
        said = Message("user", prompt("t3x1", work))
        turns = [
            choose(Conversation("", (said, *[Message("assistant", "")] * n), frozenset({"bash"})), ())
            for n in (0, 1, 2, 3)
        ]
        spoken = json.dumps([turn.model_dump() for turn in turns])
        assert "t3x1" in spoken
        assert "The script has ended." in spoken


def test_tokens_are_found_in_all_that_they_are_written_into() -> None:
    assert token_in("Order t12x3.\n") == "t12x3"
    assert token_in("echo t12x3b >> effects.txt") == "t12x3"
    assert token_in("cat at12x3.txt") == ""
    assert all(re.search(r"\bt1x0\b", prompt("t1x0", work)) for work in Work)
