import pytest

from app_flet.theme import ADDED, DARK, LIGHT, TAKEN, Ink

SURFACES = {"light": ("#f7f9fc", "#ffffff"), "dark": ("#101418", "#171c21")}


def luminance(color: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


PAIRS = [
    *(("light", ink) for ink in [*LIGHT.values(), ADDED[False], TAKEN[False]]),
    *(("dark", ink) for ink in [*DARK.values(), ADDED[True], TAKEN[True]]),
]


@pytest.mark.parametrize(("brightness", "ink"), PAIRS)
def test_every_status_colour_can_be_read_on_what_it_stands_on(brightness: str, ink: Ink) -> None:
    for surface in (*SURFACES[brightness], ink.pale):
        assert contrast(ink.strong, surface) >= 4.5, (ink, surface)
