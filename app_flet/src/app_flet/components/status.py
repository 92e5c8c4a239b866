"""Status as colour, shape and word: never by colour alone."""

import flet as ft

from app_flet.glance import Standing
from app_flet.theme import RADIUS, Tone, ink

SHAPES = {
    Tone.WORKING: ft.Icons.CHANGE_HISTORY_ROUNDED,
    Tone.NEEDS_YOU: ft.Icons.PRIORITY_HIGH_ROUNDED,
    Tone.DONE: ft.Icons.CHECK_CIRCLE_ROUNDED,
    Tone.FAILED: ft.Icons.DANGEROUS_ROUNDED,
    Tone.OFFLINE: ft.Icons.CLOUD_OFF_ROUNDED,
    Tone.QUIET: ft.Icons.REMOVE_ROUNDED,
}
TONES = {
    Standing.NEEDS_YOU: Tone.NEEDS_YOU,
    Standing.WORKING: Tone.WORKING,
    Standing.RETRYING: Tone.WORKING,
    Standing.FAILED: Tone.FAILED,
    Standing.INTERRUPTED: Tone.FAILED,
    Standing.DONE: Tone.DONE,
}


def mark(tone: Tone, *, dark: bool, size: float = 18) -> ft.Control:
    """The shape of a status; what works, moves."""
    color = ink(tone, dark=dark).strong
    if tone is Tone.WORKING:
        ring = ft.ProgressRing(width=size - 4, height=size - 4, stroke_width=2, color=color)
        return ft.Container(ring, width=size, height=size, alignment=ft.Alignment.CENTER)
    return ft.Icon(SHAPES[tone], size=size, color=color)


def badge(tone: Tone, text: str, *, dark: bool) -> ft.Control:
    """A status with its word."""
    colors = ink(tone, dark=dark)
    return ft.Container(
        ft.Row(
            [mark(tone, dark=dark, size=14), label(text, colors.strong)],
            spacing=5,
            tight=True,
            vertical_alignment=ft.CrossAxisAlignment.CENTER,
        ),
        bgcolor=colors.pale,
        border_radius=RADIUS,
        padding=ft.Padding.symmetric(horizontal=9, vertical=4),
    )


def label(text: str, color: str | None = None) -> ft.Text:
    """Small words."""
    return ft.Text(text, theme_style=ft.TextThemeStyle.LABEL_SMALL, color=color, no_wrap=True)


def quiet(text: str, *, lines: int | None = None) -> ft.Text:
    """Words of second rank."""
    return ft.Text(
        text,
        theme_style=ft.TextThemeStyle.BODY_SMALL,
        color=ft.Colors.ON_SURFACE_VARIANT,
        max_lines=lines,
        overflow=ft.TextOverflow.ELLIPSIS if lines else ft.TextOverflow.CLIP,
    )


def heading(text: str) -> ft.Control:
    """The name of a group."""
    words = ft.Text(text, theme_style=ft.TextThemeStyle.TITLE_SMALL, color=ft.Colors.ON_SURFACE_VARIANT)
    return ft.Semantics(header=True, content=ft.Container(words, padding=ft.Padding.only(left=4, top=14, bottom=2)))


def changed_lines(additions: int, deletions: int, *, dark: bool) -> ft.Control:
    """`+12 -3` in the colours of a diff."""
    return ft.Row(
        [
            label(f"+{additions}", ink(Tone.DONE, dark=dark).strong),
            label(f"-{deletions}", ink(Tone.FAILED, dark=dark).strong),
        ],
        spacing=6,
        tight=True,
    )
