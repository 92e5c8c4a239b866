"""Opening the app in the person's browser, where there is one to open."""

import asyncio
import sys
from collections.abc import Mapping


def has_display(platform: str, environment: Mapping[str, str]) -> bool:
    """Returns whether a browser window could appear: on a Mac outside SSH, else where a display or $BROWSER is set."""
    if platform == "darwin":
        return "SSH_CONNECTION" not in environment
    return any(environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


async def open_url(url: str, environment: Mapping[str, str]) -> bool:
    """Opens the URL; returns whether a browser could be told.

    In a process of its own: some browsers return only when they are closed, and none must hear the Ctrl+C meant for us.
    A link that pairs can be seen in the list of processes; it is good once, and this browser is about to use it.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "webbrowser", url),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env=dict(environment),
        start_new_session=True,
    )
    return await process.wait() == 0
