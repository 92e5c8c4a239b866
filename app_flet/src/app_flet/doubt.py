"""Whether a link is alive. Whoever slept, or moved to another network, may hold one that died meanwhile unheard.

In doubt the relay is asked, and must be heard at once: docs/decisions/0104-a-link-in-doubt-proves-itself.md.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

PROBE_SECONDS = 3.0
"""So long a link in doubt may be silent before it is given up."""


@dataclass
class Doubt:
    """About one link, from dialling to its end."""

    unanswered: int = 1
    """How much was sent that the relay answers at once, and has not: the Hello, then Pings."""
    is_open: bool = False
    """Somebody doubts, and the relay has not answered since."""
    _heard: asyncio.Event = field(default_factory=asyncio.Event)

    def asked(self) -> None:
        """Something was sent that the relay answers at once."""
        self.unanswered += 1

    def answered(self) -> None:
        """The relay answered one of these."""
        self.unanswered = max(0, self.unanswered - 1)
        self._heard.set()

    def heard(self) -> None:
        """The relay said something."""
        self._heard.set()

    async def watch(self, hurried: asyncio.Event, ask: Callable[[], Awaitable[None]]) -> None:
        """Doubts whenever `hurried` is set; TimeoutError when the link must be given up. `ask`: has the relay asked."""
        while True:
            await hurried.wait()
            hurried.clear()
            self.is_open = True
            async with asyncio.timeout(PROBE_SECONDS):
                await ask()
            # Only an answer ends the doubt: what else comes may have lain in this device's own buffers.
            while self.unanswered:
                self._heard.clear()
                async with asyncio.timeout(PROBE_SECONDS):
                    await self._heard.wait()
            self.is_open = False
