"""Where a person is: places and their addresses. Pure.

/                          Now            /w/{workstation}/s/{session}          a session
/sessions                  Sessions       /w/{workstation}/s/{session}/review   what it changed
/new                       New session    /w/{workstation}/p/{project}/files    files of a project
/workstations              Workstations   /w/{workstation}                      one workstation and its devices
/settings                  Settings       /w/{workstation}/doctor               what is wrong on the way there
/pair                      meeting a workstation
"""

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qs, quote, unquote, urlsplit


class Page(StrEnum):
    """Which screen."""

    NOW = "now"
    SESSIONS = "sessions"
    NEW = "new"
    WORKSTATIONS = "workstations"
    SETTINGS = "settings"
    PAIR = "pair"
    SESSION = "session"
    REVIEW = "review"
    FILES = "files"
    WORKSTATION = "workstation"
    DOCTOR = "doctor"


@dataclass(frozen=True, slots=True)
class Place:
    """A screen and what it is about; fields that do not apply are empty."""

    page: Page
    workstation: str = ""
    session: str = ""
    """Resource name, `sessions/{s}`."""
    project: str = ""
    """Resource name, `projects/{p}`."""
    path: str = ""
    """Relative to the project."""
    message: str = ""
    """Resource name of a prompt: review only what its turn changed."""


NOW = Place(Page.NOW)
SESSIONS = Place(Page.SESSIONS)
_TOP = {
    "": Page.NOW,
    "sessions": Page.SESSIONS,
    "new": Page.NEW,
    "workstations": Page.WORKSTATIONS,
    "settings": Page.SETTINGS,
    "pair": Page.PAIR,
}
ROOTS = frozenset({Page.NOW, Page.SESSIONS, Page.WORKSTATIONS, Page.SETTINGS})
"""Screens with a place in the navigation."""


def parse(address: str) -> Place:
    """The place at `address`; Now for an address that names none."""
    try:
        url = urlsplit(address)
    except ValueError:
        return NOW  # a bracket that opens no IPv6 address, for example
    segments = [unquote(segment) for segment in url.path.split("/") if segment]
    query = {key: values[0] for key, values in parse_qs(url.query).items()}
    match segments:
        case ["w", workstation]:
            return Place(Page.WORKSTATION, workstation)
        case ["w", workstation, "doctor"]:
            return Place(Page.DOCTOR, workstation)
        case ["w", workstation, "s", session]:
            return Place(Page.SESSION, workstation, session=f"sessions/{session}")
        case ["w", workstation, "s", session, "review"]:
            message = f"sessions/{session}/messages/{query['turn']}" if "turn" in query else ""
            return Place(Page.REVIEW, workstation, session=f"sessions/{session}", message=message)
        case ["w", workstation, "p", project, "files"]:
            return Place(Page.FILES, workstation, project=f"projects/{project}", path=query.get("path", ""))
        case [] | [_]:
            return Place(_TOP.get("".join(segments), Page.NOW))
        case _:
            return NOW


def address(place: Place) -> str:
    """Where `place` is; `parse` gives it back."""
    session, project = place.session.rpartition("/")[2], place.project.rpartition("/")[2]
    match place.page:
        case Page.WORKSTATION:
            return f"/w/{place.workstation}"
        case Page.DOCTOR:
            return f"/w/{place.workstation}/doctor"
        case Page.SESSION:
            return f"/w/{place.workstation}/s/{session}"
        case Page.REVIEW:
            turn = f"?turn={quote(place.message.rpartition('/')[2])}" if place.message else ""
            return f"/w/{place.workstation}/s/{session}/review{turn}"
        case Page.FILES:
            path = f"?path={quote(place.path)}" if place.path else ""
            return f"/w/{place.workstation}/p/{project}/files{path}"
        case page:
            return next(f"/{name}" for name, known in _TOP.items() if known is page)


def parent(place: Place) -> Place:
    """Where "back" leads when there is no history."""
    match place.page:
        case Page.REVIEW:
            return Place(Page.SESSION, place.workstation, session=place.session)
        case Page.FILES if place.path:
            return Place(Page.FILES, place.workstation, project=place.project, path=place.path.rpartition("/")[0])
        case Page.DOCTOR:
            return Place(Page.WORKSTATION, place.workstation)
        case Page.SESSION | Page.NEW:
            return SESSIONS
        case Page.WORKSTATION | Page.FILES:
            return Place(Page.WORKSTATIONS)
        case _:
            return NOW
