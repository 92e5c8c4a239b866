"""Choosing one of several: a card that says what is chosen, and unfolds to the choices where it stands."""

from collections.abc import Callable, Mapping

import flet as ft

from app_flet.boundary import component
from app_flet.components.status import quiet
from app_flet.components.touch import Entry, field, tappable
from app_flet.screen import kept, local
from app_flet.theme import RADIUS

SEARCH_ABOVE = 8
SHOWN = 30


@component
def Picker(
    test_id: str, name: str, offered: Mapping[str, str], chosen: str, choose: Callable[[str], None]
) -> ft.Control:
    """`offered`: value → what a person reads; `choose` gets the value."""
    is_open, set_open = local(initial=False)
    entry = kept(Entry)
    sought, seek = local("")

    def pick(value: str) -> None:
        set_open(False)
        seek("")
        entry.put("")
        choose(value)

    words = ft.Column(
        [
            quiet(name),
            ft.Text(offered.get(chosen, "none yet"), theme_style=ft.TextThemeStyle.BODY_LARGE, max_lines=1),
        ],
        spacing=0,
        expand=True,
    )
    arrow = ft.Icons.UNFOLD_LESS_ROUNDED if is_open else ft.Icons.UNFOLD_MORE_ROUNDED
    head = ft.Row([words, ft.Icon(arrow, size=20, color=ft.Colors.ON_SURFACE_VARIANT)])
    padding = ft.Padding.symmetric(horizontal=14, vertical=8)
    card = tappable(test_id, head, lambda _: set_open(not is_open), padding=padding)
    if not is_open:
        return card
    search = field(f"{test_id}-search", entry, "Search", on_change=lambda _: seek(entry.text.lower()), dense=True)
    found = [(value, text) for value, text in offered.items() if sought in f"{text} {value}".lower()]
    rows = [_option(test_id, value, text, pick, is_chosen=value == chosen) for value, text in found[:SHOWN]]
    if len(found) > SHOWN:
        rows.append(quiet(f"{len(found) - SHOWN} more: search for them."))
    if len(offered) > SEARCH_ABOVE:
        rows.insert(0, search)
    unfolded = ft.Container(
        ft.Column(rows, spacing=2, horizontal_alignment=ft.CrossAxisAlignment.STRETCH, tight=True),
        border=ft.Border.all(1, ft.Colors.OUTLINE_VARIANT),
        border_radius=RADIUS,
        padding=6,
    )
    return ft.Column([card, unfolded], spacing=4, horizontal_alignment=ft.CrossAxisAlignment.STRETCH, tight=True)


def _option(test_id: str, value: str, text: str, pick: Callable[[str], None], *, is_chosen: bool) -> ft.Control:
    icon = ft.Icons.RADIO_BUTTON_CHECKED_ROUNDED if is_chosen else ft.Icons.RADIO_BUTTON_OFF_ROUNDED
    row = ft.Row([ft.Icon(icon, size=20, color=ft.Colors.PRIMARY), ft.Text(text, expand=True)], spacing=12)
    return tappable(f"{test_id}-option", row, lambda _: pick(value), padding=11, bgcolor=ft.Colors.TRANSPARENT)
