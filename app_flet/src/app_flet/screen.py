"""One screen: a browser tab, or the app's one window. Shows a device, remembers where the person is.

Flet renders components that are told to; `watch` tells exactly those whose part of the model changed, at most 25 times
a second. What was drawn while a client was away is lost, so everything is drawn again when it is back.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any, Generic, TypeVar
from weakref import WeakSet

import flet as ft

from app_flet import route
from app_flet.boundary import guarded
from app_flet.device import Device
from app_flet.earlier import tell_if_whole
from app_flet.glance import offline
from app_flet.intents import Intent
from app_flet.keys import Typing
from app_flet.model import Model
from app_flet.route import Place
from app_flet.theme import WIDE

T = TypeVar("T")

FRAME_SECONDS = 0.04
"""Between two drawings: faster is not seen, and every drawing is a patch to the client."""
TICK_SECONDS = 20
SHIFT_GUARD_MS = 450
"""A tap so soon after cards moved was meant for what stood there before."""
SAID_MS = 3000
"""How long a sentence at the lower edge stays."""
SETTINGS = "settings"
ROUTE = "route"
PHONES = (ft.PagePlatform.ANDROID, ft.PagePlatform.IOS)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a person set for this device."""

    brightness: str = "system"
    """"system", "light" or "dark"."""
    text_scale: float = 1.0
    device_name: str = ""

    @classmethod
    def parse(cls, data: bytes | None) -> "Settings":
        """What was kept; unknown entries of other releases are dropped."""
        kept = json.loads(data) if data else {}
        return cls(**{key: value for key, value in kept.items() if key in cls.__slots__})


@dataclass(frozen=True, slots=True)
class Meeting:
    """How the pairing that this screen began is going."""

    busy: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Sight:
    """Everything a view may depend on."""

    model: Model
    place: Place
    settings: Settings
    wide: bool
    dark: bool
    now_ms: int
    meeting: Meeting = Meeting()


class Cell(ft.Observable, Generic[T]):
    """One component's view of the sight. Flet draws the component again when it is notified."""

    def __init__(self, screen: "Screen") -> None:
        self._screen = screen
        self._select: Callable[[Sight], T] | None = None
        self._value: T | None = None

    def aim(self, select: Callable[[Sight], T]) -> T:
        """What `select` sees now; from here on the component is told when that changes."""
        self._select = select
        self._value = value = select(self._screen.sight)
        return value

    def look(self, *, force: bool) -> None:
        """Tells the component if what it shows has changed, or in any case."""
        if self._select is not None and (force or self._select(self._screen.sight) != self._value):
            self._notify(None)


