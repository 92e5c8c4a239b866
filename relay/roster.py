"""Which workstations an operator once let in, in a text file beside the database: an id a line.

The database knows it too. When that is lost, this file lets the workstations come back and fill it again; without it,
each would need an invite. Deleting a workstation strikes it here first.
"""

import logging
import re
from collections.abc import Iterable
from pathlib import Path

from relay.errors import StoreUnavailable

ROSTER_FILE = "workstations.txt"
_ID = re.compile(r"[a-z2-7]{26}")

_log = logging.getLogger(__name__)


class Roster:
    """The ids in `file` and those that are `always` let in."""

    def __init__(self, file: Path, always: frozenset[str] = frozenset()) -> None:
        """Reads the file; what is no id in it is passed over."""
        self._file = file
        self._always = always
        lines = file.read_text(encoding="ascii", errors="replace").split() if file.exists() else []
        self._ids = {line for line in lines if _ID.fullmatch(line)}

    def __contains__(self, device_id: str) -> bool:
        """Whether this workstation needs no invite."""
        return device_id in self._always or device_id in self._ids

    def enter(self, device_ids: Iterable[str]) -> None:
        """Notes workstations that were let in. A disk that does not take it costs an invite later, and no link now."""
        fresh = [device_id for device_id in device_ids if device_id not in self]
        if not fresh:
            return
        try:
            self._file.touch(mode=0o600)
            with self._file.open("a", encoding="ascii") as roster:
                # On a line of its own, also after a line that a full disk cut off.
                roster.writelines(f"\n{device_id}\n" for device_id in fresh)
        except OSError as error:
            _log.warning("%s could not be written: %s", self._file, error.strerror)
            return
        self._ids.update(fresh)

    def strike(self, device_id: str) -> None:
        """It needs an invite again. StoreUnavailable when the file cannot be written: then it must not be deleted."""
        if device_id not in self._ids:
            return
        left = sorted(self._ids - {device_id})
        draft = self._file.with_suffix(".new")
        try:
            draft.touch(mode=0o600)
            draft.write_text("".join(f"{kept}\n" for kept in left), encoding="ascii")
            draft.replace(self._file)
        except OSError as error:
            raise StoreUnavailable(f"{self._file.name} cannot be written ({error.strerror}); make room.") from None
        self._ids = set(left)
