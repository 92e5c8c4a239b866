"""How far a prompt is, and what may still be done about it: change, take back, withdraw, say again, put away."""

from collections.abc import Callable

import flet as ft

from app_flet import intents
from app_flet.components.touch import Handler, read_as, region, text_button
from app_flet.conversation import Delivery, Turn
from app_flet.model import CallView
from app_flet.screen import screen
from app_flet.theme import Tone, ink
from app_flet.underway import WITHDRAWING, Way, suffix, ways_on
from halyard_client.halyard.agent import v1

DELIVERY_ICONS = {
    Delivery.ON_DEVICE: ft.Icons.SMARTPHONE_ROUNDED,
    Delivery.AT_RELAY: ft.Icons.CLOUD_QUEUE_ROUNDED,
    Delivery.AT_WORKSTATION: ft.Icons.COMPUTER_ROUNDED,
    Delivery.ANSWERED: ft.Icons.DONE_ALL_ROUNDED,
    Delivery.FAILED: ft.Icons.ERROR_OUTLINE_ROUNDED,
}
WAYS = {
    Way.EDIT: ("message-edit", "Edit", ft.Icons.EDIT_ROUNDED),
    Way.CANCEL: ("message-cancel", "Take back", ft.Icons.UNDO_ROUNDED),
    Way.WITHDRAW: ("message-cancel", "Withdraw", ft.Icons.UNDO_ROUNDED),
    Way.RETRY: ("message-retry", "Send again", ft.Icons.REFRESH_ROUNDED),
    Way.DISCARD: ("message-cancel", "Discard", ft.Icons.DELETE_OUTLINE_ROUNDED),
}
"""Test id, to which the call's suffix is added; what stands on the button; its icon."""


def way_buttons(call: CallView, ways: tuple[Way, ...], handlers: dict[Way, Handler]) -> list[ft.Control]:
    """A button for each way that has a handler. Taking back, withdrawing and putting away are the same everywhere."""
    outgoing = screen().device.outgoing
    known: dict[Way, Handler] = {
        Way.CANCEL: lambda _: outgoing.take_back(call.call_id),
        Way.WITHDRAW: lambda _: outgoing.withdraw(call.call_id),
        Way.DISCARD: lambda _: outgoing.discard(call.call_id),
        **handlers,
    }
    return [_button(way, call, known[way]) for way in ways if way in known]


def _button(way: Way, call: CallView, handler: Callable[..., object]) -> ft.Control:
    test_id, text, icon = WAYS[way]
    return text_button(f"{test_id}:{suffix(call.call_id)}", text, handler, icon=icon)


def message_state(turn: Turn) -> ft.Control:
    """The line below a prompt; with buttons while the prompt can still be changed, and when it failed."""
    delivery, call = turn.delivery or Delivery.ON_DEVICE, turn.call
    failed = delivery is Delivery.FAILED and call is not None
    color = ink(Tone.FAILED, dark=screen().sight.dark).strong if failed else ft.Colors.ON_SURFACE_VARIANT
    text = call.error if failed and call else delivery.value + (f" · {WITHDRAWING}" if turn.withdrawing else "")
    row = ft.Row(
        [
            ft.Icon(DELIVERY_ICONS[delivery], size=14, color=color),
            ft.Text(text, theme_style=ft.TextThemeStyle.LABEL_SMALL, color=color, expand=failed),
        ],
        spacing=5,
        alignment=ft.MainAxisAlignment.END,
    )
    line = region("message-state", read_as(text, row))
    buttons = _buttons(turn, call) if call is not None else []
    if not buttons:
        return line
    return ft.Column([line, ft.Row(buttons, alignment=ft.MainAxisAlignment.END, wrap=True)], spacing=0)


def _buttons(turn: Turn, call: CallView) -> list[ft.Control]:
    here = screen()
    request = v1.PromptRequest.parse(call.request)

    def edit(_: object) -> None:
        draft = draft_place(call.workstation, request.session)
        here.device.outgoing.take_back(call.call_id, draft=draft, text=request.text)
        here.put_back(here.device.store.draft(draft))

    ways = ways_on(call, is_withdrawing=turn.withdrawing)
    return way_buttons(call, ways, {Way.RETRY: retry(call), Way.EDIT: edit})


def retry(call: CallView) -> Handler:
    """Says the same again, in place of the call that failed."""
    here = screen()
    return lambda _: here.device.call(
        call.workstation, intents.again(call.method, call.request), instead_of=call.call_id
    )


def draft_place(workstation: str, session: str) -> str:
    """Where the draft of a session is kept."""
    return f"{workstation}/{session}"
