"""Opening a screen: looks, handlers of the page, the first place, and the drawing that goes on until it is closed."""

import flet as ft

from app_flet import intents
from app_flet.device import Device
from app_flet.glance import needs, session_lines
from app_flet.keys import Action, action
from app_flet.pages.pair import meet
from app_flet.pages.shell import App
from app_flet.route import Page, Place
from app_flet.screen import ROUTE, Screen
from app_flet.theme import FONTS, theme
from halyard_client.halyard.agent import v1

MODES = {"system": ft.ThemeMode.SYSTEM, "light": ft.ThemeMode.LIGHT, "dark": ft.ThemeMode.DARK}


async def show(screen: Screen, *, pairing_secret: str = "") -> None:
    """Draws the screen for the first time. `pairing_secret`: what the address brought, to be used once."""
    page = screen.page
    page.title = "Halyard"
    page.fonts = FONTS
    page.on_route_change = screen.on(lambda event: screen.arrive(event.route))
    page.on_view_pop = screen.on(lambda _: screen.back())
    page.on_resize = screen.on(lambda _: screen.draw())
    page.on_platform_brightness_change = screen.on(lambda _: dress(screen))
    page.on_app_lifecycle_state_change = screen.on(lambda event: _turned(screen, event))
    page.on_keyboard_event = screen.on(lambda event: press(screen, event))
    screen.device.lookers.came(screen)
    screen.on_settings = lambda: dress(screen)
    dress(screen)
    screen.arrive(_first_address(screen))
    page.render_views(App)
    page.run_task(screen.keep_drawing)
    if pairing_secret:
        await meet(screen, f"/pair#{pairing_secret}", "")


def _first_address(screen: Screen) -> str:
    """A deep link leads where it says; the bare address leads back to where the person was."""
    asked = screen.page.route or "/"
    kept = screen.device.store.fact(ROUTE)
    return kept.decode() if asked == "/" and kept and not screen.is_served else asked


def dress(screen: Screen) -> None:
    """Puts on the theme that was set."""
    page, settings = screen.page, screen.sight.settings
    page.theme_mode = MODES[settings.brightness]
    page.theme = theme(dark=False, text_scale=settings.text_scale)
    page.dark_theme = theme(dark=True, text_scale=settings.text_scale)
    page.update()
    screen.draw()


def _turned(screen: Screen, event: ft.AppLifecycleStateChangeEvent) -> None:
    """The app came to the foreground or left it. A window that is merely not typed into (INACTIVE) is still seen."""
    if event.state in (ft.AppLifecycleState.RESUME, ft.AppLifecycleState.SHOW):
        screen.device.lookers.came(screen)
        screen.device.hurry()
        screen.draw(force=True)
    elif event.state in (ft.AppLifecycleState.HIDE, ft.AppLifecycleState.PAUSE, ft.AppLifecycleState.DETACH):
        screen.device.lookers.left(screen)


# --- keys -------------------------------------------------------------------------------------------------------------


def press(screen: Screen, event: ft.KeyboardEvent) -> None:
    """Carries out a shortcut."""
    match action(event.key, ctrl=event.ctrl or event.meta, alt=event.alt, typing=screen.is_typed()):
        case Action.SEND:
            screen.send(event)
        case Action.STOP:
            _stop(screen)
        case Action.NEXT:
            _step(screen, 1)
        case Action.PREVIOUS:
            _step(screen, -1)
        case Action.ALLOW:
            _decide(screen, v1.DecisionState.ALLOWED_ONCE)
        case Action.DENY:
            _decide(screen, v1.DecisionState.DENIED)
        case Action.NEW:
            screen.go(Place(Page.NEW))
        case None:
            pass


def _stop(screen: Screen) -> None:
    place = screen.sight.place
    lines = session_lines(screen.device.model)
    running = next(
        (line for line in lines if (line.workstation, line.name) == (place.workstation, place.session)), None
    )
    if running is not None and running.standing.value in ("working", "retrying", "needs you"):
        screen.device.call(place.workstation, intents.interrupt(place.session))


def _step(screen: Screen, by: int) -> None:
    lines = session_lines(screen.device.model)
    if not lines:
        return
    at = next(
        (i for i, line in enumerate(lines) if line.name == screen.sight.place.session), -1 if by > 0 else len(lines)
    )
    line = lines[max(0, min(len(lines) - 1, at + by))]
    screen.go(Place(Page.SESSION, line.workstation, session=line.name))


def _decide(screen: Screen, outcome: v1.DecisionState) -> None:
    place, device = screen.sight.place, screen.device
    waiting = needs(device.model, place.workstation, place.session)
    permission = waiting[0].record.resource.permission if waiting else None
    if permission is not None and screen.is_steady() and not _is_decided(device, waiting[0].name):
        device.call(waiting[0].workstation, intents.decide(permission, outcome, device.now_ms()))


def _is_decided(device: Device, name: str) -> bool:
    return any(
        call.method == intents.DECIDE and call.is_open and v1.DecideRequest.parse(call.request).permission == name
        for call in device.model.calls.values()
    )
