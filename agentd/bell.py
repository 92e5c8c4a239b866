"""Wakes many waiters at once."""

import asyncio


class Bell:
    """Wakes everybody who waits; whoever comes later waits for the next ring."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    async def wait(self) -> None:
        """Returns at the next ring."""
        await self._event.wait()

    def ring(self) -> None:
        """Wakes."""
        self._event.set()
        self._event = asyncio.Event()
