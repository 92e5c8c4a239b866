"""Who looks at a device now: screens that are connected and in the foreground.

While somebody looks, a link must not be believed for longer than it lives; while nobody does, it must cost nothing.
"""

import asyncio
from collections.abc import Callable


class Lookers:
    """See the module. A screen is any object that stands for one."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        """`on_change` hears that the first came, or the last left."""
        self._on_change = on_change
        self._here: set[object] = set()
        self.somebody = asyncio.Event()
        """Set while there is one."""
        self.all_left = False
        """There were some, and none is left: what is open on a screen is seen by nobody."""

    def came(self, screen: object) -> None:
        """The screen is seen from now on."""
        self._here.add(screen)
        self._count()

    def left(self, screen: object) -> None:
        """The screen is closed, disconnected or in the background."""
        self._here.discard(screen)
        self._count()

    def _count(self) -> None:
        if bool(self._here) == self.somebody.is_set():
            return
        self.all_left = not self._here
        if self._here:
            self.somebody.set()
        else:
            self.somebody.clear()
        self._on_change()
