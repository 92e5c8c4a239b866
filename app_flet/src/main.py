"""The app on a phone or a desktop: `flet run`, or what `flet build` packages. docs/app-builds.md.

Composition root of the native app: one store in the platform's private folder, one device, one screen, its links.
"""

import time
from datetime import datetime, timedelta

import flet as ft

from app_flet.boundary import keep_going
from app_flet.config import storage_folder
from app_flet.keeping import Unusable, open_device, put_aside
from app_flet.links import keep_links
from app_flet.opening import show
from app_flet.pages.unusable import show_unusable
from app_flet.screen import Screen


def now_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000


async def main(page: ft.Page) -> None:
    """Flet's entry: draws the screen, then keeps the links up for as long as the app lives."""
    file = storage_folder() / "device.sqlite"

    async def begin_anew() -> None:
        put_aside(file, now_ms())
        await main(page)

    try:
        device = open_device(file, now_ms)
    except Unusable as trouble:
        show_unusable(page, trouble, lambda: main(page), begin_anew)
        return
    screen = Screen(page, device, zone=datetime.now().astimezone().utcoffset() or timedelta())
    page.on_connect = lambda _: screen.draw(force=True)
    page.on_close = lambda _: screen.close()
    page.run_task(keep_going, keep_links, device)
    await show(screen)


if __name__ == "__main__":
    ft.run(main, assets_dir="assets")
