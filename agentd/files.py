"""Folders and files of a project, for reading. Nothing outside the project's folder is shown, whatever links say.

What is opened is checked after it was opened: a link that is swapped in between leads nowhere.
"""

import os
import stat
from pathlib import Path

from agentd.agents.agent import PathOutsideProjectError
from agentd.errors import malformed, not_found
from halyard.agent.v1 import agent_service_pb2 as pb

MAX_ENTRIES = 5_000
DEFAULT_READ_BYTES = 256 * 1024
MAX_READ_BYTES = 1024 * 1024
_SNIFFED_BYTES = 8 * 1024


def is_folder(path: Path) -> bool:
    """Whether there is a folder. Unlike the methods of paths and entries, False also for what may not be looked at, for
    names that are too long and for links in a circle, where those raise.
    """
    return os.path.isdir(path)  # noqa: PTH112 - as said


def read_start(file: Path, most: int) -> bytes:
    """The first `most` bytes of a regular file; OSError where there is none."""
    with os.fdopen(_open_regular(file), "rb") as opened:
        return opened.read(most)


def list_folder(project: Path, path: str) -> list[pb.FileEntry]:
    """What the folder `path` of the project holds, folders first, then by name; at most 5,000 entries.

    A name that is no text is shown with � for what cannot be read; nothing can be opened by it.
    """
    root = project.resolve()
    folder = _inside(root, path)
    if not is_folder(folder):
        raise not_found(f"{path or '.'} is not a folder of this project.")
    try:
        with os.scandir(folder) as found:
            entries = [_entry(root, item) for item in found if item.name != ".git"]
    except OSError as error:
        raise not_found(f"{path or '.'} cannot be listed: {error.strerror}.") from None
    return sorted(entries, key=lambda entry: (not entry.folder, entry.path.lower(), entry.path))[:MAX_ENTRIES]


def read_file(project: Path, path: str, offset_bytes: int, limit_bytes: int) -> pb.ReadFileResponse:
    """At most `limit_bytes` (0: 256 KiB; no more than 1 MiB) of the file `path` from `offset_bytes` on."""
    root = project.resolve()
    file = _inside(root, path)
    limit = min(limit_bytes or DEFAULT_READ_BYTES, MAX_READ_BYTES)
    with os.fdopen(_open(file, path), "rb") as opened:
        status = os.fstat(opened.fileno())
        _check_still_inside(root, file, status)
        start = opened.read(_SNIFFED_BYTES)
        opened.seek(min(offset_bytes, status.st_size))
        content = opened.read(limit)
    return pb.ReadFileResponse(content=content, size_bytes=status.st_size, binary=is_binary(start))


def is_binary(start: bytes) -> bool:
    """Whether a file that begins with these bytes is no text: it holds a zero byte or something that is not UTF-8."""
    if b"\0" in start:
        return True
    try:
        start.decode()
    except UnicodeDecodeError as error:
        # A character may be cut at the end of what was looked at.
        return error.end < len(start) or len(start) < _SNIFFED_BYTES
    return False


def _inside(root: Path, path: str) -> Path:
    if "\0" in path:
        raise malformed("A path holds no zero byte.")
    try:
        resolved = (root / path).resolve()
    except RuntimeError:
        raise not_found(f"{path} is a link that leads in a circle.") from None
    if not resolved.is_relative_to(root):
        raise PathOutsideProjectError(f"{path} leads out of the project's folder.")
    return resolved


class _NotRegularError(OSError):
    """There is something else: a folder, a pipe, a device."""


def _open_regular(file: Path, flags: int = 0) -> int:
    # NONBLOCK: a named pipe would wait for a writer for ever.
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _NotRegularError(file)
    return descriptor


def _open(file: Path, path: str) -> int:
    try:
        return _open_regular(file, os.O_NOFOLLOW)
    except _NotRegularError:
        raise not_found(f"{path} is not a file of this project.") from None
    except (FileNotFoundError, NotADirectoryError):
        raise not_found(f"There is no file {path} in this project.") from None
    except OSError as error:
        raise not_found(f"{path} cannot be read: {error.strerror}.") from None


def _check_still_inside(root: Path, file: Path, opened: os.stat_result) -> None:
    now = file.resolve()
    if not now.is_relative_to(root) or not os.path.samestat(now.stat(), opened):
        raise PathOutsideProjectError("The file changed its place while it was opened; try again.")


def _entry(root: Path, item: os.DirEntry[str]) -> pb.FileEntry:
    status = item.stat(follow_symlinks=False)
    path = Path(item.path)
    folder = is_folder(path) and path.resolve().is_relative_to(root)
    shown = os.fsencode(path.relative_to(root)).decode(errors="replace")
    entry = pb.FileEntry(path=shown, folder=folder, size_bytes=0 if folder else status.st_size)
    entry.modify_time.FromNanoseconds(status.st_mtime_ns)
    return entry
