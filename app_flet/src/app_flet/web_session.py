"""A browser tab becomes a screen of its browser's device.

A browser is known by a random token in its local storage. Tabs of one browser share one device, and with it one link: a
relay closes the older of two. The device goes to sleep a minute after its last tab, unless something still has to
leave, and wakes with the next. Everything that a person would miss is in its store: reloads, an expired session of Flet
and a restart of this process lose nothing.
"""

import asyncio
import hashlib
import logging
import secrets
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import flet as ft

from app_flet.boundary import keep_going
from app_flet.device import Device
from app_flet.instants import zone
from app_flet.keeping import Unusable, open_device, put_aside
from app_flet.links import keep_links
from app_flet.opening import show
from app_flet.pages.unusable import show_unusable
from app_flet.screen import Screen

log = logging.getLogger(__name__)

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
    is_over: bool = False
    """No tab is left; the store is closed as soon as the links let go of it."""


class WebSessions:
    """All browsers of this host."""

    def __init__(self, relay_url: str, devices: Path, *, sleep_after_seconds: float = SLEEP_AFTER_SECONDS) -> None:
        """`relay_url`: where every device links; `devices`: one folder for each."""
        self._relay_url = relay_url
        self._sleep_after_seconds = sleep_after_seconds
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
        await self._open(page, name, offset, handed_over if isinstance(handed_over, str) else "")

    async def _open(self, page: ft.Page, name: str, offset: timedelta, pairing_secret: str) -> None:
        async def again() -> None:
            await self._open(page, name, offset, pairing_secret)

        async def begin_anew() -> None:
            if name not in self._berths:  # another tab may have done it meanwhile
                put_aside(self._file(name), now_ms())
            await again()

        try:
            device = self._berth(name).device
        except Unusable as trouble:
            log.warning("A browser cannot be served: %s", trouble.message)
            show_unusable(page, trouble, again, begin_anew)
            return
        screen = Screen(page, device, served_by=self._relay_url, zone=offset)
        self._board(name, screen)
        await show(screen, pairing_secret=pairing_secret)

    def _file(self, name: str) -> Path:
        return self._devices / name / "device.sqlite"

    def _berth(self, name: str) -> Berth:
        if name not in self._berths:
            self._berths[name] = Berth(open_device(self._file(name), now_ms, relay=self._relay_url))
        return self._berths[name]

    def _board(self, name: str, screen: Screen) -> None:
        berth, page = self._berths[name], screen.page
        berth.screens.add(screen)

        def arrive() -> None:
            berth.visible.add(screen)
            if berth.links is None or berth.links.done():
                berth.links = page.run_task(_keep_links, berth)

        def back(_: object) -> None:
            arrive()
            berth.device.lookers.came(screen)
            berth.device.hurry()
            screen.draw(force=True)

        def leave(_: object) -> None:
            berth.visible.discard(screen)
            berth.device.lookers.left(screen)
            self._look_in_later(name)

        def closed(event: object) -> None:
            leave(event)
            screen.close()
            berth.screens.discard(screen)

        arrive()
        berth.device.hurry()
        page.on_connect, page.on_disconnect, page.on_close = back, leave, closed

    def _look_in_later(self, name: str) -> None:
        asyncio.get_running_loop().call_later(self._sleep_after_seconds, self._look_in, name)

    def _look_in(self, name: str) -> None:
        """Nobody has looked for a while: lets the device sleep once everything it was told to send has left."""
        berth = self._berths.get(name)
        if berth is None or berth.visible:
            return
        if berth.device.outgoing.has_to_leave:
            self._look_in_later(name)
            return
        links, berth.links = berth.links, None
        if not berth.screens:
            berth.is_over = True
            del self._berths[name]
        if links is not None and not links.done():
            links.cancel()
        elif berth.is_over:
            berth.device.store.close()


async def _keep_links(berth: Berth) -> None:
    try:
        await keep_going(keep_links, berth.device)
    finally:
        if berth.is_over:
            berth.device.store.close()


def now_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000
