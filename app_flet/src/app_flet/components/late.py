"""What a person decided too late, until they have seen it: what they chose, who was first, with what, and when."""

import flet as ft

from app_flet.boundary import component, keyed
from app_flet.components.decision import matter_line
from app_flet.components.status import mark
from app_flet.components.touch import region, text_button
from app_flet.glance import Need
from app_flet.screen import screen, watch
from app_flet.theme import Tone, ink, mono
from app_flet.underway import Late, late_decisions, late_words, suffix


@component
def LateDecisions(workstation: str = "", session: str = "") -> ft.Control:
    """All of them; of one session when it is named."""
    late = watch(lambda sight: late_decisions(sight.model, workstation, session))
    if not late:
        return ft.Container(height=0)
    rows: list[ft.Control] = [keyed(suffix(one.call.call_id), _Late, one) for one in late]
    return ft.Column(rows, spacing=2, horizontal_alignment=ft.CrossAxisAlignment.STRETCH, tight=True)


@component
def _Late(late: Late) -> ft.Control:
    here = screen()
    dark = watch(lambda sight: sight.dark)
    text = late_words(late, here.zone)
    tail = suffix(late.call.call_id)
    lines: list[ft.Control] = [
        ft.Text(text, theme_style=ft.TextThemeStyle.BODY_SMALL, color=ink(Tone.FAILED, dark=dark).strong)
    ]
    matter = matter_line(Need(late.call.workstation, late.record, "", "", 0)) if late.record else ""
    if matter:
        lines.append(ft.Text(matter, style=mono(12.5), max_lines=1, overflow=ft.TextOverflow.ELLIPSIS))
    seen = text_button(
        f"message-cancel:{tail}", "Understood", lambda _: here.device.outgoing.discard(late.call.call_id)
    )
    row = ft.Row([mark(Tone.OFFLINE, dark=dark), ft.Column(lines, spacing=1, expand=True), seen], spacing=10)
    return region(f"late:{late.about.rpartition('/')[2]}", row)
