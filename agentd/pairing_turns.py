"""One pairing at a time, the newest one: whoever asks for a code last stands in front of the screen that shows it.

An app that is already proving that it knows a code is not interrupted for another code.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from agentd.errors import Refused
from wire.errors import Code

GIVE_WAY_SECONDS = 5.0


class Turn:
    """The right to show codes, until a newer one takes it."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.proving = False
        """An app has entered the code."""
        self._replaced = False
        self._patience: asyncio.Timeout | None = None

    def replace(self) -> None:
        """A newer one wants it: whatever waits for an app stops waiting."""
        self._replaced = True
        if self._patience is not None:
            self._patience.reschedule(asyncio.get_running_loop().time())

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """Around a wait for an app. Raises SUPERSEDED when a newer turn ends it."""
        if self._replaced:
            raise _superseded()
        try:
            async with asyncio.timeout(None) as self._patience:
                yield
        except TimeoutError:
            raise _superseded() from None
        finally:
            self._patience = None


class Turns:
    """Gives turns, one after the other."""

    def __init__(self) -> None:
        self._newest: Turn | None = None

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[Turn]:
        """A turn, once the former one has given way; refused while an app is being let in."""
        former, turn = self._newest, Turn()
        if former is not None and former.proving:
            raise _busy("An app is being let in at this moment. Try again when that is over.")
        self._newest = turn
        with self._ending(turn):
            if former is not None:
                await _gives_way(former)
            yield turn

    @contextmanager
    def _ending(self, turn: Turn) -> Iterator[None]:
        try:
            yield
        finally:
            turn.over.set()
            if self._newest is turn:
                self._newest = None


async def _gives_way(former: Turn) -> None:
    former.replace()
    try:
        async with asyncio.timeout(GIVE_WAY_SECONDS):
            await former.over.wait()
    except TimeoutError:
        raise _busy("A pairing is open already and does not end. Close the terminal that shows it.") from None


def _busy(message: str) -> Refused:
    return Refused(Code.FAILED_PRECONDITION, "UNSPECIFIED", message)


def _superseded() -> Refused:
    return Refused(Code.ABORTED, "SUPERSEDED", "Another `agentd pair` shows a newer code; this one no longer counts.")
