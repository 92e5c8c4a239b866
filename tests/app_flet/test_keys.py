import pytest

from app_flet.keys import Action, action


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
