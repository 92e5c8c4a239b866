"""Folders in which agents work."""

import os
from collections.abc import Callable
from pathlib import Path

from agentd.agents.agent import project_name
from agentd.errors import malformed, not_found
from agentd.files import is_folder, read_start
from agentd.session_log import SessionLog
from halyard.agent.v1 import resource_pb2
from halyard.agent.v1 import workstation_pb2 as pb

ACTIVE_STEP_MS = 60_000
"""How coarse `last_active_time` is: each change of it is a record for every app."""
_MAX_LINE_BYTES = 8 * 1024
"""Of a file of git's: longer than any path or branch."""


class Projects:
    """The known projects; they live in the log."""

    def __init__(self, log: SessionLog, clock_ms: Callable[[], int]) -> None:
        self._log = log
        self._clock_ms = clock_ms

    def list(self) -> list[pb.Project]:
        """All projects, most recently used first."""
        known = (value.project for value in self._log.of_kind("project"))
        return sorted(known, key=lambda project: (-project.last_active_time.ToNanoseconds(), project.name))

    def add(self, path: str) -> pb.Project:
        """The folder as a project, known or new; MALFORMED for a relative path, NOT_FOUND for one that is no folder."""
        try:
            folder = Path(path).expanduser()
        except RuntimeError:
            raise not_found(f"{path} begins with the home of a user who is not known here.") from None
        if not folder.is_absolute():
            raise malformed("Name the folder by its absolute path, for example /home/you/project.")
        if not is_folder(folder):
            raise not_found(f"{path} is not a folder on this workstation.")
        folder = folder.resolve()
        if not _is_text(folder):
            raise malformed(f"{path} leads to a folder whose name is no UTF-8 text; rename that folder first.")
        return self._note(folder)

    def get(self, name: str) -> pb.Project:
        """The project; NOT_FOUND when it is unknown."""
        value = self._log.get(name)
        if value is None or not value.HasField("project"):
            raise not_found("No such project is known here; add its folder first.")
        return value.project

    def folder(self, name: str) -> Path:
        """The project's folder; NOT_FOUND when it is unknown or gone."""
        folder = Path(self.get(name).path)
        if not is_folder(folder):
            raise not_found(f"The folder {folder} is no longer there.")
        return folder

    def touch(self, name: str) -> None:
        """A session in the project was just used."""
        value = self._log.get(name)
        now = self._clock_ms()
        if value is None or now - value.project.last_active_time.ToMilliseconds() < ACTIVE_STEP_MS:
            return
        value.project.last_active_time.FromMilliseconds(now)
        self._refresh(value.project)
        self._log.put(value)

    def _note(self, folder: Path) -> pb.Project:
        name = project_name(folder)
        known = self._log.get(name)
        project = known.project if known else pb.Project(name=name, display_name=folder.name, path=str(folder))
        self._refresh(project)
        self._log.put(resource_pb2.Resource(name=name, project=project))
        return project

    def _refresh(self, project: pb.Project) -> None:
        branch = git_branch(Path(project.path))
        project.git = branch is not None
        project.branch = branch or ""


def _is_text(path: Path) -> bool:
    return os.fsencode(path).decode(errors="replace") == str(path)


def git_branch(folder: Path) -> str | None:
    """The branch checked out in `folder` or above it, empty when the head is detached; None outside of repositories.

    Reads .git/HEAD instead of starting git: https://git-scm.com/docs/gitrepository-layout.
    """
    for parent in (folder, *folder.parents):
        try:
            content = _line(_git_dir(parent / ".git") / "HEAD")
        except (OSError, ValueError):
            # None there, none that may be read, or one that git would not take either: a folder, a path with a zero.
            continue
        return content.removeprefix("ref: refs/heads/") if content.startswith("ref: ") else ""
    return None


def _git_dir(path: Path) -> Path:
    # In a worktree or submodule .git is a file that says where the real one is.
    if path.is_file():
        return path.parent / _line(path).removeprefix("gitdir: ")
    return path


def _line(file: Path) -> str:
    return read_start(file, _MAX_LINE_BYTES).decode(errors="replace").strip()
