"""At the upper end of a session of which the log, or the relay, holds only a part: fetch what came before from the
workstation.
"""

import flet as ft

from app_flet.boundary import component
from app_flet.components.status import quiet
from app_flet.components.touch import text_button
from app_flet.earlier import load_earlier
from app_flet.glance import session_named
from app_flet.outgoing import Refused
from app_flet.screen import Sight, local, screen, watch


def may_have_earlier(sight: Sight, workstation: str, session: str) -> bool:
    """Whether the workstation may hold messages of an opened session that this device does not."""
    known = sight.model.workstations.get(workstation)
    transcript = known.transcripts.get(session) if known else None
    if known is None or transcript is None or transcript.whole:
        return False
    found = session_named(known, session)
    return known.has_gap or (found is not None and found.has_earlier_messages)


def _is_online(sight: Sight, workstation: str) -> bool:
    known = sight.model.workstations.get(workstation)
    return known is not None and known.online


@component
def Earlier(workstation: str, session: str, *, at_once: bool = False) -> ft.Control:
    """A button, what it is doing, and why it could not. `at_once`: asks by itself whenever the workstation is there."""
    here = screen()
    online = watch(lambda sight: _is_online(sight, workstation))
    busy, set_busy = local(initial=False)
    problem, set_problem = local("")

    async def load(_: object = None) -> None:
        set_busy(True)
        set_problem("")
        try:
            await load_earlier(here.device, workstation, session)
        except Refused as refused:
            set_problem(f"{refused.message} What is here stays readable.")
        finally:
            set_busy(False)

    async def begin() -> None:
        if at_once and online:
            await load()

    ft.use_effect(begin, [online])

    if busy:
        return ft.Row([ft.ProgressRing(width=18, height=18), quiet("Asking the workstation for earlier messages …")])
    button = text_button("transcript-earlier", "Load earlier messages from the workstation", load)
    return ft.Column([*([quiet(problem)] if problem else []), button], spacing=2, tight=True)
