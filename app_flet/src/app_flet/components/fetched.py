"""What must be asked of the workstation: shown when it came, explained when it cannot."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import flet as ft

from app_flet.components.notices import empty
from app_flet.components.touch import text_button
from app_flet.intents import Intent
from app_flet.outgoing import Refused
from app_flet.screen import local, screen

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Fetched(Generic[T]):
    """An answer, or why there is none; neither while it is on its way."""

    answer: T | None = None
    problem: str = ""
    again: Callable[[], None] = lambda: None

    @property
    def stand_in(self) -> ft.Control | None:
        """What to show while there is no answer."""
        if self.answer is not None:
            return None
        if self.problem:
            button = text_button("fetch-again", "Try again", lambda _: self.again(), icon=ft.Icons.REFRESH_ROUNDED)
            return empty(ft.Icons.CLOUD_OFF_ROUNDED, "Not to be had right now", self.problem, button)
        waiting = ft.Column(
            [ft.ProgressRing(width=26, height=26), ft.Text("Asking the workstation …")],
            horizontal_alignment=ft.CrossAxisAlignment.CENTER,
            spacing=14,
        )
        return ft.Container(waiting, padding=40, alignment=ft.Alignment.CENTER)


def fetch(workstation: str, intent: Intent, parse: Callable[[bytes], T]) -> Fetched[T]:
    """A hook: the answer to a read. Asks when what is asked changes; `parse` reads the response."""
    here = screen()
    nothing: tuple[T | None, str] = (None, "")
    state, put = local(nothing)
    attempt, set_attempt = local(0)

    async def ask() -> None:
        put((None, ""))
        try:
            put((parse(await here.device.ask(workstation, intent)), ""))
        except Refused as refused:
            put((None, refused.message))

    ft.use_effect(ask, [workstation, intent.method, intent.request, attempt])
    return Fetched(state[0], state[1], lambda: set_attempt(attempt + 1))
