from app_flet.patch import Line, LineKind, lines

PATCH = """--- a/x.py
+++ b/x.py
@@ -3,3 +3,3 @@ def f():
 same
-old
+new
--- not a head inside a hunk
\\ No newline at end of file
"""


def test_lines_carry_their_kind_text_and_number() -> None:
    assert list(lines(PATCH)) == [
        Line(LineKind.HUNK, "@@ -3,3 +3,3 @@ def f():"),
        Line(LineKind.CONTEXT, "same", 3),
        Line(LineKind.TAKEN, "old", 4),
        Line(LineKind.ADDED, "new", 4),
        Line(LineKind.TAKEN, "-- not a head inside a hunk", 5),
        Line(LineKind.NOTE, "No newline at end of file"),
    ]


def test_an_empty_patch_has_no_lines() -> None:
    assert list(lines("")) == []
