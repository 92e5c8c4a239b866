"""Keeps the vigil over one relay's links while somebody looks at the device; the rule is `wire/vigil.py`'s.

While nobody looks it sleeps without a timer.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from app_flet.link_lost import lost_in_silence
from wire.vigil import LOOK_SECONDS, Finding, Vigil


class Watch:
    """See the module. Outlives links: one that was given up makes the next one's watch more patient."""

    def __init__(self) -> None:
        self.sent_bytes = 0
        """Grows with what is sent."""
        self._vigil = Vigil()

    @property
    def is_silent(self) -> bool:
        """When somebody last looked, the relay had not answered what it was asked."""
        return self._vigil.was_asked

    def answered(self, seconds: float) -> None:
        """The relay answered so long after it was asked."""
        self._vigil = self._vigil.answered(seconds)

    async def keep(
        self, somebody: asyncio.Event, heard: Callable[[], int], ask: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        """Watches a link that stands; LinkLost when it must be given up.

        `somebody`: set while somebody looks. `heard`: bytes that came. `ask`: has the relay asked.
        """
        async with asyncio.TaskGroup() as group:
            while True:
                await somebody.wait()
                self._vigil = self._vigil.begun(heard(), self.sent_bytes)
                while somebody.is_set():
                    await asyncio.sleep(LOOK_SECONDS)
                    if self._look(heard()) is Finding.ASK and somebody.is_set():
                        # Not waited for: a link that takes nothing more would hold up the next look.
                        group.create_task(ask())

    def _look(self, heard: int) -> Finding:
        finding, self._vigil = self._vigil.looked(heard, self.sent_bytes)
        if finding is Finding.DEAD:
            raise lost_in_silence()
        return finding
