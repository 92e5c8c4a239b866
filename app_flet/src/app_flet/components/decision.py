"""The decision card: what an agent wants to do, why a person is asked, and what the person may say.

Made so that it cannot be pressed wrongly: taps just after cards moved do not count, the careful choice is as large as
the other, "always" says what it adds before it adds it, and once something was said the buttons are gone.
"""

from collections.abc import Callable

import flet as ft

from app_flet import intents
from app_flet.boundary import component
from app_flet.components.diff import PatchView, path_line
from app_flet.components.frames import asking_frame
from app_flet.components.message_state import way_buttons
from app_flet.components.status import label, mark, quiet
from app_flet.components.touch import Entry, field, filled_button, outlined_button, region
from app_flet.glance import MAY_DECIDE, Need, call_about, role_in, workstation_name
from app_flet.instants import clock_time, milliseconds
from app_flet.model import CallView
from app_flet.screen import kept, local, screen, watch
from app_flet.theme import RADIUS, Tone, ink, mono
from app_flet.underway import Way, is_too_late, place, ways_on, withdrawing
from halyard_client.halyard.agent import v1

PREVIEW_LINES = 12
SHORT_LINES = 7
RISKS = {
    v1.Risk.LOW: ("Low risk", Tone.QUIET),
    v1.Risk.MEDIUM: ("Changes the project", Tone.WORKING),
    v1.Risk.HIGH: ("High risk", Tone.FAILED),
}
KINDS = {
    v1.ToolKind.EXECUTE: (ft.Icons.TERMINAL_ROUNDED, "Run a command"),
    v1.ToolKind.EDIT: (ft.Icons.EDIT_ROUNDED, "Change a file"),
    v1.ToolKind.READ: (ft.Icons.DESCRIPTION_OUTLINED, "Read"),
    v1.ToolKind.FETCH: (ft.Icons.PUBLIC_ROUNDED, "Fetch from the network"),
}
OUTCOMES = {
    v1.DecisionState.ALLOWED_ONCE: ("Allowed once", Tone.DONE),
    v1.DecisionState.ALLOWED_ALWAYS: ("Always allowed", Tone.DONE),
    v1.DecisionState.DENIED: ("Denied", Tone.FAILED),
    v1.DecisionState.EXPIRED: ("Expired", Tone.OFFLINE),
    v1.DecisionState.ANSWERED: ("Answered", Tone.DONE),
}


@component
def DecisionCard(need: Need, *, show_session: bool = True) -> ft.Control:
    """One pending permission; within its session it keeps short, so that the conversation stays in sight."""
    here = screen()
    dark = watch(lambda sight: sight.dark)
    call = watch(lambda sight: call_about(sight.model, need.name))
    watch(lambda sight: call is not None and call.call_id in withdrawing(sight.model))
    may_decide = watch(lambda sight: role_in(sight.model, need.workstation) in MAY_DECIDE)
    permission = need.record.resource.permission or v1.Permission()

    def decide(outcome: v1.DecisionState, message: str = "") -> None:
        if here.is_steady():
            here.device.call(need.workstation, intents.decide(permission, outcome, here.device.now_ms(), message))

    body = [
        _head(permission, need, dark=dark, show_session=show_session),
        *_matter(permission, PREVIEW_LINES if show_session else SHORT_LINES, dark=dark),
    ]
    if permission.reason:
        body.append(quiet(f"Asked because: {permission.reason}"))
    if call is not None and call.error:
        body.append(_refused(call, dark=dark))
    if call is not None and not call.error:
        body.append(_sent(call, dark=dark))
    elif call is not None and is_too_late(call):
        pass  # somebody was first: the log will tell, and there is nothing left to press
    elif may_decide:
        body.append(Choices(permission, decide))
    else:
        body.append(quiet("This device may look, not decide. Another device can change its role under Workstations."))
    return asking_frame(f"decision:{need.name.rpartition('/')[2]}", body, dark=dark)


def _head(permission: v1.Permission, need: Need, *, dark: bool, show_session: bool) -> ft.Control:
    icon, kind = KINDS.get(permission.kind, (ft.Icons.BUILD_OUTLINED, permission.action or "Use a tool"))
    risk, tone = RISKS.get(permission.risk, ("", Tone.QUIET))
    colors = ink(tone, dark=dark)
    title = ft.Row(
        [
            ft.Icon(icon, size=20, color=ink(Tone.NEEDS_YOU, dark=dark).strong),
            ft.Text(kind, theme_style=ft.TextThemeStyle.TITLE_MEDIUM, expand=True),
            *([_pill(risk, colors.strong, colors.pale)] if risk else []),
        ],
        spacing=8,
    )
    if not show_session:
        return title
    place = f"{need.session_title} · {_workstation_label(need.workstation)}"
    return ft.Column([title, quiet(place, lines=1)], spacing=2)


def _workstation_label(workstation: str) -> str:
    known = screen().sight.model.workstations.get(workstation)
    return workstation_name(known) if known else ""


def _pill(text: str, color: str, bgcolor: str) -> ft.Control:
    return ft.Container(
        label(text, color),
        bgcolor=bgcolor,
        border_radius=RADIUS,
        padding=ft.Padding.symmetric(horizontal=9, vertical=3),
    )


def _matter(permission: v1.Permission, preview: int, *, dark: bool) -> list[ft.Control]:
    """What exactly is asked for: the command, or the files with their changes, or the words of the agent's rules."""
    found: list[ft.Control] = []
    if permission.command:
        found.append(_code(permission.command))
    for diff in permission.diffs:
        found += [path_line(diff, dark=dark), PatchView(diff, preview)]
    if not found and permission.patterns:
        found.append(_code("\n".join(permission.patterns)))
    # With a diff the title only repeats the path, and often the command with a verb before it.
    if permission.title and not permission.diffs and not _repeats(permission):
        found.insert(0, ft.Text(permission.title, theme_style=ft.TextThemeStyle.BODY_MEDIUM))
    return found


