"""Now: what needs you, and where everything stands. The first screen, without a spinner, from the replica."""

import flet as ft

from app_flet.boundary import component, keyed
from app_flet.components.decision import DecidedLine, DecisionCard
from app_flet.components.frames import page_body
from app_flet.components.late import LateDecisions
from app_flet.components.notices import OfflineNotice, empty
from app_flet.components.question import QuestionCard
from app_flet.components.session_line import BeginningRow, SessionRow
from app_flet.components.status import heading, label
from app_flet.components.touch import filled_button, icon_button, tappable
from app_flet.glance import (
    Group,
    Need,
    SessionLines,
    beginnings,
    just_decided,
    needs,
    projects,
    workstation_name,
)
from app_flet.instants import ago
from app_flet.model import WorkstationView
from app_flet.route import Page, Place
from app_flet.screen import Sight, kept, screen, watch
from app_flet.theme import Tone, ink

EARLIER_SHOWN = 12


@component
def NowPage() -> ft.Control:
    """The whole screen."""
    here = screen()
    rows: list[ft.Control] = [Workstations(), Needs(), LateDecisions(), JustDecided(), Sessions()]
    header = ft.Row(
        [
            ft.Text("Now", theme_style=ft.TextThemeStyle.HEADLINE_SMALL, expand=True),
            icon_button("session-new", ft.Icons.ADD_ROUNDED, "New session", lambda _: here.go(Place(Page.NEW))),
        ]
    )
    column = ft.ListView(
        [header, *rows], expand=True, spacing=8, padding=ft.Padding.only(left=16, right=16, top=8, bottom=24)
    )
    return page_body(OfflineNotice(), column)


@component
def Workstations() -> ft.Control:
    """Quiet chips: who is online."""
    here = screen()
    chips = watch(_chips)
    dark = watch(lambda sight: sight.dark)
    return ft.Row(
        [
            tappable(
                f"workstation:{workstation}",
                ft.Row(
                    [
                        ft.Icon(
                            ft.Icons.CIRCLE if online else ft.Icons.CIRCLE_OUTLINED,
                            size=10,
                            color=ink(Tone.DONE if online else Tone.OFFLINE, dark=dark).strong,
                        ),
                        label(text, ft.Colors.ON_SURFACE_VARIANT),
                    ],
                    spacing=7,
                    tight=True,
                ),
                lambda _, workstation=workstation: here.go(Place(Page.WORKSTATION, workstation)),
                padding=ft.Padding.symmetric(horizontal=12, vertical=8),
            )
            for workstation, text, online in chips
        ],
        spacing=8,
        wrap=True,
    )


def _chips(sight: Sight) -> tuple[tuple[str, str, bool], ...]:
    return tuple(
        (known.id, f"{workstation_name(known)}{_seen(known, sight.now_ms)}", known.is_there)
        for known in sight.model.workstations.values()
    )


def _seen(known: WorkstationView, now_ms: int) -> str:
    if known.online:
        return " · no answer" if known.silent else " · online"
    return f" · last seen {ago(known.last_seen_ms, now_ms)}" if known.last_seen_ms else ""


@component
def Needs() -> ft.Control:
    """All that waits, oldest first."""
    here = screen()
    waiting = watch(lambda sight: _by_name(needs(sight.model)))
    shown = kept(list[str])
    names = [need.name for need in waiting]
    # A card that stood above another one has gone, or a new one came between: the finger may be over the wrong one.
    if shown and names[: len(shown)] != shown:
        here.shifted()
    shown[:] = names
    if not waiting:
        return ft.Container(height=0)
    title = "Needs you" if len(waiting) == 1 else f"Needs you · {len(waiting)}"
    return ft.Column(
        [heading(title), *(card(need, show_session=True) for need in waiting)],
        spacing=10,
        horizontal_alignment=ft.CrossAxisAlignment.STRETCH,
    )


def _by_name(found: tuple[Need, ...]) -> tuple[Need, ...]:
    return found


def card(need: Need, *, show_session: bool) -> ft.Control:
    """The card for a permission or a question."""
    if need.record.resource.question is not None:
        return keyed(need.name, QuestionCard, need, show_session=show_session)
    return keyed(need.name, DecisionCard, need, show_session=show_session)


@component
def JustDecided() -> ft.Control:
    """What came of the last decisions."""
    decided = watch(lambda sight: just_decided(sight.model, sight.now_ms)[:3])
    return ft.Column([keyed(need.name, DecidedLine, need) for need in decided], spacing=0)


@component
def Sessions() -> ft.Control:
    """Working, done since you last looked, earlier."""
    lines_of = kept(SessionLines)
    lines = watch(lambda sight: lines_of(sight.model))
    starting = watch(lambda sight: beginnings(sight.model))
    has_projects = watch(lambda sight: any(projects(known) for known in sight.model.workstations.values()))
    if not lines and not starting:
        return _nothing_yet(has_projects=has_projects)
    rows: list[ft.Control] = []
    for group in Group:
        of_group = [line for line in lines if line.group is group]
        if of_group or (group is Group.WORKING and starting):
            rows.append(heading(group.value))
            rows += [BeginningRow(one) for one in starting] if group is Group.WORKING else []
            rows += [keyed(line.name, SessionRow, line) for line in of_group[:EARLIER_SHOWN]]
    return ft.Column(rows, spacing=8, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)


def _nothing_yet(*, has_projects: bool) -> ft.Control:
    here = screen()
    text = (
        "Start one here: choose a project, say what you want, and put the phone away. You are called when it needs you."
        if has_projects
        else "Run `agentd up` in a project's folder on your workstation; the project then shows up here."
    )
    button = filled_button("session-new", "New session", lambda _: here.go(Place(Page.NEW)), icon=ft.Icons.ADD_ROUNDED)
    return empty(ft.Icons.SAILING_ROUNDED, "No sessions yet", text, button)
