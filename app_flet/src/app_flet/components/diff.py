"""What changed in files: paths with counts, and coloured lines that are made only when a file is opened."""

from itertools import islice

import flet as ft

from app_flet.boundary import component
from app_flet.components.status import changed_lines, label, quiet
from app_flet.components.touch import copy_button, tappable, text_button
from app_flet.patch import Line, LineKind, lines
from app_flet.screen import local, watch
from app_flet.theme import ADDED, RADIUS, TAKEN, mono
from halyard_client.halyard.agent import v1

PREVIEW_LINES = 14
PAGE_LINES = 200
"""Lines drawn at once; the rest on demand, for a patch of thousands of rows stops every screen of the host."""
CHANGES = {
    v1.FileChange.ADDED: "new",
    v1.FileChange.DELETED: "deleted",
    v1.FileChange.RENAMED: "moved",
}


def _row(line: Line, *, dark: bool) -> ft.Control:
    colors = {LineKind.ADDED: ADDED[dark], LineKind.TAKEN: TAKEN[dark]}.get(line.kind)
    sign = {LineKind.ADDED: "+", LineKind.TAKEN: "-"}.get(line.kind, " ")
    muted = line.kind in (LineKind.HUNK, LineKind.NOTE)
    color = colors.strong if colors else ft.Colors.ON_SURFACE_VARIANT if muted else ft.Colors.ON_SURFACE
    text = line.text if muted else f"{sign} {line.text}"
    return ft.Container(
        ft.Text(text, style=mono(12.5, color)),
        bgcolor=colors.pale if colors else ft.Colors.SURFACE_CONTAINER_HIGHEST if line.kind is LineKind.HUNK else None,
        padding=ft.Padding.symmetric(horizontal=10, vertical=1),
    )


def patch_rows(patch: str, limit: int, *, dark: bool) -> list[ft.Control]:
    """The first `limit` lines of a diff, coloured."""
    return [_row(line, dark=dark) for line in islice(lines(patch), limit)]


@component
def PatchView(diff: v1.FileDiff, preview: int = PAGE_LINES) -> ft.Control:
    """One file's diff, its first lines at once and the rest on demand."""
    shown, show = local(preview)
    dark = watch(lambda sight: sight.dark)
    total = sum(1 for _ in lines(diff.patch))
    rows = patch_rows(diff.patch, shown, dark=dark)
    if not rows:
        rows = [ft.Container(quiet("No text to show: the file is binary or only moved."), padding=12)]
    body: list[ft.Control] = [ft.Column(rows, spacing=0, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)]
    if total > shown:
        more = f"Show {min(PAGE_LINES, total - shown)} more of {total} lines"
        body.append(text_button("diff-more", more, lambda _: show(shown + PAGE_LINES)))
    if diff.truncated:
        body.append(ft.Container(quiet("The diff was cut: the file changed more than is sent."), padding=10))
    return ft.Container(
        ft.Column(body, spacing=0, horizontal_alignment=ft.CrossAxisAlignment.STRETCH),
        bgcolor=ft.Colors.SURFACE_CONTAINER_LOWEST,
        border=ft.Border.all(1, ft.Colors.OUTLINE_VARIANT),
        border_radius=RADIUS - 4,
        clip_behavior=ft.ClipBehavior.ANTI_ALIAS,
    )


def path_line(diff: v1.FileDiff, *, dark: bool) -> ft.Control:
    """Path, what became of the file, and how many lines."""
    words = CHANGES.get(diff.change, "")
    return ft.Row(
        [
            ft.Text(diff.path, style=mono(13), expand=True, max_lines=2, overflow=ft.TextOverflow.ELLIPSIS),
            *([label(words, ft.Colors.ON_SURFACE_VARIANT)] if words else []),
            changed_lines(diff.additions, diff.deletions, dark=dark),
        ],
        spacing=10,
    )


@component
def FileChangeCard(diff: v1.FileDiff, index: int, *, open_at_first: bool = False) -> ft.Control:
    """A file that opens to its diff when tapped."""
    is_open, set_open = local(open_at_first)
    dark = watch(lambda sight: sight.dark)
    arrow = ft.Icons.EXPAND_LESS_ROUNDED if is_open else ft.Icons.EXPAND_MORE_ROUNDED
    head = ft.Row(
        [
            ft.Container(path_line(diff, dark=dark), expand=True),
            ft.Icon(arrow, size=20, color=ft.Colors.ON_SURFACE_VARIANT),
        ],
        spacing=8,
    )
    card = tappable(f"file:{index}", head, lambda _: set_open(not is_open), padding=12)
    if not is_open:
        return card
    tools = ft.Row([ft.Container(expand=True), copy_button(f"copy-diff:{index}", diff.patch, "Copy diff")])
    return ft.Column([card, PatchView(diff), tools], spacing=4, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)
