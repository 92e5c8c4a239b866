"""OpenCode's descriptions of changed files → FileDiff. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agentd.agents.opencode import schema
from agentd.agents.opencode.place import MOST_LINES, count, relative_to
from halyard.agent.v1 import session_pb2 as pb

# A phone shows a diff in pieces; more than this is looked at on the workstation.
MAX_PATCH_BYTES = 64 * 1024

_CHANGES = {
    "added": pb.FILE_CHANGE_ADDED,
    "modified": pb.FILE_CHANGE_MODIFIED,
    "deleted": pb.FILE_CHANGE_DELETED,
    "renamed": pb.FILE_CHANGE_RENAMED,
}


def _body(patch: str) -> list[str]:
    """Returns the hunks. What precedes them names the file with absolute paths and in several dialects."""
    lines = patch.splitlines()
    first = next((i for i, line in enumerate(lines) if line.startswith("@@")), len(lines))
    return lines[first:]


def _kind(hunks: Sequence[str]) -> pb.FileChange:
    if len(hunks) == 0:
        return pb.FILE_CHANGE_UNSPECIFIED
    if hunks[0].startswith("@@ -0,0 "):
        return pb.FILE_CHANGE_ADDED
    return pb.FILE_CHANGE_DELETED if " +0,0 @@" in hunks[0] else pb.FILE_CHANGE_MODIFIED


def _cut(text: str) -> tuple[str, bool]:
    encoded = text.encode()
    if len(encoded) <= MAX_PATCH_BYTES:
        return text, False
    whole_lines = encoded[:MAX_PATCH_BYTES].decode("utf-8", "ignore").rpartition("\n")[0]
    return whole_lines + "\n", True


def file_diff(
    path: str, patch: str, *, status: str = "", additions: float | None = None, deletions: float | None = None
) -> pb.FileDiff:
    """Returns the change of one file; counts its lines and names its kind where OpenCode does not."""
    hunks = _body(patch)
    added = sum(line.startswith("+") for line in hunks) if additions is None else count(additions, MOST_LINES)
    deleted = sum(line.startswith("-") for line in hunks) if deletions is None else count(deletions, MOST_LINES)
    change = _CHANGES.get(status) or _kind(hunks)
    old = "/dev/null" if change == pb.FILE_CHANGE_ADDED else f"a/{path}"
    new = "/dev/null" if change == pb.FILE_CHANGE_DELETED else f"b/{path}"
    text, truncated = _cut("\n".join([f"--- {old}", f"+++ {new}", *hunks, ""]) if hunks else "")
    return pb.FileDiff(
        path=path,
        patch=text,
        additions=added,
        deletions=deleted,
        change=change,
        truncated=truncated,
    )


def file_diffs(changes: Iterable[schema.FileChange], directory: str) -> list[pb.FileDiff]:
    """Returns the changes with paths relative to the directory."""
    return [
        file_diff(
            relative_to(directory, change.file),
            change.patch,
            status=change.status,
            additions=change.additions,
            deletions=change.deletions,
        )
        for change in changes
    ]


def merge(turns: Iterable[Sequence[pb.FileDiff]]) -> list[pb.FileDiff]:
    """Returns one change per file from the changes of successive turns: counts added up, hunks one after another."""
    files: dict[str, pb.FileDiff] = {}
    for diff in (diff for turn in turns for diff in turn):
        known = files.get(diff.path)
        if known is None:
            files[diff.path] = pb.FileDiff()
            files[diff.path].CopyFrom(diff)
            continue
        text, truncated = _cut(known.patch + "\n".join([*_body(diff.patch), ""]))
        known.patch = text
        known.truncated = known.truncated or diff.truncated or truncated
        known.additions = count(known.additions + diff.additions, MOST_LINES)
        known.deletions = count(known.deletions + diff.deletions, MOST_LINES)
        known.change = _merged_kind(known.change, diff.change)
    return [files[path] for path in sorted(files)]


def _merged_kind(first: pb.FileChange, then: pb.FileChange) -> pb.FileChange:
    if first == pb.FILE_CHANGE_ADDED and then == pb.FILE_CHANGE_MODIFIED:
        return pb.FILE_CHANGE_ADDED
    if first == pb.FILE_CHANGE_DELETED and then == pb.FILE_CHANGE_ADDED:
        return pb.FILE_CHANGE_MODIFIED
    return then
