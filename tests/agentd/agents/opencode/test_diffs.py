from __future__ import annotations

from agentd.agents.opencode import schema
from agentd.agents.opencode.diffs import MAX_PATCH_BYTES, file_diff, file_diffs, merge
from halyard.agent.v1 import session_pb2 as pb

# As the edit permission of 1.18.33 carries it.
THEIRS = (
    "Index: /p/sail.py\n===================================================================\n"
    "--- /p/sail.py\n+++ /p/sail.py\n@@ -1,2 +1,2 @@\n same\n-red\n+blue\n"
)


def test_the_head_is_replaced_by_one_with_relative_paths() -> None:
    diff = file_diff("sail.py", THEIRS)
    assert diff.patch == "--- a/sail.py\n+++ b/sail.py\n@@ -1,2 +1,2 @@\n same\n-red\n+blue\n"
    assert (diff.additions, diff.deletions, diff.change) == (1, 1, pb.FILE_CHANGE_MODIFIED)


def test_new_and_deleted_files_are_told_by_their_hunks() -> None:
    assert file_diff("a", "@@ -0,0 +1,1 @@\n+x\n").change == pb.FILE_CHANGE_ADDED
    assert file_diff("a", "@@ -1,1 +0,0 @@\n-x\n").change == pb.FILE_CHANGE_DELETED


def test_a_file_without_a_text_difference_has_no_patch() -> None:
    diff = file_diff("sail.png", "Binary files differ", status="modified")
    assert (diff.patch, diff.change) == ("", pb.FILE_CHANGE_MODIFIED)


def test_a_long_patch_is_cut_at_a_line_and_says_so() -> None:
    diff = file_diff("a", "@@ -0,0 +1,9999 @@\n" + "+ünïcödé\n" * 9999)
    assert diff.truncated
    assert len(diff.patch.encode()) <= MAX_PATCH_BYTES
    assert diff.patch.endswith("+ünïcödé\n")
    assert diff.additions == 9999


def test_paths_are_relative_and_counts_are_theirs() -> None:
    [diff] = file_diffs(
        [schema.FileChange(file="/p/x/y.py", patch="@@ -1 +1 @@\n-a\n+b", additions=7, deletions=8)], "/p"
    )
    assert (diff.path, diff.additions, diff.deletions) == ("x/y.py", 7, 8)


def test_turns_are_added_up_per_file() -> None:
    first = [file_diff("b", "@@ -0,0 +1,1 @@\n+x\n"), file_diff("a", "@@ -1,1 +1,1 @@\n-1\n+2\n")]
    second = [file_diff("b", "@@ -1,1 +1,1 @@\n-x\n+y\n")]
    a, b = merge([first, second])
    assert (a.path, b.path) == ("a", "b")
    assert (b.additions, b.deletions, b.change) == (2, 1, pb.FILE_CHANGE_ADDED)
    assert b.patch.splitlines()[2:] == ["@@ -0,0 +1,1 @@", "+x", "@@ -1,1 +1,1 @@", "-x", "+y"]
    assert first[0].additions == 1


def test_a_file_that_was_deleted_and_made_again_is_modified() -> None:
    [diff] = merge([[file_diff("a", "@@ -1,1 +0,0 @@\n-x\n")], [file_diff("a", "@@ -0,0 +1,1 @@\n+y\n")]])
    assert diff.change == pb.FILE_CHANGE_MODIFIED
