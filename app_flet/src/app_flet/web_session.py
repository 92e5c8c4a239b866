"""A browser tab becomes a screen of its browser's device.

A browser is known by a random token in its local storage. Tabs of one browser share one device, and with it one link: a
relay closes the older of two. The device goes to sleep a minute after its last tab, and wakes with the next.
"""

import asyncio
import hashlib
import secrets
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import flet as ft

from app_flet.boundary import keep_going
from app_flet.device import Device
from app_flet.instants import zone
from app_flet.link import keep_links
from app_flet.opening import show
from app_flet.screen import Screen
from app_flet.store import Store

TOKEN_KEY = "halyard.browser"  # noqa: S105 - the name of a place
PAIR_KEY = "halyard.pair"
"""Where the page leaves a pairing secret that it took out of the address."""
ZONE_KEY = "halyard.zone"
"""Where the page leaves the browser's offset from UTC, in minutes."""
TOKEN_BYTES = 32
SLEEP_AFTER_SECONDS = 60


@dataclass(eq=False)
class Berth:
    """One browser's device while any of its tabs needs it."""

    device: Device
    visible: set[Screen] = field(default_factory=set)
    """Tabs whose browser is connected."""
    screens: set[Screen] = field(default_factory=set)
    """All tabs, also those whose browser is away for now."""
    links: "Future[None] | None" = None


class WebSessions:
    """All browsers of this host."""

    def __init__(self, relay_url: str, devices: Path) -> None:
        """`relay_url`: where every device links; `devices`: one folder for each."""
        self._relay_url = relay_url
        self._devices = devices
        self._berths: dict[str, Berth] = {}

    async def main(self, page: ft.Page) -> None:
        """Flet's entry for a new session."""
        kept = ft.SharedPreferences()
        token = await kept.get(TOKEN_KEY)
        if not isinstance(token, str) or len(token) < TOKEN_BYTES:
            token = secrets.token_urlsafe(TOKEN_BYTES)
            await kept.set(TOKEN_KEY, token)
        handed_over = await kept.get(PAIR_KEY)
        if handed_over:
            await kept.remove(PAIR_KEY)
        # The name cannot be turned back into the token: whoever lists the folder can open no device's screen.
        name = hashlib.sha256(token.encode()).hexdigest()[:32]
        offset = zone(await kept.get(ZONE_KEY))
        screen = Screen(page, self._berth(name).device, served_by=self._relay_url, zone=offset)
        self._board(name, screen)
        await show(screen, pairing_secret=handed_over if isinstance(handed_over, str) else "")

    def _berth(self, name: str) -> Berth:
        if name not in self._berths:
            store = Store(self._devices / name / "device.sqlite")
            self._berths[name] = Berth(Device(store, now_ms, relay=self._relay_url))
        return self._berths[name]

    def _board(self, name: str, screen: Screen) -> None:
        berth, page = self._berths[name], screen.page
        berth.screens.add(screen)

        def arrive() -> None:
            berth.visible.add(screen)
            if berth.links is None or berth.links.done():
                berth.links = page.run_task(keep_going, keep_links, berth.device)

        def back(_: object) -> None:
            arrive()
            berth.device.hurry()
            screen.draw(force=True)

        def leave(_: object) -> None:
            berth.visible.discard(screen)
            asyncio.get_running_loop().call_later(SLEEP_AFTER_SECONDS, _sleep, berth)

        def closed(event: object) -> None:
            leave(event)
            screen.close()
            berth.screens.discard(screen)
            self._clear(name)

        arrive()
        page.on_connect, page.on_disconnect, page.on_close = back, leave, closed

    def _clear(self, name: str) -> None:
        berth = self._berths[name]
        if not berth.screens:
            _sleep(berth)
            berth.device.store.close()
            del self._berths[name]


def _sleep(berth: Berth) -> None:
    if not berth.visible and berth.links is not None:
        berth.links.cancel()
        berth.links = None


def now_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000
