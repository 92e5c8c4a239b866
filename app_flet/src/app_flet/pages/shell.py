"""What stands around every screen: the navigation, one or two panes, and the stack of views that "back" unwinds."""

import flet as ft

from app_flet import route
from app_flet.boundary import component, keyed
from app_flet.components.notices import empty
from app_flet.components.status import label
from app_flet.components.touch import tappable
from app_flet.glance import needs
from app_flet.pages.doctor import DoctorPage
from app_flet.pages.files import FilesPage
from app_flet.pages.new_session import NewSessionPage
from app_flet.pages.now import NowPage
from app_flet.pages.pair import PairPage
from app_flet.pages.review import ReviewPage
from app_flet.pages.session import SessionPage
from app_flet.pages.sessions import SessionsPage
from app_flet.pages.settings import SettingsPage
from app_flet.pages.workstations import WorkstationPage, WorkstationsPage
from app_flet.route import Page, Place
from app_flet.screen import screen, watch
from app_flet.theme import LIST_PANE, RADIUS, Tone, ink

TABS = (
    (Page.NOW, "now", "Now", ft.Icons.BOLT_OUTLINED, ft.Icons.BOLT_ROUNDED),
    (Page.SESSIONS, "sessions", "Sessions", ft.Icons.FORUM_OUTLINED, ft.Icons.FORUM_ROUNDED),
    (Page.WORKSTATIONS, "devices", "Workstations", ft.Icons.COMPUTER_OUTLINED, ft.Icons.COMPUTER_ROUNDED),
    (Page.SETTINGS, "settings", "Settings", ft.Icons.TUNE_ROUNDED, ft.Icons.TUNE_ROUNDED),
)


@component
def App() -> list[ft.View]:
    """All views, the deepest last."""
    here = screen()
    place = watch(lambda sight: sight.place)
    wide = watch(lambda sight: sight.wide)
    paired = watch(lambda sight: bool(sight.model.workstations))
    brightness = watch(lambda sight: (sight.dark, sight.settings.text_scale))
    if not paired or place.page is Page.PAIR:
        return [_view("/pair", PairPage())]
    key = f"{brightness}"
    if wide:
        return [_view("/", keyed(key, TwoPanes))]
    views = [_view("/", keyed(key, OnePane, here.root))]
    if place.page not in route.ROOTS:
        views.append(_view(route.address(place), keyed(f"{key} {place}", Detail, place)))
    return views


def _view(address: str, content: ft.Control) -> ft.View:
    safe = ft.SafeArea(content, expand=True, minimum_padding=0)
    return ft.View(route=address, controls=[safe], padding=0, spacing=0, bgcolor=ft.Colors.SURFACE)


@component
def Detail(place: Place) -> ft.Control:
    """What a place that is not in the navigation shows."""
    match place.page:
        case Page.SESSION:
            return SessionPage(place.workstation, place.session)
        case Page.REVIEW:
            return ReviewPage(place.workstation, place.session, place.message)
        case Page.FILES:
            return FilesPage(place.workstation, place.project, place.path)
        case Page.WORKSTATION:
            return WorkstationPage(place.workstation)
        case Page.DOCTOR:
            return DoctorPage(place.workstation)
        case Page.NEW:
            return NewSessionPage()
        case _:
            return ft.Container()


def _root(page: Page) -> ft.Control:
    match page:
        case Page.SESSIONS:
            return SessionsPage()
        case Page.WORKSTATIONS:
            return WorkstationsPage()
        case Page.SETTINGS:
            return SettingsPage()
        case _:
            return NowPage()


# --- phone ------------------------------------------------------------------------------------------------------------


@component
def OnePane(root: Place) -> ft.Control:
    """A screen of the navigation above the navigation."""
    bar = ft.Container(
        ft.Row([keyed(tab[1], Tab, *tab) for tab in TABS], spacing=0),
        bgcolor=ft.Colors.SURFACE_CONTAINER,
        padding=ft.Padding.symmetric(horizontal=6, vertical=4),
    )
    return ft.Column(
        [ft.Container(keyed(root.page, _root_component, root.page), expand=True), bar],
        spacing=0,
        expand=True,
        horizontal_alignment=ft.CrossAxisAlignment.STRETCH,
    )


_root_component = component(_root)


@component
def Tab(page: Page, test_id: str, name: str, icon: ft.IconData, chosen_icon: ft.IconData) -> ft.Control:
    """One destination; Now counts what waits."""
    here = screen()
    is_chosen = watch(lambda _: here.root.page is page)
    waiting = watch(lambda sight: len(needs(sight.model)) if page is Page.NOW else 0)
    dark = watch(lambda sight: sight.dark)
    color = ft.Colors.PRIMARY if is_chosen else ft.Colors.ON_SURFACE_VARIANT
    shape: ft.Control = ft.Icon(chosen_icon if is_chosen else icon, size=23, color=color)
    if waiting:
        around = ft.Container(shape, padding=ft.Padding.symmetric(horizontal=10))
        shape = ft.Stack([around, _count(waiting, dark=dark)], clip_behavior=ft.ClipBehavior.NONE)
    content = ft.Column(
        [shape, label(name, color)], spacing=2, tight=True, horizontal_alignment=ft.CrossAxisAlignment.CENTER
    )
    tab = tappable(
        test_id,
        content,
        lambda _: here.go(Place(page)),
        label=f"{waiting} wait" if waiting else None,
        padding=ft.Padding.symmetric(vertical=6),
        bgcolor=ft.Colors.TRANSPARENT,
    )
    tab.expand = True
    return tab


def _count(waiting: int, *, dark: bool) -> ft.Control:
    colors = ink(Tone.NEEDS_YOU, dark=dark)
    text = ft.Text(str(waiting), size=11, weight=ft.FontWeight.W_700, color=colors.pale)
    return ft.Container(
        text, bgcolor=colors.strong, border_radius=9, padding=ft.Padding.symmetric(horizontal=5), right=0, top=-3
    )


# --- desktop ----------------------------------------------------------------------------------------------------------


@component
def TwoPanes() -> ft.Control:
    """Navigation, list, detail."""
    here = screen()
    place = watch(lambda sight: sight.place)
    root = here.root.page
    rail = ft.Container(
        ft.Column([ft.Container(keyed(tab[1], Tab, *tab), width=92) for tab in TABS], spacing=4),
        bgcolor=ft.Colors.SURFACE_CONTAINER,
        padding=ft.Padding.symmetric(vertical=10),
        width=92,
    )
    detail = (
        keyed(f"{place}", Detail, place)
        if place.page not in route.ROOTS
        else empty(ft.Icons.SAILING_ROUNDED, "Nothing opened", "Choose a session at the left, or begin a new one.")
    )
    return ft.Row(
        [
            rail,
            ft.Container(keyed(root, _root_component, root), width=LIST_PANE),
            ft.VerticalDivider(width=1),
            ft.Container(detail, expand=True, border_radius=RADIUS),
        ],
        spacing=0,
        expand=True,
        vertical_alignment=ft.CrossAxisAlignment.STRETCH,
    )
