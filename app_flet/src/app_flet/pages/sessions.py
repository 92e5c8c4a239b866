"""Sessions: all of them, to be searched, with archived ones on request."""

import flet as ft

from app_flet.boundary import component, keyed
from app_flet.components.frames import page_body
from app_flet.components.notices import OfflineNotice, empty
from app_flet.components.session_line import BeginningRow, SessionRow
from app_flet.components.touch import Entry, field, filled_button, icon_button, text_button
from app_flet.glance import SessionLine, SessionLines, beginnings
from app_flet.route import Page, Place
from app_flet.screen import kept, local, screen, watch

PAGE = 60


@component
def SessionsPage() -> ft.Control:
    """The whole screen."""
    here = screen()
    entry = kept(Entry)
    sought, seek = local("")
    archived, show_archived = local(initial=False)
    shown, show = local(PAGE)
    lines_of = kept(SessionLines)
    lines = watch(lambda sight: lines_of(sight.model, archived=archived))
    starting = watch(lambda sight: beginnings(sight.model))
    found = [line for line in lines if matches(line, sought)]
    header = ft.Row(
        [
            ft.Text("Sessions", theme_style=ft.TextThemeStyle.HEADLINE_SMALL, expand=True),
            icon_button(
                "sessions-archived",
                ft.Icons.INVENTORY_2_ROUNDED if archived else ft.Icons.INVENTORY_2_OUTLINED,
                "Show current sessions" if archived else "Show archived sessions",
                lambda _: show_archived(not archived),
            ),
            icon_button("session-new", ft.Icons.ADD_ROUNDED, "New session", lambda _: here.go(Place(Page.NEW))),
        ]
    )
    search = field("sessions-search", entry, "Search", on_change=lambda _: seek(entry.text.strip().lower()), dense=True)
    rows: list[ft.Control] = [] if archived else [BeginningRow(one) for one in starting]
    rows += [keyed(line.name, SessionRow, line) for line in found[:shown]]
    if len(found) > shown:
        rows.append(text_button("sessions-more", f"Show more of {len(found)}", lambda _: show(shown + PAGE)))
    if not rows:
        rows.append(_nothing(sought, archived=archived))
    column = ft.ListView(
        [header, search, *rows], expand=True, spacing=8, padding=ft.Padding.only(left=16, right=16, top=8, bottom=24)
    )
    return page_body(OfflineNotice(), column)


def matches(line: SessionLine, sought: str) -> bool:
    """Whether every word of `sought` (lower case) stands in the title, project or workstation."""
    text = f"{line.title} {line.project} {line.workstation_label}".lower()
    return all(word in text for word in sought.split())


def _nothing(sought: str, *, archived: bool) -> ft.Control:
    here = screen()
    if sought:
        return empty(
            ft.Icons.SEARCH_OFF_ROUNDED, "Nothing found", "Try a word of the title, the project or the machine."
        )
    if archived:
        return empty(
            ft.Icons.INVENTORY_2_OUTLINED, "Nothing archived", "Archive a session from its menu to tidy the list."
        )
    button = filled_button("session-new", "New session", lambda _: here.go(Place(Page.NEW)), icon=ft.Icons.ADD_ROUNDED)
    return empty(ft.Icons.FORUM_OUTLINED, "No sessions yet", "A session is one piece of work for an agent.", button)
