"""Letters that decide: on a desktop, and never those of a word that somebody is typing."""

import flet as ft
import pytest

from app_flet import intents
from app_flet.device import Device
from tests.app_flet.harbour import Harbour
from tests.app_flet.harness import DESKTOP, PHONE, Stage, staged


async def press(stage: Stage, key: str) -> None:
    page = stage.session.page
    pressed = {"key": key, "shift": False, "ctrl": False, "alt": False, "meta": False}
    await stage.session.dispatch_event(page._i, "keyboard_event", pressed)
    await stage.settle()


async def move(stage: Stage, test_id: str, what: str) -> None:
    """The focus comes to a field, or leaves it."""
    control = next(control for control in stage.below(test_id) if isinstance(control, ft.TextField))
    await stage.session.dispatch_event(control._i, what, None)


def decided(device: Device) -> list[str]:
    return [call.method for call in device.model.calls.values() if call.method == intents.DECIDE]


async def ready(stage: Stage) -> None:
    await stage.until(lambda: "decision:e1" in stage.ids())
    stage.screen.shifted_ms = 0


async def test_a_allows_the_oldest_decision_on_a_desktop(paired: Device, harbour: Harbour) -> None:
    async with staged(paired, size=DESKTOP, served_by=harbour.origin, linked=True) as stage:
        await ready(stage)
        await press(stage, "A")
        assert decided(paired) == [intents.DECIDE]


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
async def test_a_word_that_is_typed_decides_nothing_even_when_its_field_has_lost_the_focus(
    paired: Device, harbour: Harbour, size: tuple[int, int]
) -> None:
    async with staged(paired, size=size, served_by=harbour.origin, linked=True) as stage:
        await ready(stage)
        place = stage.screen.sight.place
        await move(stage, "deny-reason", "focus")
        await press(stage, "D")
        await move(stage, "deny-reason", "blur")
        for key in "AND NO":
            await press(stage, key)
        assert decided(paired) == []
        assert stage.screen.sight.place == place


async def test_on_a_phone_letters_are_no_shortcuts(paired: Device, harbour: Harbour) -> None:
    async with staged(paired, served_by=harbour.origin, linked=True) as stage:
        await ready(stage)
        await press(stage, "A")
        assert decided(paired) == []
