"""One session in a list: what it is doing, where, and what it changed."""

import flet as ft

from app_flet.boundary import component
from app_flet.components.message_state import retry, way_buttons
from app_flet.components.status import TONES, badge, changed_lines, label, mark, quiet
from app_flet.components.touch import region, tappable
from app_flet.glance import Beginning, Group, SessionLine, Standing
from app_flet.instants import ago
from app_flet.route import Page, Place
from app_flet.screen import screen, watch
from app_flet.theme import Tone, ink
from app_flet.underway import Way, place, ways_on, withdrawing


@component
def SessionRow(line: SessionLine) -> ft.Control:
    """A row that leads to the session."""
    here = screen()
    dark = watch(lambda sight: sight.dark)
    minutes = watch(lambda sight: ago(line.update_ms, sight.now_ms))
    is_here = watch(lambda sight: sight.wide and sight.place.session == line.name)
    is_new = line.group is Group.NEW
    title = ft.Text(
        line.title,
        theme_style=ft.TextThemeStyle.TITLE_MEDIUM if is_new else ft.TextThemeStyle.BODY_LARGE,
        max_lines=1,
        overflow=ft.TextOverflow.ELLIPSIS,
        expand=True,
    )
    second: list[ft.Control] = [ft.Container(quiet(_where(line), lines=1), expand=True)]
    if line.files:
        second.append(changed_lines(line.additions, line.deletions, dark=dark))
    content = ft.Row(
        [
            mark(TONES[line.standing], dark=dark),
            ft.Column(
                [
                    ft.Row([title, label(minutes, ft.Colors.ON_SURFACE_VARIANT)], spacing=8),
                    ft.Row(second, spacing=8),
                    *_third(line, dark=dark),
                ],
                spacing=2,
                expand=True,
            ),
        ],
        spacing=12,
        vertical_alignment=ft.CrossAxisAlignment.START,
    )
    return tappable(
        f"session:{line.id}",
        content,
        lambda _: here.go(Place(Page.SESSION, line.workstation, session=line.name)),
        padding=ft.Padding.symmetric(horizontal=14, vertical=11),
        bgcolor=ft.Colors.SECONDARY_CONTAINER if is_here else None,
    )


def _where(line: SessionLine) -> str:
    return " · ".join(filter(None, [line.project, line.workstation_label]))


def _third(line: SessionLine, *, dark: bool) -> list[ft.Control]:
    """What deserves a look."""
    failed = "1 message was not taken" if line.failed == 1 else f"{line.failed} messages were not taken"
    own = [ft.Row([badge(Tone.FAILED, failed, dark=dark)])] if line.failed else []
    return [*own, *_state(line, dark=dark)]


def _state(line: SessionLine, *, dark: bool) -> list[ft.Control]:
    if line.standing is Standing.NEEDS_YOU:
        waiting = "1 decision waits" if line.needs == 1 else f"{line.needs} decisions wait"
        return [ft.Row([badge(Tone.NEEDS_YOU, waiting, dark=dark)])]
    if line.standing in (Standing.FAILED, Standing.RETRYING, Standing.INTERRUPTED):
        text = line.detail or line.standing.value
        color = ink(TONES[line.standing], dark=dark).strong
        return [ft.Text(text, theme_style=ft.TextThemeStyle.BODY_SMALL, color=color, max_lines=2)]
    return []


@component
def BeginningRow(beginning: Beginning) -> ft.Control:
    """A session that is on its way to the workstation, or was refused."""
    here = screen()
    dark = watch(lambda sight: sight.dark)
    call = beginning.call
    wanted_back = watch(lambda sight: call.call_id in withdrawing(sight.model))

    def edit(_: object) -> None:
        here.device.outgoing.take_back(call.call_id, draft="new", text=beginning.prompt)
        here.go(Place(Page.NEW))

    tone = Tone.FAILED if call.error else Tone.WORKING
    where = place(call, is_withdrawing=wanted_back)
    state = where if call.error else f"Starting — {where}"
    lines: list[ft.Control] = [
        ft.Text(beginning.prompt or "New session", max_lines=1, overflow=ft.TextOverflow.ELLIPSIS),
        region(
            "beginning-state",
            ft.Text(state, theme_style=ft.TextThemeStyle.BODY_SMALL, color=ink(tone, dark=dark).strong),
        ),
    ]
    buttons = way_buttons(call, ways_on(call, is_withdrawing=wanted_back), {Way.EDIT: edit, Way.RETRY: retry(call)})
    if buttons:
        lines.append(ft.Row(buttons, spacing=4, wrap=True))
    row = ft.Row([mark(tone, dark=dark), ft.Column(lines, spacing=2, expand=True)], spacing=12)
    return ft.Container(row, padding=ft.Padding.symmetric(horizontal=14, vertical=10))
