"""Pair: meeting a workstation, by the link that brought the person here or by a code that they type."""

import flet as ft

from app_flet.boundary import component
from app_flet.components.status import quiet
from app_flet.components.touch import Entry, field, filled_button, icon_button, region
from app_flet.pairing import Guise, Paired, PairingBroken, pair
from app_flet.route import NOW
from app_flet.screen import Meeting, Screen, kept, screen, watch
from app_flet.theme import RADIUS, TEXT_WIDTH, Tone, ink, mono
from wire.errors import HalyardError
from wire.pairing import LINK_PATH, Code, Link, parse_code, parse_link

STEPS = (
    "On your workstation, run `agentd pair`.",
    "Scan the QR code with your phone's camera, or type the code below.",
    "Done: what its agents do shows up here.",
)


@component
def PairPage() -> ft.Control:
    """The whole screen."""
    here = screen()
    entry = kept(Entry)
    relay = kept(lambda: Entry(here.default_relay))
    meeting = watch(lambda sight: sight.meeting)
    dark = watch(lambda sight: sight.dark)
    paired_before = watch(lambda sight: bool(sight.model.workstations))

    async def submit(_: object) -> None:
        await meet(here, entry.text, relay.text)

    code = field("pair-code", entry, "7-482913", label="Code", monospace=True, on_submit=submit)
    where = [] if here.is_served else [field("pair-relay", relay, "https://relay.example", label="Relay")]
    button = filled_button("pair-submit", "Pairing …" if meeting.busy else "Pair", submit, disabled=meeting.busy)
    failed = [ft.Text(meeting.problem, color=ink(Tone.FAILED, dark=dark).strong)] if meeting.problem else []
    body = ft.Column(
        [
            *_welcome(paired_before=paired_before),
            *(_step(at, text) for at, text in enumerate(STEPS, 1)),
            ft.Container(height=4),
            *where,
            code,
            *(region("pair-problem", text) for text in failed),
            button,
            quiet(_trust(is_served=here.is_served)),
        ],
        spacing=14,
        horizontal_alignment=ft.CrossAxisAlignment.STRETCH,
        scroll=ft.ScrollMode.AUTO,
    )
    limited = ft.Container(body, width=min(TEXT_WIDTH, 480), padding=24)
    return ft.Container(limited, alignment=ft.Alignment.TOP_CENTER, expand=True)


def _welcome(*, paired_before: bool) -> list[ft.Control]:
    here = screen()
    if paired_before:
        back = icon_button("back", ft.Icons.ARROW_BACK_ROUNDED, "Back", lambda _: here.back())
        return [ft.Row([back, ft.Text("Pair a workstation", theme_style=ft.TextThemeStyle.HEADLINE_SMALL)])]
    shape = ft.Container(
        ft.Icon(ft.Icons.SAILING_ROUNDED, size=40, color=ft.Colors.ON_PRIMARY),
        width=76,
        height=76,
        border_radius=22,
        bgcolor=ft.Colors.PRIMARY,
        alignment=ft.Alignment.CENTER,
    )
    return [
        ft.Container(height=12),
        ft.Row([shape]),
        ft.Text("Welcome to Halyard", theme_style=ft.TextThemeStyle.HEADLINE_SMALL),
        quiet("Direct the coding agents on your own machines from here. First, meet one of them:"),
    ]


def _step(number: int, text: str) -> ft.Control:
    words, _, rest = text.partition("`")
    command, _, tail = rest.partition("`")
    spans = [ft.TextSpan(words), ft.TextSpan(command, style=mono(14)), ft.TextSpan(tail)]
    disc = ft.Container(
        ft.Text(str(number), theme_style=ft.TextThemeStyle.LABEL_MEDIUM, color=ft.Colors.ON_PRIMARY_CONTAINER),
        width=26,
        height=26,
        border_radius=RADIUS,
        bgcolor=ft.Colors.PRIMARY_CONTAINER,
        alignment=ft.Alignment.CENTER,
    )
    return ft.Row([disc, ft.Text(spans=spans, expand=True)], spacing=12, vertical_alignment=ft.CrossAxisAlignment.START)


def _trust(*, is_served: bool) -> str:
    if is_served:
        return "In a browser this app runs on the host that serves it, so pair only where you trust that host."
    return "Keys are made on this device and never leave it. The relay cannot read what passes."


async def meet(here: Screen, text: str, relay: str) -> None:
    """Pairs by a code or link and shows what is there, or why it did not come about."""
    here.meets(Meeting(busy=True))
    try:
        paired = await _meet(here, read(text), relay.strip().rstrip("/"))
    except (HalyardError, PairingBroken) as broken:
        here.meets(Meeting(problem=broken.message))
        return
    here.device.paired(paired)
    here.meets(Meeting())
    here.go(NOW)


async def _meet(here: Screen, secret: Code | Link, relay: str) -> Paired:
    named = secret.relay if isinstance(secret, Link) else ""
    where = here.default_relay if here.is_served else named or relay
    if not where:
        raise PairingBroken("A typed code needs the address of its relay; scan the QR code, or enter the address.")
    return await pair(where, secret, here.device.identity, Guise(here.device_name, here.platform), here.device.now_ms)


def read(text: str) -> Code | Link:
    """A code as people type it, or a link as they paste it; Malformed says what a code looks like."""
    return parse_link(text) if LINK_PATH in text else parse_code(text)
