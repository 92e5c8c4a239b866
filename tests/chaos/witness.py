"""What is true, seen from outside: OpenCode's own answers, the process table, what commands and model wrote."""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.chaos.comparison import Held
from tests.chaos.growth import Size
from tests.chaos.parts import size_of
from tests.chaos.rig import Rig, opencode_client

_TRACEBACK = "Traceback (most recent call last)"

Messages = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Truth:
    """What OpenCode holds."""

    held: Mapping[str, Held]
    """Every session of the project."""
    busy: tuple[str, ...]
    """Sessions that work at something."""
    waiting: tuple[str, ...]
    """Ids of the permissions and questions that it waits for."""

    @property
    def sessions(self) -> Mapping[str, Messages]:
        """Every session with its messages, in order."""
        return {session: held.messages for session, held in self.held.items()}


async def truth(rig: Rig) -> Truth | None:
    """What OpenCode holds now; None while it cannot be asked."""
    server = rig.opencode
    if server is None:
        return None
    here = {"x-opencode-directory": str(rig.project)}
    try:
        async with opencode_client(server) as client:
            listed = await _get(client, "/session", headers=here, params={"limit": 1000})
            busy = await _get(client, "/session/status", headers=here)
            asks = await _get(client, "/permission", headers=here) + await _get(client, "/question", headers=here)
            held = {one["id"]: await _held(client, one) for one in listed}
    except (httpx.HTTPError, psutil.Error, KeyError):
        return None
    return Truth(held, tuple(busy), tuple(ask["id"] for ask in asks))


async def _held(client: httpx.AsyncClient, info: Mapping[str, Any]) -> Held:
    path = f"/session/{info['id']}"
    return Held(info, await _get(client, f"{path}/message"), await _get(client, f"{path}/todo"))


async def _get(client: httpx.AsyncClient, path: str, **options: Any) -> Any:
    answer = await client.get(path, **options)
    answer.raise_for_status()
    return answer.json()


def effects(rig: Rig) -> list[str]:
    """Every line that a command wrote."""
    return rig.effects.read_text().splitlines() if rig.effects.exists() else []


def files(rig: Rig) -> dict[str, str]:
    """Every file that a call may have written: its path, as calls name it → what it holds."""
    return {file.name: file.read_text() for file in rig.project.glob("t*.txt")}


def requests(rig: Rig) -> list[Mapping[str, Any]]:
    """Every request that reached the model."""
    return [json.loads(line) for line in rig.journal.read_text().splitlines()] if rig.journal.exists() else []


def crashes(rig: Rig) -> list[str]:
    """Ends that nobody brought about, and defects that a process caught and wrote down."""
    found = [crash for part in (*rig.parts(), rig.model) for crash in part.crashes]
    for part in (*rig.parts(), rig.model):
        count = part.log.read_text(errors="replace").count(_TRACEBACK) if part.log.exists() else 0
        found += [f"{part.name} wrote down defect number {n + 1}" for n in range(count)]
    return found


def sizes(rig: Rig) -> dict[str, Size]:
    """How large every process is."""
    server = rig.opencode
    found = {part.name: Size(*size_of(part.pid), part.pid) for part in (*rig.parts(), rig.model) if part.pid}
    return found | ({"opencode": Size(*size_of(server.pid), server.pid)} if server else {})


def running_of(folder: Path) -> list[psutil.Process]:
    """Live processes that belong to a stage: its folder is in their arguments or surroundings, or they work in it.

    Whoever clears his surroundings still works where he was started, or was told so.
    """
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            told = "\n".join([*process.cmdline(), *process.environ().values(), process.cwd()])
            if str(folder) in told and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def strangers(rig: Rig) -> list[str]:
    """Processes of this stage that none of its parts owns."""
    parts = {part.pid for part in (*rig.parts(), rig.model) if part.pid}
    found = []
    for process in running_of(rig.folder):
        with suppress(psutil.Error):
            # Asked last: whoever starts a process meanwhile is still its parent.
            line = {process.pid, *(parent.pid for parent in process.parents())}
            found += [] if line & parts else [_line_of(process)]
    return found


def left_in(rig: Rig) -> list[str]:
    """What still runs after everything was stopped."""
    found = []
    for process in running_of(rig.folder):
        with suppress(psutil.Error):
            found.append(_line_of(process))
    return found


def _line_of(process: psutil.Process) -> str:
    return f"{process.pid} {' '.join(process.cmdline())[:200]}"
