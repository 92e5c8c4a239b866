"""Surfaces that things stand on."""

import flet as ft

from app_flet.components.touch import region
from app_flet.theme import RADIUS, TEXT_WIDTH, Tone, ink

EDGE = 4


def asking_frame(test_id: str, body: list[ft.Control], *, dark: bool) -> ft.Control:
    """The card of something that waits for a person: the accent along its left edge."""
    inner = ft.Container(
        ft.Column(body, spacing=10, horizontal_alignment=ft.CrossAxisAlignment.STRETCH, tight=True),
        padding=ft.Padding.only(left=14 + EDGE, right=14, top=12, bottom=12),
    )
    accent = ft.Container(width=EDGE, bgcolor=ink(Tone.NEEDS_YOU, dark=dark).strong, left=0, top=0, bottom=0)
    card = ft.Container(
        ft.Stack([inner, accent]),
        bgcolor=ft.Colors.SURFACE_CONTAINER_LOW,
        border_radius=RADIUS,
        clip_behavior=ft.ClipBehavior.ANTI_ALIAS,
    )
    return region(test_id, card)


def centred(content: ft.Control, *, width: int = TEXT_WIDTH, padding: ft.PaddingValue = 0) -> ft.Control:
    """Content no wider than lines can be read, in the middle of what there is."""
    limited = ft.Container(content, width=width, padding=padding)
    return ft.Row([ft.Container(limited, expand=True, alignment=ft.Alignment.CENTER)])


def page_body(top: ft.Control, body: ft.Control, *, width: int | None = None) -> ft.Control:
    """A screen: the thin line on top, and what fills the rest."""
    if width is not None:
        limited = ft.Container(body, width=width, expand=True)
        filled: ft.Control = ft.Row(
            [ft.Container(limited, expand=True, alignment=ft.Alignment.TOP_CENTER)], expand=True
        )
    else:
        filled = body
    return ft.Column([top, filled], spacing=0, expand=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)
