"""The doctor: the whole way from this device to a model, hop by hop, with what to do about what fails.

This device's part is drawn from the model and is there without any network; the workstation's part is asked for while
the workstation is there.
"""

from dataclasses import dataclass

import flet as ft

from app_flet import intents
from app_flet.boundary import component, keyed
from app_flet.components.frames import page_body
from app_flet.components.notices import OfflineNotice
from app_flet.components.status import heading, label, mark, quiet
from app_flet.components.touch import Handler, copy_button, icon_button, read_as, region, text_button
from app_flet.device import Device
from app_flet.diagnosis import own_checks, report, took_ms, worst
from app_flet.glance import workstation_name
from app_flet.model import WorkstationView
from app_flet.outgoing import Refused
from app_flet.reading import read
from app_flet.release import release
from app_flet.screen import local, screen, watch
from app_flet.theme import RADIUS, TEXT_WIDTH, Tone, ink
from halyard_client.halyard.agent import v1
from wire.errors import Malformed

TONES = {
    v1.CheckState.OK: Tone.DONE,
    v1.CheckState.WARNING: Tone.NEEDS_YOU,
    v1.CheckState.FAILED: Tone.FAILED,
}
WORDS = {v1.CheckState.OK: "ok", v1.CheckState.WARNING: "look", v1.CheckState.FAILED: "fails"}
SUMMARIES = {
    v1.CheckState.OK: "All is well",
    v1.CheckState.WARNING: "It works, and something deserves a look",
    v1.CheckState.FAILED: "Something does not work",
}
SERVED = "In a browser the app runs on the host that serves it, so its way to the relay is that host's."
AWAY = "It cannot be asked while it is away. What it would say, `agentd doctor` says on that machine."


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What the workstation said; nothing while it is being asked."""

    checks: tuple[v1.Check, ...] = ()
    problem: str = ""
    is_here: bool = False


@component
def DoctorPage(workstation: str) -> ft.Control:
    """The whole screen."""
    here = screen()
    wide = watch(lambda sight: sight.wide)
    name = watch(lambda sight: _name(sight.model.workstations.get(workstation)))
    online = watch(lambda sight: _online(sight.model.workstations.get(workstation)))
    own = watch(lambda sight: own_checks(sight.model, workstation, sight.now_ms, here.zone))
    answer, put = local(Answer())
    attempt, set_attempt = local(0)

    async def ask() -> None:
        put(Answer())
        if online:
            put(await _diagnosed(here.device, workstation))

    ft.use_effect(ask, [workstation, online, attempt])
    text = report(f"Halyard {release()}, {here.platform}", own, answer.checks)
    rows: list[ft.Control] = [
        _head(
            "Doctor",
            [] if wide else [icon_button("back", ft.Icons.ARROW_BACK_ROUNDED, "Back", lambda _: here.back())],
            [
                icon_button(
                    "doctor-again", ft.Icons.REFRESH_ROUNDED, "Examine again", lambda _: set_attempt(attempt + 1)
                ),
                copy_button("doctor-copy", text, "Copy the report"),
            ],
        ),
        Summary((*own, *answer.checks), asking=online and not answer.is_here),
        heading("This device"),
        _list(own),
        *([quiet(SERVED)] if here.is_served else []),
        heading(name),
        *_theirs(answer, lambda _: set_attempt(attempt + 1), online=online),
        quiet("The report holds no keys, no codes and nothing that was said to an agent."),
    ]
    column = ft.ListView(rows, expand=True, spacing=8, padding=ft.Padding.only(left=16, right=16, top=8, bottom=24))
    return page_body(OfflineNotice(workstation), column, width=TEXT_WIDTH)


def _name(known: WorkstationView | None) -> str:
    return workstation_name(known) if known is not None else "Not paired"


def _online(known: WorkstationView | None) -> bool:
    return known is not None and known.online


async def _diagnosed(device: Device, workstation: str) -> Answer:
    try:
        response = await device.ask(workstation, intents.diagnose())
        return Answer(tuple(read(v1.DiagnoseResponse, response).checks), is_here=True)
    except (Refused, Malformed) as error:
        return Answer(problem=error.message, is_here=True)


def _head(title: str, before: list[ft.Control], after: list[ft.Control]) -> ft.Control:
    words = ft.Text(title, theme_style=ft.TextThemeStyle.HEADLINE_SMALL, expand=True)
    return ft.Row([*before, words, *after], spacing=4)


@component
def Summary(checks: tuple[v1.Check, ...], *, asking: bool) -> ft.Control:
    """One sentence for all of it."""
    dark = watch(lambda sight: sight.dark)
    state = worst(checks)
    tone = Tone.WORKING if asking else TONES[state]
    named = ", ".join(check.id for check in checks if check.state is state) if state is not v1.CheckState.OK else ""
    told = f"{SUMMARIES[state]}: {named}" if named else SUMMARIES[state]
    text = "Asking the workstation …" if asking else told
    colors = ink(tone, dark=dark)
    row = ft.Row(
        [
            mark(tone, dark=dark, size=22),
            ft.Text(text, theme_style=ft.TextThemeStyle.TITLE_SMALL, color=colors.strong, expand=True),
        ],
        spacing=12,
    )
    return region(
        "doctor-summary", read_as(text, ft.Container(row, bgcolor=colors.pale, border_radius=RADIUS, padding=14))
    )


def _theirs(answer: Answer, again: Handler, *, online: bool) -> list[ft.Control]:
    if answer.checks:
        return [_list(answer.checks)]
    if answer.problem:
        button = text_button("doctor-retry", "Ask again", again, icon=ft.Icons.REFRESH_ROUNDED)
        return [_card([quiet(answer.problem), ft.Row([button])])]
    if not online:
        return [_card([quiet(AWAY)])]
    return [_card([ft.Row([ft.ProgressRing(width=18, height=18), quiet("It probes every hop: a few seconds.")])])]


def _list(checks: tuple[v1.Check, ...]) -> ft.Control:
    return _card([keyed(check.id, CheckRow, check) for check in checks])


def _card(rows: list[ft.Control]) -> ft.Control:
    column = ft.Column(rows, spacing=12, horizontal_alignment=ft.CrossAxisAlignment.STRETCH, tight=True)
    return ft.Container(column, bgcolor=ft.Colors.SURFACE_CONTAINER_LOW, border_radius=RADIUS, padding=14)


@component
def CheckRow(check: v1.Check) -> ft.Control:
    """One hop: how it stands, in a sentence, and what to do."""
    dark = watch(lambda sight: sight.dark)
    tone = TONES.get(check.state, Tone.QUIET)
    took = [label(f"{took_ms(check)} ms", ft.Colors.ON_SURFACE_VARIANT)] if check.duration is not None else []
    lines: list[ft.Control] = [
        ft.Row([ft.Text(check.id, theme_style=ft.TextThemeStyle.TITLE_SMALL, expand=True), *took], spacing=8),
        quiet(check.message),
    ]
    if check.advice:
        lines.append(ft.Text(check.advice, theme_style=ft.TextThemeStyle.BODY_SMALL, color=ink(tone, dark=dark).strong))
    row = ft.Row(
        [mark(tone, dark=dark), ft.Column(lines, spacing=2, expand=True, tight=True)],
        spacing=12,
        vertical_alignment=ft.CrossAxisAlignment.START,
    )
    said = f"{check.id}: {WORDS.get(check.state, 'not probed')}. {check.message} {check.advice}".strip()
    return region(f"check:{check.id}", read_as(said, row))