def _repeats(permission: v1.Permission) -> bool:
    return bool(permission.command) and permission.command in permission.title


def _code(text: str) -> ft.Control:
    return ft.Container(
        ft.Text(text, style=mono(13.5, ft.Colors.ON_SURFACE), max_lines=12, overflow=ft.TextOverflow.ELLIPSIS),
        bgcolor=ft.Colors.SURFACE_CONTAINER_HIGHEST,
        border_radius=RADIUS - 5,
        padding=ft.Padding.symmetric(horizontal=12, vertical=10),
    )


@component
def Choices(permission: v1.Permission, decide: Callable[..., None]) -> ft.Control:
    """Deny, with or without a word, at the left; allow at the right. "Always" says what it adds before it adds it."""
    word = kept(Entry)
    has_word, set_has_word = local(initial=False)
    deny = "Deny with this word" if has_word else "Deny"
    row: list[ft.Control] = [
        outlined_button("deny", deny, lambda _: decide(v1.DecisionState.DENIED, word.text.strip()), expand=1),
        filled_button("allow-once", "Allow once", lambda _: decide(v1.DecisionState.ALLOWED_ONCE), expand=1),
    ]
    body: list[ft.Control] = [
        field(
            "deny-reason",
            word,
            "Deny with a word to the agent",
            on_change=lambda _: set_has_word(bool(word.text.strip())),
            on_submit=lambda _: decide(v1.DecisionState.DENIED, word.text.strip()) if word.text.strip() else None,
            dense=True,
        ),
        ft.Row(row, spacing=10),
    ]
    if permission.always_rules:
        body.append(_always(permission, decide))
    return ft.Column(body, spacing=8, horizontal_alignment=ft.CrossAxisAlignment.STRETCH, tight=True)


def _always(permission: v1.Permission, decide: Callable[..., None]) -> ft.Control:
    scope = f", {permission.always_scope}" if permission.always_scope else ""
    rules = ", ".join(permission.always_rules)
    return ft.Row(
        [
            ft.Column(
                [quiet(f"Always allow{scope}:"), ft.Text(rules, style=mono(12.5), max_lines=3)],
                spacing=0,
                expand=True,
            ),
            outlined_button("allow-always", "Always", lambda _: decide(v1.DecisionState.ALLOWED_ALWAYS)),
        ],
        spacing=10,
    )


def _sent(call: CallView, *, dark: bool) -> ft.Control:
    """What was said, and how far that got; while it is on its way it can be taken back."""
    request = v1.DecideRequest.parse(call.request)
    said = {
        v1.DecisionState.ALLOWED_ONCE: "You allowed this once",
        v1.DecisionState.ALLOWED_ALWAYS: "You allowed this always",
    }.get(request.outcome, "You denied this")
    return on_the_way(said, call, dark=dark)


def on_the_way(said: str, call: CallView, *, dark: bool) -> ft.Control:
    """`said` with how far the call is that says it, and a button to have it back while that may be in time."""
    wanted_back = call.call_id in withdrawing(screen().sight.model)
    text = f"{said} · {place(call, is_withdrawing=wanted_back)}"
    ways = tuple(way for way in ways_on(call, is_withdrawing=wanted_back) if way is not Way.EDIT)
    words = ft.Text(text, theme_style=ft.TextThemeStyle.BODY_SMALL, expand=True)
    return ft.Row([mark(Tone.WORKING, dark=dark), words, *way_buttons(call, ways, {})], spacing=8)


def _refused(call: CallView, *, dark: bool) -> ft.Control:
    colors = ink(Tone.FAILED, dark=dark)
    return ft.Row(
        [
            mark(Tone.FAILED, dark=dark),
            ft.Text(call.error, theme_style=ft.TextThemeStyle.BODY_SMALL, color=colors.strong, expand=True),
        ],
        spacing=8,
    )


@component
def DecidedLine(need: Need) -> ft.Control:
    """What came of a permission or question: who, what, when, and whether the agent took it."""
    dark = watch(lambda sight: sight.dark)
    asked = need.record.resource.permission or need.record.resource.question or v1.Permission()
    outcome, tone = OUTCOMES.get(asked.state, ("Decided", Tone.QUIET))
    decision = asked.decision or v1.Decision()
    when = clock_time(milliseconds(decision.decide_time), screen().zone)
    by = f" by {decision.decided_by}" if decision.decided_by else ""
    text = f"{outcome}{by} · {when}" + (f" — {decision.note}" if decision.note else "")
    lines: list[ft.Control] = [
        ft.Text(text, theme_style=ft.TextThemeStyle.LABEL_MEDIUM, color=ink(tone, dark=dark).strong)
    ]
    matter = matter_line(need)
    if matter:
        lines.append(ft.Text(matter, style=mono(12.5), max_lines=1, overflow=ft.TextOverflow.ELLIPSIS))
    if decision.message:
        lines.append(quiet(f"“{decision.message}”"))
    row = ft.Row([mark(tone, dark=dark), ft.Column(lines, spacing=1, expand=True)], spacing=10)
    return region(
        f"decided:{need.name.rpartition('/')[2]}", ft.Container(row, padding=ft.Padding.symmetric(vertical=5))
    )


def matter_line(need: Need) -> str:
    """One line: the command, the paths, or the question."""
    permission, question = need.record.resource.permission, need.record.resource.question
    if permission is not None:
        return permission.command or ", ".join(diff.path for diff in permission.diffs) or permission.title
    return question.prompts[0].text if question is not None and question.prompts else ""
