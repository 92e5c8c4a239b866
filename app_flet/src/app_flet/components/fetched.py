"""What must be asked of the workstation: shown when it came, kept for when it cannot come, explained when it is not
there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import flet as ft

from app_flet.components.notices import empty
from app_flet.components.status import quiet
from app_flet.components.touch import region, text_button
from app_flet.glance import offline
from app_flet.instants import clock_time
from app_flet.intents import Intent
from app_flet.outgoing import Refused
from app_flet.screen import local, screen, watch

T = TypeVar("T")

CONNECTING = "connecting"
AWAY = "This comes from the workstation, which cannot be reached now. It is asked as soon as it can."


@dataclass(frozen=True, slots=True, eq=False)
class Fetched(Generic[T]):
    """An answer, or why there is none; neither while it is on its way."""

    answer: T | None = None
    problem: str = ""
    """Why there is no newer answer."""
    as_of: str = ""
    """For an answer that was kept: when it came, as `14:02`."""
    again: Callable[[], None] = lambda: None

    @property
    def notes(self) -> list[ft.Control]:
        """To stand above an answer that is not from now."""
        if not self.as_of:
            return []
        return [region("as-of", quiet(" · ".join(filter(None, [f"As of {self.as_of}", self.problem]))))]

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
    """A hook: the answer to a read. Asks when what is asked changes and when the workstation can be reached again;
    shows meanwhile what was answered last. `parse` reads the response.
    """
    here = screen()
    nothing: tuple[T | None, str, str] = (None, "", "")
    state, put = local(nothing)
    attempt, set_attempt = local(0)
    line = watch(lambda sight: offline(sight.model, workstation))

    async def ask() -> None:
        kept, as_of = _kept(workstation, intent, parse)
        if line is not None:
            put((kept, "" if line.text == CONNECTING or kept is not None else AWAY, as_of))
            return
        put((kept, "", as_of))
        try:
            put((parse(await here.device.ask(workstation, intent)), "", ""))
        except Refused as refused:
            put((kept, refused.message, as_of))

    ft.use_effect(ask, [workstation, intent.method, intent.request, attempt, line is None])
    return Fetched(state[0], state[1], state[2], lambda: set_attempt(attempt + 1))


def _kept(workstation: str, intent: Intent, parse: Callable[[bytes], T]) -> tuple[T | None, str]:
    here = screen()
    found = here.device.store.answer(workstation, intent.method, intent.request)
    return (parse(found[0]), clock_time(found[1], here.zone)) if found else (None, "")
