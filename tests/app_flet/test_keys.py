import pytest

from app_flet.keys import PAUSE_MS, Action, Typing, action


@pytest.mark.parametrize(
    ("key", "ctrl", "typing", "expected"),
    [
        ("Enter", True, True, Action.SEND),
        ("Enter", False, True, None),
        ("Escape", False, True, Action.STOP),
        ("A", False, False, Action.ALLOW),
        ("a", False, True, None),
        ("d", True, False, None),
        ("j", False, False, Action.NEXT),
        ("k", False, False, Action.PREVIOUS),
        ("n", False, False, Action.NEW),
        ("x", False, False, None),
    ],
)
def test_keys_mean_what_the_table_says(key: str, ctrl: bool, typing: bool, expected: Action | None) -> None:
    assert action(key, ctrl=ctrl, alt=False, typing=typing) is expected


def test_a_word_that_is_typed_on_after_its_field_lost_the_focus_is_no_shortcut() -> None:
    typing = Typing().moved(0, in_field=True).moved(100, in_field=False)
    for now_ms in range(500, 20_000, PAUSE_MS - 1):
        typed, typing = typing.pressed(now_ms)
        assert typed


def test_after_a_pause_letters_are_shortcuts_again_one_after_the_other() -> None:
    typing = Typing().moved(100, in_field=False)
    for now_ms in (100 + PAUSE_MS, 101 + PAUSE_MS):
        typed, typing = typing.pressed(now_ms)
        assert not typed


def test_in_a_field_every_letter_is_typed_however_long_the_pause() -> None:
    assert Typing().moved(0, in_field=True).pressed(10 * PAUSE_MS)[0]
    assert not Typing().pressed(0)[0]
