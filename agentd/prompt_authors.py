"""Which call and device brought which message of a person, so that its author's app recognises it in the log."""

from agentd.store import Store
from halyard.agent.v1 import session_pb2 as session

MAX_NOTED = 256
"""Far more than can wait for the disk; what is on it is read from there."""


class PromptAuthors:
    """Remembers authors by message name, on disk before the agent hears of the message."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._noted: dict[str, tuple[bytes, str]] = {}

    def forget(self, session_name: str) -> None:
        """The session is gone, and nobody asks for its messages any more."""
        # "0" follows "/": all names below the session.
        below = (f"{session_name}/", f"{session_name}0")
        self._store.write(("DELETE FROM prompts WHERE message >= ? AND message < ?", below))

    def note(self, message: str, call_id: bytes, device: str) -> None:
        """The message will be this call's doing."""
        self._noted[message] = (call_id, device)
        while len(self._noted) > MAX_NOTED:
            del self._noted[next(iter(self._noted))]
        self._store.write(
            ("INSERT OR REPLACE INTO prompts(message, call_id, device) VALUES(?, ?, ?)", (message, call_id, device))
        )

    def decorate(self, message: session.Message) -> None:
        """Writes call and device into a person's message; leaves one that was typed elsewhere as it is."""
        if message.role != session.ROLE_PERSON:
            return
        known = self._noted.get(message.name) or self._store.row(
            "SELECT call_id, device FROM prompts WHERE message = ?", message.name
        )
        if known:
            message.call_id, message.author_device = known
