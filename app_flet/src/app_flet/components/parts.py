"""The pieces of a message: words, thinking, tools at work, files, notices."""

import flet as ft

from app_flet.boundary import component, keyed
from app_flet.components.diff import FileChangeCard, PatchView
from app_flet.components.prose import Prose
from app_flet.components.status import changed_lines, label, mark, quiet
from app_flet.components.touch import Handler, copy_button, tappable, text_button
from app_flet.conversation import cut_into_blocks, output, part_of, words
from app_flet.model import Held, Transcript
from app_flet.route import Page, Place
from app_flet.screen import Sight, local, screen, watch
from app_flet.theme import RADIUS, Tone, mono
from halyard_client.halyard.agent import v1

OUTPUT_LINES = 16
ICONS = {
    v1.ToolKind.EXECUTE: ft.Icons.TERMINAL_ROUNDED,
    v1.ToolKind.EDIT: ft.Icons.EDIT_ROUNDED,
    v1.ToolKind.READ: ft.Icons.DESCRIPTION_OUTLINED,
    v1.ToolKind.SEARCH: ft.Icons.SEARCH_ROUNDED,
    v1.ToolKind.FETCH: ft.Icons.PUBLIC_ROUNDED,
    v1.ToolKind.PLAN: ft.Icons.CHECKLIST_ROUNDED,
    v1.ToolKind.QUESTION: ft.Icons.HELP_OUTLINE_ROUNDED,
    v1.ToolKind.SUBAGENT: ft.Icons.ACCOUNT_TREE_OUTLINED,
}
TONES = {
    v1.ToolState.PENDING: Tone.QUIET,
    v1.ToolState.RUNNING: Tone.WORKING,
    v1.ToolState.COMPLETE: Tone.DONE,
    v1.ToolState.FAILED: Tone.FAILED,
    v1.ToolState.INTERRUPTED: Tone.FAILED,
}


def _transcript(sight: Sight) -> Transcript | None:
    known = sight.model.workstations.get(sight.place.workstation)
    return known.transcripts.get(sight.place.session) if known else None


@component
def PartView(record: Held) -> ft.Control:
    """Any part, by what it holds."""
    part = part_of(record)
    if part.text is not None:
        return Words(record)
    if part.reasoning is not None:
        return Thinking(record)
    if part.tool_call is not None:
        return Tool(record)
    if part.changes is not None:
        return _changes(part.changes)
    if part.file is not None:
        return _file(part.file)
    if part.notice is not None:
        return _notice(part.notice)
    return quiet("Something this app cannot show yet. Update it to see this.")


@component
def Words(record: Held) -> ft.Control:
    """What the agent says, growing while it does."""
    text = watch(lambda sight: words(_transcript(sight), record))
    blocks, tail = cut_into_blocks(text)
    return Prose(tuple(blocks), tail)


@component
def Thinking(record: Held) -> ft.Control:
    """The model's thinking, folded to one line."""
    is_open, set_open = local(initial=False)
    text = watch(lambda sight: words(_transcript(sight), record))
    still = part_of(record).state is v1.PartState.OPEN
    head = ft.Row(
        [
            ft.Icon(ft.Icons.PSYCHOLOGY_OUTLINED, size=18, color=ft.Colors.ON_SURFACE_VARIANT),
            quiet("Thinking …" if still else "Thought"),
            ft.Container(quiet(" ".join(text.split())[-90:] if not is_open else "", lines=1), expand=True),
        ],
        spacing=8,
    )
    fold = tappable("thinking", head, lambda _: set_open(not is_open), padding=8, bgcolor=ft.Colors.TRANSPARENT)
    if not is_open:
        return fold
    return ft.Column([fold, ft.Container(quiet(text), padding=ft.Padding.only(left=26))], spacing=0)


@component
def Tool(record: Held) -> ft.Control:
    """A tool call in one line; its command, output and changes when opened."""
    call = part_of(record).tool_call or v1.ToolCall()
    is_open, set_open = local(initial=False)
    dark = watch(lambda sight: sight.dark)
    text = watch(lambda sight: output(_transcript(sight), record) if is_open else "")
    card = ft.Container(
        ft.Column(
            [_tool_head(call, lambda _: set_open(not is_open), is_open=is_open, dark=dark)]
            + (_tool_body(call, text) if is_open else []),
            spacing=0,
            horizontal_alignment=ft.CrossAxisAlignment.STRETCH,
            tight=True,
        ),
        border=ft.Border.all(1, ft.Colors.OUTLINE_VARIANT),
        border_radius=RADIUS - 4,
        clip_behavior=ft.ClipBehavior.ANTI_ALIAS,
    )
    below: list[ft.Control] = [card, *([_child(call)] if call.child_session else [])]
    return ft.Column(below, spacing=6, horizontal_alignment=ft.CrossAxisAlignment.STRETCH, tight=True)


