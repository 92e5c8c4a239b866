"""One side of the conversation: a person's words with how far they got, or an agent's work."""

import flet as ft

from app_flet.boundary import component, keyed, memo
from app_flet.components.interruption import InterruptionLine
from app_flet.components.message_state import message_state
from app_flet.components.parts import PartView
from app_flet.components.status import mark, quiet
from app_flet.components.touch import read_as
from app_flet.conversation import Turn, part_of, prompt_text
from app_flet.model import Held
from app_flet.screen import watch
from app_flet.theme import RADIUS, Tone, ink
from halyard_client.halyard.agent import v1


@component
def _TurnView(turn: Turn) -> ft.Control:
    return _Said(turn) if turn.is_person else _Done(turn)


TurnView = memo(_TurnView)
"""Drawn again only when something in the turn changed; what streams is watched further inside."""


def _text_of(parts: tuple[Held, ...]) -> str:
    found = [part_of(record).text for record in parts]
    return "\n\n".join(text.text for text in found if text is not None and not text.synthetic)


@component
def _Said(turn: Turn) -> ft.Control:
    """A person's prompt."""
    text = prompt_text(turn.call) if turn.call else _text_of(turn.parts)
    message = turn.message.resource.message if turn.message else None
    said = ft.Text(text or "…", theme_style=ft.TextThemeStyle.BODY_LARGE, color=ft.Colors.ON_PRIMARY_CONTAINER)
    bubble = ft.Container(
        read_as(text, said),
        bgcolor=ft.Colors.PRIMARY_CONTAINER,
        border_radius=ft.BorderRadius.only(
            top_left=RADIUS + 4, top_right=RADIUS + 4, bottom_left=RADIUS + 4, bottom_right=4
        ),
        padding=ft.Padding.symmetric(horizontal=14, vertical=10),
        opacity=0.55 if message is not None and message.reverted else 1,
    )
    files = [PartView(record) for record in turn.parts if part_of(record).file is not None]
    rows: list[ft.Control] = [
        ft.Container(bubble, margin=ft.Margin.only(left=44), alignment=ft.Alignment.CENTER_RIGHT),
        *files,
    ]
    if message is not None and message.state is v1.MessageState.INTERRUPTED:
        rows.append(InterruptionLine(message))
    elif turn.delivery is not None:
        rows.append(message_state(turn))
    return ft.Column(rows, spacing=4, horizontal_alignment=ft.CrossAxisAlignment.END, tight=True)


@component
def _Done(turn: Turn) -> ft.Control:
    """An agent's work, part by part."""
    dark = watch(lambda sight: sight.dark)
    message = (turn.message.resource.message if turn.message else None) or v1.Message()
    rows: list[ft.Control] = [keyed(record.name, PartView, record) for record in turn.parts]
    if message.state is v1.MessageState.WRITING and not rows:
        rows.append(ft.Row([mark(Tone.WORKING, dark=dark), quiet("Working …")], spacing=8))
    ending = _ending(message)
    if message.state is v1.MessageState.INTERRUPTED:
        rows.append(InterruptionLine(message))
    elif ending:
        # A stop is what a person wanted, and the lists call such a session done.
        tone = Tone.FAILED if message.state is v1.MessageState.FAILED else Tone.QUIET
        text = ft.Text(ending, expand=True, color=ink(tone, dark=dark).strong)
        rows.append(read_as(ending, ft.Row([mark(tone, dark=dark, size=16), text])))
    return ft.Column(
        rows,
        spacing=10,
        horizontal_alignment=ft.CrossAxisAlignment.STRETCH,
        tight=True,
        opacity=0.55 if message.reverted else 1,
    )


def _ending(message: v1.Message) -> str:
    """What to say of a message that did not come to its end."""
    return {
        v1.MessageState.FAILED: message.error or "The turn ended with an error.",
        v1.MessageState.STOPPED: "Stopped.",
    }.get(message.state, "")
