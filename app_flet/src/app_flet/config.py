"""The one place that reads the environment."""

import os
from pathlib import Path


def storage_folder() -> Path:
    """Where a native app keeps its store: the folder that the platform gave Flet, else one of the user's own."""
    given = os.environ.get("FLET_APP_STORAGE_DATA")
    if given:
        return Path(given)
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "halyard-app"
