"""How Halyard looks: one seed colour, one accent for what needs a person, fixed colours and shapes for status.

Contrast: every pair of colours here is at least 4.5:1 on the surfaces it is used on, light and dark.
"""

from dataclasses import dataclass
from enum import StrEnum

import flet as ft

SEED = "#1d6fa5"
MONO = "mono"
FONTS = {MONO: "/fonts/Mono-Regular.ttf"}
RADIUS = 14
TARGET = 44
"""Smallest side of anything to be tapped, in logical pixels."""
WIDE = 840
"""From this width on: two panes."""
LIST_PANE = 400
TEXT_WIDTH = 760
"""Lines longer than this are hard to read."""


class Tone(StrEnum):
    """What a colour says."""

    WORKING = "working"
    NEEDS_YOU = "needs you"
    DONE = "done"
    FAILED = "failed"
    OFFLINE = "offline"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Ink:
    """A colour for text and shapes, and a pale one to lay behind it."""

    strong: str
    pale: str


LIGHT = {
    Tone.WORKING: Ink("#1a5fb4", "#e3eefb"),
    Tone.NEEDS_YOU: Ink("#8a5300", "#ffefd1"),
    Tone.DONE: Ink("#1e6b3a", "#e0f3e6"),
    Tone.FAILED: Ink("#b3261e", "#fce8e6"),
    Tone.OFFLINE: Ink("#5b636b", "#e9ecef"),
    Tone.QUIET: Ink("#56606a", "#eef1f4"),
}
DARK = {
    Tone.WORKING: Ink("#8ec2ff", "#17304d"),
    Tone.NEEDS_YOU: Ink("#ffc15e", "#40300f"),
    Tone.DONE: Ink("#7fd49a", "#17351f"),
    Tone.FAILED: Ink("#ffb4ab", "#4a1f1b"),
    Tone.OFFLINE: Ink("#a6aeb6", "#262c32"),
    Tone.QUIET: Ink("#a7b0b9", "#22282e"),
}
ADDED = {False: Ink("#1e6b3a", "#e2f5e8"), True: Ink("#8fdba8", "#16301d")}
TAKEN = {False: Ink("#a3261f", "#fdeae8"), True: Ink("#ffb3ac", "#3f1c19")}


def ink(tone: Tone, *, dark: bool) -> Ink:
    """The colours of `tone`."""
    return (DARK if dark else LIGHT)[tone]


def theme(*, dark: bool, text_scale: float) -> ft.Theme:
    """Material 3 from the seed; text sizes times `text_scale`."""
    surfaces = (
        {"surface": "#101418", "on_surface": "#e3e8ed", "surface_container_low": "#171c21"}
        if dark
        else {"surface": "#f7f9fc", "on_surface": "#15191d", "surface_container_low": "#ffffff"}
    )
    return ft.Theme(
        color_scheme_seed=SEED,
        color_scheme=ft.ColorScheme(**surfaces),
        use_material3=True,
        visual_density=ft.VisualDensity.STANDARD,
        text_theme=_texts(text_scale, surfaces["on_surface"]),
        page_transitions=ft.PageTransitionsTheme(
            android=ft.PageTransitionTheme.FADE_FORWARDS,
            linux=ft.PageTransitionTheme.NONE,
            macos=ft.PageTransitionTheme.NONE,
            windows=ft.PageTransitionTheme.NONE,
        ),
    )


def _texts(scale: float, color: str) -> ft.TextTheme:
    # A text style without a colour is black, whatever the scheme says.
    def sized(size: float, weight: ft.FontWeight = ft.FontWeight.W_400, height: float = 1.4) -> ft.TextStyle:
        return ft.TextStyle(size=round(size * scale, 1), weight=weight, height=height, color=color)

    return ft.TextTheme(
        headline_small=sized(22, ft.FontWeight.W_600, 1.25),
        title_large=sized(20, ft.FontWeight.W_600, 1.25),
        title_medium=sized(16, ft.FontWeight.W_600, 1.3),
        title_small=sized(14, ft.FontWeight.W_600, 1.3),
        body_large=sized(16),
        body_medium=sized(15),
        body_small=sized(13),
        label_large=sized(14, ft.FontWeight.W_600, 1.2),
        label_medium=sized(13, ft.FontWeight.W_500, 1.2),
        label_small=sized(12, ft.FontWeight.W_500, 1.2),
    )


def mono(size: float = 13.5, color: str | None = None) -> ft.TextStyle:
    """Commands, diffs, code, ids."""
    return ft.TextStyle(font_family=MONO, size=size, color=color, height=1.45)