def _tool_head(call: v1.ToolCall, toggle: Handler, *, is_open: bool, dark: bool) -> ft.Control:
    icon = ICONS.get(call.kind, ft.Icons.BUILD_OUTLINED)
    line = call.command or call.path or call.title or call.tool
    what = ft.Column(
        [
            *([quiet(call.title, lines=1)] if call.title and call.title != line else []),
            ft.Text(line, style=mono(13), max_lines=2, overflow=ft.TextOverflow.ELLIPSIS),
            *([ft.Text(call.error, theme_style=ft.TextThemeStyle.BODY_SMALL, max_lines=3)] if call.error else []),
        ],
        spacing=1,
        expand=True,
    )
    row = ft.Row(
        [
            ft.Icon(icon, size=18, color=ft.Colors.ON_SURFACE_VARIANT),
            what,
            *_counts(call, dark=dark),
            mark(TONES.get(call.state, Tone.QUIET), dark=dark),
            ft.Icon(ft.Icons.EXPAND_LESS_ROUNDED if is_open else ft.Icons.EXPAND_MORE_ROUNDED, size=18),
        ],
        spacing=10,
    )
    return tappable(f"tool:{call.tool}", row, toggle, padding=ft.Padding.symmetric(horizontal=12, vertical=9))


def _counts(call: v1.ToolCall, *, dark: bool) -> list[ft.Control]:
    added, taken = sum(diff.additions for diff in call.diffs), sum(diff.deletions for diff in call.diffs)
    return [changed_lines(added, taken, dark=dark)] if added or taken else []


def _tool_body(call: v1.ToolCall, text: str) -> list[ft.Control]:
    shown = text.rstrip().splitlines()
    cut = len(shown) - OUTPUT_LINES * 4
    body = "\n".join(shown[max(cut, 0) :]) or ("No output yet." if call.state is v1.ToolState.RUNNING else "No output.")
    tools: list[ft.Control] = (
        [label(f"{cut} lines above are not shown", ft.Colors.ON_SURFACE_VARIANT)] if cut > 0 else []
    )
    if call.diffs:
        return [ft.Container(PatchView(diff), padding=8) for diff in call.diffs]
    return [
        ft.Container(
            ft.Text(body, style=mono(12.5, ft.Colors.ON_SURFACE)),
            bgcolor=ft.Colors.SURFACE_CONTAINER_HIGHEST,
            padding=12,
        ),
        ft.Row([ft.Container(ft.Row(tools), expand=True, padding=8), copy_button("copy-output", text, "Copy output")]),
    ]


def _child(call: v1.ToolCall) -> ft.Control:
    here = screen()
    place = Place(Page.SESSION, here.sight.place.workstation, session=call.child_session)
    return text_button(
        "open-subagent", "Open the subagent's session", lambda _: here.go(place), icon=ft.Icons.ACCOUNT_TREE_OUTLINED
    )


def _changes(changes: v1.ChangeSet) -> ft.Control:
    told = [diff for diff in changes.diffs if diff.patch or diff.additions or diff.deletions]
    if not told:
        return quiet(f"Changed {', '.join(diff.path for diff in changes.diffs)}", lines=2)
    cards = [keyed(diff.path, FileChangeCard, diff, at) for at, diff in enumerate(told)]
    return ft.Column(cards, spacing=6, horizontal_alignment=ft.CrossAxisAlignment.STRETCH, tight=True)


def _file(file: v1.FileRef) -> ft.Control:
    return ft.Row([ft.Icon(ft.Icons.ATTACH_FILE_ROUNDED, size=16), ft.Text(file.path, style=mono(13))], spacing=6)


def _notice(notice: v1.Notice) -> ft.Control:
    rule = ft.Container(ft.Divider(height=1), expand=True)
    return ft.Row([rule, quiet(notice.text), ft.Container(ft.Divider(height=1), expand=True)], spacing=10)
