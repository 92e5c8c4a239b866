"""Lines and empty states that tell a person where they stand."""

import flet as ft

from app_flet.boundary import component
from app_flet.components.status import quiet
from app_flet.components.touch import read_as, region
from app_flet.glance import clock_line, log_lines, offline, uses_demo_model
from app_flet.instants import clock_time
from app_flet.screen import screen, watch
from app_flet.theme import RADIUS, Tone, ink

DEMO = "Demo model: its answers are scripted."


@component
def OfflineNotice(workstation: str = "") -> ft.Control:
    """Lines on top of every page: offline, and how old the picture is; a clock that is wrong; what is wrong with the
    log of that workstation, or of any. Nothing at all when all is well.
    """
    return ft.Column([_Offline(workstation), ClockNotice(), LogNotice(workstation)], spacing=0, tight=True)


@component
def LogNotice(workstation: str) -> ft.Control:
    """What is wrong with a workstation's log or membership."""
    texts = watch(lambda sight: log_lines(sight.model, workstation))
    dark = watch(lambda sight: sight.dark)
    return ft.Column([warning("log-warning", text, dark=dark) for text in texts], spacing=6, tight=True)


@component
def ClockNotice() -> ft.Control:
    """Says that this device's clock is wrong, by how much, and what that means here."""
    text = watch(lambda sight: clock_line(sight.model))
    dark = watch(lambda sight: sight.dark)
    return warning("clock-line", text, dark=dark, icon=ft.Icons.SCHEDULE_ROUNDED) if text else ft.Container(height=0)


@component
def _Offline(workstation: str) -> ft.Control:
    line = watch(lambda sight: offline(sight.model, workstation))
    dark = watch(lambda sight: sight.dark)
    if line is None:
        return ft.Container(height=0)
    as_of = f" — as of {clock_time(line.as_of_ms, screen().zone)}" if line.as_of_ms else ""
    colors = ink(Tone.OFFLINE, dark=dark)
    text = ft.Text(
        f"{line.text}{as_of}",
        theme_style=ft.TextThemeStyle.LABEL_MEDIUM,
        color=colors.strong,
        text_align=ft.TextAlign.CENTER,
    )
    row = ft.Row(
        [ft.Icon(ft.Icons.CLOUD_OFF_ROUNDED, size=15, color=colors.strong), text],
        alignment=ft.MainAxisAlignment.CENTER,
        spacing=8,
    )
    strip = ft.Container(row, bgcolor=colors.pale, padding=ft.Padding.symmetric(vertical=5))
    return region("offline-line", read_as(f"{line.text}{as_of}", strip))


@component
def DemoNotice(workstation: str) -> ft.Control:
    """Says that the model is scripted, wherever its answers are shown."""
    demo = watch(lambda sight: uses_demo_model(sight.model.workstations.get(workstation)))
    dark = watch(lambda sight: sight.dark)
    return warning("demo-model", DEMO, dark=dark, icon=ft.Icons.SCIENCE_OUTLINED) if demo else ft.Container(height=0)


def warning(test_id: str, text: str, *, dark: bool, icon: ft.IconData = ft.Icons.WARNING_AMBER_ROUNDED) -> ft.Control:
    """Something to know before going on."""
    colors = ink(Tone.NEEDS_YOU, dark=dark)
    words = ft.Text(text, theme_style=ft.TextThemeStyle.BODY_SMALL, color=colors.strong, expand=True)
    row = ft.Row([ft.Icon(icon, size=16, color=colors.strong), words], spacing=8)
    body = ft.Container(
        row, bgcolor=colors.pale, border_radius=RADIUS - 4, padding=ft.Padding.symmetric(horizontal=12, vertical=7)
    )
    return region(test_id, body)


def empty(icon: ft.IconData, title: str, text: str, action: ft.Control | None = None) -> ft.Control:
    """What to do next where there is nothing yet."""
    shape = ft.Container(
        ft.Icon(icon, size=34, color=ft.Colors.PRIMARY),
        width=76,
        height=76,
        border_radius=38,
        bgcolor=ft.Colors.PRIMARY_CONTAINER,
        alignment=ft.Alignment.CENTER,
    )
    words = quiet(text)
    words.text_align = ft.TextAlign.CENTER
    return ft.Container(
        ft.Column(
            [
                shape,
                ft.Text(title, theme_style=ft.TextThemeStyle.TITLE_LARGE, text_align=ft.TextAlign.CENTER),
                ft.Container(words, width=320),
                *([action] if action else []),
            ],
            horizontal_alignment=ft.CrossAxisAlignment.CENTER,
            spacing=14,
            tight=True,
        ),
        alignment=ft.Alignment.CENTER,
        padding=32,
    )
