"""Where a person speaks to the agent. What is typed is kept on every key, so that it survives whatever happens."""

import flet as ft

from app_flet import intents
from app_flet.boundary import component
from app_flet.components.message_state import draft_place
from app_flet.components.touch import Entry, field, icon_button
from app_flet.glance import role_in, session_named
from app_flet.model import WorkstationView
from app_flet.screen import kept, local, screen, watch
from halyard_client.halyard.agent import v1

BUSY = frozenset({v1.SessionState.WORKING, v1.SessionState.RETRYING})


@component
def Composer(workstation: str, session: str) -> ft.Control:
    """Field, send, and stop while the agent works."""
    here = screen()
    place = draft_place(workstation, session)
    entry = kept(lambda: Entry(here.device.store.draft(place)))
    redraw, set_redraw = local(0)
    busy = watch(lambda sight: _is_busy(sight.model.workstations.get(workstation), session))
    may_speak = watch(lambda sight: role_in(sight.model, workstation) == "operator")

    def send(_: object) -> None:
        text = entry.text.strip()
        if text:
            here.device.call(workstation, intents.prompt(session, text), draft=place)
            show("")

    def show(text: str) -> None:
        entry.put(text)
        set_redraw(redraw + 1)

    async def stop_turn(_: object) -> None:
        await here.ask(workstation, intents.interrupt(session))

    here.composing(send, show)
    if not may_speak:
        return ft.Container(ft.Text("This device may read here, not write."), padding=14, alignment=ft.Alignment.CENTER)
    stop = icon_button(
        "stop",
        ft.Icons.STOP_CIRCLE_OUTLINED,
        "Stop",
        stop_turn,
        color=ft.Colors.ERROR,
    )
    row: list[ft.Control] = [
        field(
            "composer",
            entry,
            "Message",
            on_change=lambda _: here.device.store.keep_draft(place, entry.text),
            on_submit=send,
            multiline=True,
            expand=True,
        ),
        *([stop] if busy else []),
        icon_button("send", ft.Icons.ARROW_UPWARD_ROUNDED, "Send", send, color=ft.Colors.PRIMARY),
    ]
    return ft.Container(
        ft.Row(row, spacing=4, vertical_alignment=ft.CrossAxisAlignment.END),
        padding=ft.Padding.only(left=12, right=6, top=6, bottom=8),
    )


def _is_busy(known: WorkstationView | None, session: str) -> bool:
    found = session_named(known, session)
    return found is not None and found.state in BUSY
