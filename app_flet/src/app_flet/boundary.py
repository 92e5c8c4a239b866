"""The one place that catches everything: a fault in one handler or one view must not take the app down.

Flet ends a whole session when a handler raises, and stops drawing when a component does. Here a fault is written to the
log, shown as one sentence, and contained.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from functools import wraps
from inspect import isawaitable
from typing import Any, ParamSpec, TypeVar

import flet as ft

from app_flet.keeping import is_damage
from app_flet.outgoing import Refused
from wire.errors import HalyardError

log = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

RESTART_SECONDS = 5
STORAGE = "This device's storage does not take this. Free some space, then do it again: nothing was sent."
DAMAGED = (
    "This device's storage is damaged. Close this app and open it again: it says what to do, and nothing is deleted."
)
FAULT = "Something went wrong in this app. Nothing was lost; try again, and report it if it stays."


def guarded(handler: Callable[P, Awaitable[None] | None], say: Callable[[str], None]) -> Callable[P, Awaitable[None]]:
    """`handler` as Flet may call it: never raises; what went wrong is said in one sentence."""

    @wraps(handler)
    async def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            result = handler(*args, **kwargs)
            if isawaitable(result):
                await result
        except (HalyardError, Refused) as refusal:
            say(refusal.message)
        except sqlite3.Error as error:
            log.exception("The store refused a change")
            say(DAMAGED if is_damage(error) else STORAGE)
        except Exception:
            log.exception("A handler failed")
            say(FAULT)

    return run


async def keep_going(run: Callable[[T], Awaitable[None]], subject: T) -> None:
    """Runs something that should never end; a fault is written to the log and it begins again after a pause."""
    while True:
        try:
            await run(subject)
        except Exception:
            log.exception("The links failed and begin again")
        await asyncio.sleep(RESTART_SECONDS)


def component(render: Callable[P, R]) -> Callable[P, R]:
    """A Flet component whose fault shows in its own place only."""

    @wraps(render)
    def contained(*args: P.args, **kwargs: P.kwargs) -> Any:  # noqa: ANN401 - R, or what stands in for it
        try:
            return render(*args, **kwargs)
        except Exception:
            log.exception("A view failed")
            return ft.Text("This part cannot be shown. The rest of the app goes on.", italic=True)

    wrapped: Callable[P, R] = ft.component(contained)
    return wrapped


def memo(drawn: Callable[P, R]) -> Callable[P, R]:
    """`drawn`, not drawn again while its arguments are the same (equal, or the same objects)."""
    remembered: Callable[P, R] = ft.memo(drawn)
    return remembered


def keyed(key: str, drawn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """One of many like components: `key` tells which, so that it keeps its state when others come and go."""
    untyped: Any = drawn
    made: R = untyped(*args, key=key, **kwargs)
    return made
