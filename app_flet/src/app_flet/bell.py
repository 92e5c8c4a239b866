"""A bell: wakes everybody who listens right now, and is forgotten at once."""

from asyncio import Event
from collections.abc import Iterator
from contextlib import contextmanager


class Bell:
    """Wakes everybody who listens right now."""

    def __init__(self) -> None:
        self._events: set[Event] = set()

    @contextmanager
    def listening(self) -> Iterator[Event]:
        """An event that is set by every ring while the context lasts; the listener clears it."""
        event = Event()
        self._events.add(event)
        try:
            yield event
        finally:
            self._events.discard(event)

    def ring(self) -> None:
        """Something happened."""
        for event in self._events:
            event.set()
