import pytest

from wire.network import ANYWHERE, LOOPBACK, Move, Place, towards


@pytest.mark.parametrize(
    ("looks", "moves"),
    [
        (["a", "a"], [Move.STAYED, Move.STAYED]),
        (["a", "b", "b"], [Move.STAYED, Move.MOVED, Move.STAYED]),
        (["a", "", "", "a", "a"], [Move.STAYED, Move.GONE, Move.STAYED, Move.BACK, Move.STAYED]),
        (["a", "", "b"], [Move.STAYED, Move.GONE, Move.MOVED]),
        (["", "a"], [Move.GONE, Move.BACK]),
    ],
)
def test_each_look_tells_what_happened_since_the_last(looks: list[str], moves: list[Move]) -> None:
    place, found = Place(), []
    for address in looks:
        move, place = place.seen(address)
        found.append(move)
    assert found == moves


@pytest.mark.parametrize(
    ("host", "there"),
    [
        ("localhost", LOOPBACK),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("[fd00::2]", "fd00::2"),
        ("192.168.1.5", "192.168.1.5"),
        ("relay.example.org", ANYWHERE),
        ("", ANYWHERE),
    ],
)
def test_a_name_is_never_looked_up(host: str, there: str) -> None:
    assert towards(host) == there