class Screen:
    """See the module. Made in `main` of a Flet session; `page.data` leads back to it."""

    def __init__(self, page: ft.Page, device: Device, *, served_by: str = "", zone: timedelta = timedelta()) -> None:
        """`served_by`: origin of the relay whose host runs this app for a browser; empty for a native app.

        `zone`: the person's offset from UTC.
        """
        self.page = page
        self.device = device
        self.is_served = bool(served_by)
        self.default_relay = served_by
        page.data = self
        self.zone = zone
        self.shifted_ms = 0
        self._typing = Typing()
        self.on_settings: Callable[[], None] = self.draw
        self.send: Callable[[object], None] = lambda _: None
        self.put_back: Callable[[str], None] = lambda _: None
        self._cells: WeakSet[Cell[Any]] = WeakSet()
        self._changed = asyncio.Event()
        self._closed = False
        self._root = route.NOW
        self._shown: tuple[str, str] | None = None
        settings = Settings.parse(device.store.fact(SETTINGS))
        self.sight = Sight(device.model, route.NOW, settings, wide=False, dark=False, now_ms=device.now_ms())
        self._unlisten = device.listen(self._changed.set)

    # --- drawing ------------------------------------------------------------------------------------------------------

    def cell(self) -> Cell[Any]:
        """A new cell, told of changes for as long as a component holds it."""
        cell: Cell[Any] = Cell(self)
        self._cells.add(cell)
        return cell

    async def keep_drawing(self) -> None:
        """Draws what changed until the screen is closed."""
        while not self._closed:
            try:
                async with asyncio.timeout(TICK_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                pass
            self._changed.clear()
            self.draw()
            await asyncio.sleep(FRAME_SECONDS)

    def draw(self, *, force: bool = False) -> None:
        """Takes the newest sight and tells the components that it concerns."""
        self.sight = replace(
            self.sight,
            model=self.device.model,
            now_ms=self.device.now_ms(),
            wide=(self.page.width or 0) >= WIDE,
            dark=self._is_dark(),
        )
        for cell in tuple(self._cells):
            cell.look(force=force)

    def _is_dark(self) -> bool:
        brightness = self.sight.settings.brightness
        return brightness == "dark" or (brightness == "system" and self.page.platform_brightness == ft.Brightness.DARK)

    def close(self) -> None:
        """The Flet session is over."""
        self._closed = True
        self.device.lookers.left(self)
        self._unlisten()
        self._show(None)
        self._changed.set()

    # --- places -------------------------------------------------------------------------------------------------------

    def arrive(self, address: str) -> None:
        """The client is at `address`: opened there, or went back or forth."""
        place = route.parse(address)
        if self._shown is None and place.session:
            self._root = route.SESSIONS
        self._settle(place)

    def go(self, place: Place) -> None:
        """Takes the person to `place`."""
        if place != self.sight.place:
            self._settle(place)
            self.page.run_task(self.page.push_route, route.address(place))

    def back(self) -> None:
        """Takes the person to where they came from in the navigation, or to where this place belongs."""
        place = route.parent(self.sight.place)
        self.go(self._root if place.page in route.ROOTS else place)

    @property
    def root(self) -> Place:
        """The screen of the navigation that lies below what is shown."""
        return self._root

    def _settle(self, place: Place) -> None:
        self.sight = replace(self.sight, place=place)
        if place.page in route.ROOTS:
            self._root = place
        self.device.store.keep_fact(ROUTE, route.address(place).encode())
        self._show((place.workstation, place.session) if place.session else None)
        self.draw()

    def _show(self, session: tuple[str, str] | None) -> None:
        if session == self._shown:
            return
        if self._shown is not None:
            self.device.close_session(*self._shown)
        self._shown = session
        if session is not None:
            self.device.open_session(*session)
            tell_if_whole(self.device, *session)

    # --- what the person does -----------------------------------------------------------------------------------------

    def on(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        """`handler` for a control's event, inside the error boundary."""
        return guarded(handler, self.say)

    def say(self, text: str) -> None:
        """One sentence at the lower edge."""
        note = ft.SnackBar(
            ft.Text(text),
            behavior=ft.SnackBarBehavior.FLOATING,
            margin=ft.Margin.only(left=12, right=12, bottom=84),  # above what is tapped at the lower edge
            duration=SAID_MS,
            show_close_icon=True,
        )
        self.page.show_dialog(note)

    async def ask(self, workstation: str, intent: Intent, done: str = "") -> None:
        """Asks for a change that is shown in no place of its own: says that it waits, and `done` or why it is not."""
        if offline(self.device.model, workstation) is not None:
            self.say("This waits on this device and is done as soon as the workstation can be reached.")
        await self.device.ask(workstation, intent)
        if done:
            self.say(done)

    def keep(self, settings: Settings) -> None:
        """The person set something."""
        self.sight = replace(self.sight, settings=settings)
        self.device.store.keep_fact(SETTINGS, json.dumps(asdict(settings)).encode())
        self.on_settings()

    @property
    def platform(self) -> str:
        """What a workstation is told this device is, for example "web" or "android"."""
        return "web" if self.page.web else (self.page.platform or ft.PagePlatform.LINUX).value

    @property
    def device_name(self) -> str:
        """What this device calls itself when it pairs."""
        return self.sight.settings.device_name or default_name(self.page.client_user_agent or "", self.platform)

    def meets(self, meeting: Meeting) -> None:
        """A pairing began, ended or failed."""
        self.sight = replace(self.sight, meeting=meeting)
        self.draw()

    def types(self, *, typing: bool) -> None:
        """A text field got the focus, or lost it."""
        self._typing = self._typing.moved(self.device.now_ms(), in_field=typing)

    def is_typed(self) -> bool:
        """Whether a letter that was just pressed is a letter, not a shortcut."""
        typed, self._typing = self._typing.pressed(self.device.now_ms())
        return typed or not self.sight.wide

    def composing(self, send: Callable[[object], None], put: Callable[[str], None]) -> None:
        """The composer on screen: what a shortcut sends, and where a failed message is put back."""
        self.send, self.put_back = send, put

    def shifted(self) -> None:
        """Cards moved: taps count again in a moment."""
        self.shifted_ms = self.device.now_ms()

    def is_steady(self) -> bool:
        """False just after cards moved under the finger; says so."""
        if self.device.now_ms() - self.shifted_ms >= SHIFT_GUARD_MS:
            return True
        self.say("The list just moved. Look again, then tap.")
        return False


BROWSERS = (("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Mac OS", "Mac"), ("Windows", "Windows"))


def default_name(user_agent: str, platform: str) -> str:
    """`Chrome on Android`, or the platform where there is no browser."""
    browser = next((name for mark, name in BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "Linux" if "Linux" in user_agent else "")
    if browser:
        return f"{browser} on {system}" if system else browser
    return platform.capitalize()


def screen() -> Screen:
    """The screen that is being drawn or handled."""
    found = ft.context.page.data
    assert isinstance(found, Screen), "main() makes the screen before anything is drawn"  # noqa: S101 - for mypy
    return found


def watch(select: Callable[[Sight], T]) -> T:
    """A hook: what `select` sees, and a new drawing whenever it sees something else. Keep selectors pure and quick."""
    make: Any = screen().cell  # use_state tells a value from a function that makes one at run time only
    cell: Cell[T]
    cell, _ = ft.use_state(make)
    return cell.aim(select)


def local(initial: T) -> tuple[T, Callable[[T], None]]:
    """A hook: a value of one component, and what replaces it."""
    value: T
    untyped: Any = initial  # use_state tells a value from a function that makes one at run time only
    value, put = ft.use_state(untyped)
    return value, put


def kept(make: Callable[[], T]) -> T:
    """A hook: something a component makes once and keeps."""
    untyped: Any = make
    value: T
    value, _ = ft.use_state(untyped)
    return value
