"""Review: what changed in a turn, in the session, or in the working tree; file by file, opened on demand."""

import flet as ft

from app_flet import intents
from app_flet.boundary import component, keyed
from app_flet.components.diff import FileChangeCard
from app_flet.components.fetched import fetch
from app_flet.components.frames import page_body
from app_flet.components.notices import OfflineNotice, empty
from app_flet.components.status import changed_lines, quiet
from app_flet.components.touch import icon_button, region
from app_flet.glance import session_named, title_of
from app_flet.screen import local, screen, watch
from app_flet.theme import TEXT_WIDTH
from halyard_client.halyard.agent import v1

SCOPES = {"session": "This session", "tree": "Working tree"}


@component
def ReviewPage(workstation: str, session: str, message: str = "") -> ft.Control:
    """The whole screen."""
    here = screen()
    scope, set_scope = local("session")
    title = watch(lambda sight: title_of(sight.model.workstations.get(workstation), session))
    project = watch(lambda sight: _project(session_named(sight.model.workstations.get(workstation), session)))

    def choose(event: ft.Event[ft.SegmentedButton]) -> None:
        set_scope(next(iter(event.control.selected)))

    header = ft.Row(
        [
            icon_button("back", ft.Icons.ARROW_BACK_ROUNDED, "Back", lambda _: here.back()),
            ft.Column(
                [ft.Text("Review", theme_style=ft.TextThemeStyle.TITLE_LARGE), quiet(title, lines=1)],
                spacing=0,
                expand=True,
            ),
        ]
    )
    scopes = ft.SegmentedButton(
        segments=[ft.Segment(value=value, label=ft.Text(name)) for value, name in SCOPES.items()],
        selected=[scope],
        show_selected_icon=False,
        on_change=here.on(choose),
    )
    intent = _intent(scope, session, project, message)
    listed = ft.Column(
        [
            ft.Container(header, padding=ft.Padding.only(left=4, right=8, top=4)),
            ft.Container(region("review-scope", scopes), padding=ft.Padding.symmetric(horizontal=16)),
            ft.Container(keyed(f"{scope} {message}", Changes, workstation, intent), expand=True),
        ],
        expand=True,
        horizontal_alignment=ft.CrossAxisAlignment.STRETCH,
    )
    return page_body(OfflineNotice(workstation), listed, width=TEXT_WIDTH + 120)


def _project(session: v1.Session | None) -> str:
    return session.project if session else ""


def _intent(scope: str, session: str, project: str, message: str) -> intents.Intent:
    if message and scope == "session":
        return intents.turn_diff(message)
    return intents.tree_diff(project) if scope == "tree" and project else intents.session_diff(session)


@component
def Changes(workstation: str, intent: intents.Intent) -> ft.Control:
    """The files that changed."""
    dark = watch(lambda sight: sight.dark)
    fetched = fetch(workstation, intent, lambda data: v1.GetDiffResponse.parse(data).diffs)
    if fetched.answer is None:
        return fetched.stand_in or ft.Container()
    diffs = fetched.answer
    if not diffs:
        return empty(
            ft.Icons.CHECK_CIRCLE_OUTLINE_ROUNDED,
            "Nothing changed",
            "When the agent edits files, they are listed here.",
        )
    total = ft.Row(
        [
            ft.Text(f"{len(diffs)} file{'s' if len(diffs) > 1 else ''}", theme_style=ft.TextThemeStyle.TITLE_SMALL),
            changed_lines(sum(d.additions for d in diffs), sum(d.deletions for d in diffs), dark=dark),
        ],
        spacing=12,
    )
    cards = [keyed(diff.path, FileChangeCard, diff, at, open_at_first=len(diffs) == 1) for at, diff in enumerate(diffs)]
    return ft.ListView(
        [*fetched.notes, total, *cards], spacing=8, padding=ft.Padding.only(left=16, right=16, top=6, bottom=24)
    )
