"""While you were away: the card that a session opens with after an absence, and the line above the first news."""

from collections.abc import Callable
from datetime import timedelta

import flet as ft

from app_flet.boundary import component
from app_flet.components.frames import centred
from app_flet.components.status import label, quiet
from app_flet.components.touch import Handler, icon_button, outlined_button, region
from app_flet.device import Device
from app_flet.digest import Absence, Digest, digest, figures
from app_flet.instants import DAY_MS, clock_time, instant
from app_flet.screen import screen, watch
from app_flet.theme import RADIUS, Tone, ink

COUNT_PAGES, JUMP_PAGES = 2, 12
"""How many pages of older messages are loaded at most: to count the news, and to jump to the first of them."""


@component
def AwayCard(found: Digest, jump: Handler, close: Callable[[], None]) -> ft.Control:
    """Turns, files, decisions, cost; where the news begin."""
    here = screen()
    dark = watch(lambda sight: sight.dark)
    colors = ink(Tone.WORKING, dark=dark)
    since = moment(found.since_ms, here.device.now_ms(), here.zone)
    title = ft.Row(
        [
            ft.Icon(ft.Icons.HISTORY_ROUNDED, size=18, color=colors.strong),
            ft.Text(f"While you were away, since {since}", theme_style=ft.TextThemeStyle.TITLE_SMALL, expand=True),
            icon_button("digest-close", ft.Icons.CLOSE_ROUNDED, "Close", lambda _: close()),
        ],
        spacing=8,
    )
    rows: list[ft.Control] = [
        title,
        ft.Text(" · ".join(figures(found)), theme_style=ft.TextThemeStyle.BODY_MEDIUM),
        *(quiet(line, lines=2) for line in found.decisions),
        ft.Row([outlined_button("digest-jump", "Jump to the first new", jump, icon=ft.Icons.ARROW_UPWARD_ROUNDED)]),
    ]
    card = ft.Container(
        ft.Column(rows, spacing=6, horizontal_alignment=ft.CrossAxisAlignment.STRETCH, tight=True),
        bgcolor=colors.pale,
        border_radius=RADIUS,
        padding=ft.Padding.only(left=14, right=6, top=2, bottom=10),
    )
    return region("digest", centred(card, padding=ft.Padding.symmetric(horizontal=8, vertical=4)))


def moment(at_ms: int, now_ms: int, zone: timedelta) -> str:
    """`14:02`, or `20 Nov, 14:02` when that is more than a day ago."""
    time = clock_time(at_ms, zone)
    return time if now_ms - at_ms < DAY_MS else f"{(instant(at_ms) + zone).strftime('%d %b').lstrip('0')}, {time}"


def load_news(device: Device, workstation: str, session: str, away: Absence | None, pages: int = JUMP_PAGES) -> None:
    """Loads older messages until the first new one is among them, or it is time to scroll by hand."""
    for _ in range(pages):
        found = digest(device.model, workstation, session, away) if away else None
        if found is None or found.is_whole:
            return
        device.open_older(workstation, session)


@component
def NewsLine() -> ft.Control:
    """Above the first new message."""
    dark = watch(lambda sight: sight.dark)
    color = ink(Tone.WORKING, dark=dark).strong
    rule = ft.Container(ft.Divider(height=1, color=color), expand=True)
    return region(
        "first-new",
        ft.Row([rule, label("New", color), ft.Container(ft.Divider(height=1, color=color), expand=True)], spacing=10),
    )
