import pytest

from app_flet.whereabouts import TICK_SECONDS, Whereabouts, own_address
from wire.network import ANYWHERE, LOOPBACK

TICK_MS = round(TICK_SECONDS * 1000)
RELAYS = ("https://relay.example.org", "http://localhost:8787")
HOME = {ANYWHERE: "192.168.1.20", LOOPBACK: LOOPBACK}
TRAIN = {ANYWHERE: "10.44.0.7", LOOPBACK: LOOPBACK}
NOWHERE = {ANYWHERE: "", LOOPBACK: LOOPBACK}


@pytest.mark.parametrize(
    ("passed_ms", "then", "changed"),
    [
        (TICK_MS, HOME, False),
        (TICK_MS + 9_000, HOME, False),
        (TICK_MS + 11_000, HOME, True),
        (-3_600_000, HOME, True),
        (TICK_MS, TRAIN, True),
        (TICK_MS, NOWHERE, True),
    ],
    ids=["nothing", "busy", "slept", "clock set back", "another network", "no network"],
)
def test_what_may_have_killed_a_link(*, passed_ms: int, then: dict[str, str], changed: bool) -> None:
    now, place = [1_000_000], dict(HOME)
    device = Whereabouts(RELAYS, lambda: now[0], lambda there: place[there])
    now[0] += passed_ms
    place.update(then)
    assert device.changed() is changed
    now[0] += TICK_MS
    assert not device.changed(), "it is told once"


def test_this_machine_is_asked_without_a_word_to_anybody() -> None:
    assert own_address(LOOPBACK) == LOOPBACK
