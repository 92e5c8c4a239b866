"""A message that was cut off: says so, says why, and sends its prompt again in one tap."""

import flet as ft

from app_flet.boundary import component
from app_flet.components.status import mark, quiet
from app_flet.components.touch import outlined_button, read_as, region
from app_flet.resend import interruption_of, resend
from app_flet.screen import screen, watch
from app_flet.theme import Tone, ink
from halyard_client.halyard.agent import v1


@component
def InterruptionLine(message: v1.Message) -> ft.Control:
    """Below what had arrived."""
    here = screen()
    workstation, session = here.sight.place.workstation, "/".join(message.name.split("/")[:2])
    dark = watch(lambda sight: sight.dark)
    found = watch(lambda sight: interruption_of(sight.model, workstation, session, message))
    if found is None:
        return ft.Container(height=0)

    def again(_: object) -> None:
        # Asked anew: a second tap may come before the button has been drawn as disabled.
        now = interruption_of(here.device.model, workstation, session, message)
        if now is not None and now.request and not now.is_waiting:
            here.device.call(workstation, resend(now))

    text = f"Interrupted. {found.reason}"
    words = ft.Text(text, expand=True, color=ink(Tone.FAILED, dark=dark).strong)
    line = read_as(text, ft.Row([mark(Tone.FAILED, dark=dark, size=16), words], spacing=8))
    rows: list[ft.Control] = [line]
    if found.request:
        last = message.name.rpartition("/")[2]
        button = outlined_button(
            f"resend:{last}", "Resend", again, icon=ft.Icons.REFRESH_ROUNDED, disabled=found.is_waiting
        )
        note = [quiet("A prompt is on its way.")] if found.is_waiting else []
        rows.append(ft.Row([button, *note], spacing=10))
    return region("interrupted", ft.Column(rows, spacing=6, tight=True))
