"""Things to tap and to type into. Each has a test id, a name that is spoken, and is large enough for a thumb."""

from collections.abc import Callable
from typing import Any

import flet as ft

from app_flet.screen import screen
from app_flet.theme import MONO, RADIUS, TARGET

Handler = Callable[..., Any]

TOOLTIP_WAIT = ft.Duration(milliseconds=600)


def identified(test_id: str, control: ft.Control, *, label: str | None = None, key: str | None = None) -> ft.Control:
    """`control` as tests and screen readers find it: one node with a test id and a name."""
    return ft.MergeSemantics(ft.Semantics(identifier=test_id, label=label, content=control), key=key)


def region(test_id: str, control: ft.Control, *, expand: bool | int | None = None) -> ft.Control:
    """A part of the screen that is not itself tapped, kept apart from its neighbours."""
    return ft.Semantics(identifier=test_id, container=True, content=control, expand=expand)


def read_as(text: str, control: ft.Control) -> ft.Control:
    """`control` as one piece of text to screen readers and tests, whatever it is made of."""
    return ft.Semantics(container=True, exclude_semantics=True, label=text, content=control)


def icon_button(
    test_id: str, icon: ft.IconData, name: str, handler: Handler, *, color: str | None = None, disabled: bool = False
) -> ft.Control:
    """An icon with a name that is spoken and shown on hovering."""
    button = ft.IconButton(
        icon=icon,
        icon_color=color,
        tooltip=tip(name),
        disabled=disabled,
        on_click=screen().on(handler),
        width=TARGET,
        height=TARGET,
    )
    return identified(test_id, button)


def tip(name: str) -> ft.Tooltip:
    """The name of an icon, for a mouse that rests on it and not for one that passes."""
    return ft.Tooltip(message=name, wait_duration=TOOLTIP_WAIT)


def filled_button(
    test_id: str,
    text: str,
    handler: Handler,
    *,
    icon: ft.IconData | None = None,
    disabled: bool = False,
    expand: bool | int | None = None,
    bgcolor: str | None = None,
    color: str | None = None,
) -> ft.Control:
    """The one thing to do here."""
    button = ft.FilledButton(
        content=text,
        icon=icon,
        disabled=disabled,
        height=TARGET + 4,
        on_click=screen().on(handler),
        style=_style(bgcolor, color),
    )
    return _expanded(identified(test_id, button), expand)


def outlined_button(
    test_id: str,
    text: str,
    handler: Handler,
    *,
    icon: ft.IconData | None = None,
    expand: bool | int | None = None,
    color: str | None = None,
    disabled: bool = False,
) -> ft.Control:
    """Something else that may be done here."""
    button = ft.OutlinedButton(
        content=text,
        icon=icon,
        height=TARGET + 4,
        disabled=disabled,
        on_click=screen().on(handler),
        style=_style(None, color),
    )
    return _expanded(identified(test_id, button), expand)


def text_button(
    test_id: str, text: str, handler: Handler, *, icon: ft.IconData | None = None, color: str | None = None
) -> ft.Control:
    """Something of little weight."""
    button = ft.TextButton(
        content=text, icon=icon, height=TARGET, on_click=screen().on(handler), style=_style(None, color)
    )
    return identified(test_id, button)


def copy_button(test_id: str, text: str, name: str = "Copy") -> ft.Control:
    """Copies in the client, within the person's own gesture, as phones demand."""
    button = ft.IconButton(
        icon=ft.Icons.CONTENT_COPY_ROUNDED,
        icon_size=18,
        tooltip=tip(name),
        width=TARGET,
        height=TARGET,
        action=ft.CopyToClipboard(text),
    )
    return identified(test_id, button)


def menu_item(test_id: str, text: str, handler: Handler, *, icon: ft.IconData) -> ft.PopupMenuItem:
    """An entry of a menu. Its name stands inside: an entry must be its menu's own child."""
    row = ft.Row([ft.Icon(icon, size=20), ft.Text(text)], spacing=12, tight=True)
    return ft.PopupMenuItem(
        content=ft.Semantics(identifier=test_id, content=row), height=TARGET, on_click=screen().on(handler)
    )


def _style(bgcolor: str | None, color: str | None) -> ft.ButtonStyle:
    return ft.ButtonStyle(
        bgcolor=bgcolor,
        color=color,
        icon_color=color,
        shape=ft.RoundedRectangleBorder(radius=RADIUS - 2),
        padding=ft.Padding.symmetric(horizontal=14, vertical=10),
    )


def _expanded(control: ft.Control, expand: bool | int | None) -> ft.Control:  # noqa: FBT001 - Flet's own type
    if expand is not None:
        control.expand = expand
    return control


def tappable(
    test_id: str,
    content: ft.Control,
    handler: Handler,
    *,
    label: str | None = None,
    padding: ft.PaddingValue = 14,
    bgcolor: str | None = None,
    border: ft.Border | None = None,
    key: str | None = None,
) -> ft.Control:
    """A surface that is one large button."""
    surface = ft.Container(
        content=content,
        padding=padding,
        bgcolor=bgcolor or ft.Colors.SURFACE_CONTAINER_LOW,
        border=border,
        border_radius=RADIUS,
        ink=True,
        on_click=screen().on(handler),
    )
    semantics = ft.Semantics(identifier=test_id, label=label, button=True, content=surface)
    return ft.MergeSemantics(semantics, key=key)


class Entry:
    """What stands in a text field. The client owns it while a person types; `put` replaces it from here.

    Rendering a field with a value that the client has already gone past would take letters away, so a new rendering
    repeats what the live control holds.
    """

    def __init__(self, text: str = "") -> None:
        self._put: str | None = text
        self.ref: ft.Ref[ft.TextField] = ft.Ref()

    @property
    def text(self) -> str:
        """What stands in the field now."""
        live = self.ref.current
        return self._put if self._put is not None else (live.value if live else "")

    def put(self, text: str) -> None:
        """Replaces the text at the next drawing."""
        self._put = text

    def take(self) -> str:
        """The value to render."""
        value = self.text
        self._put = None
        return value


def field(  # noqa: PLR0913 - a text field has this many sides
    test_id: str,
    entry: Entry,
    hint: str,
    *,
    on_change: Handler | None = None,
    on_submit: Handler | None = None,
    multiline: bool = False,
    monospace: bool = False,
    label: str | None = None,
    expand: bool | int | None = None,
    dense: bool = False,
) -> ft.Control:
    """A text field over an entry."""
    here = screen()
    control = ft.TextField(
        ref=entry.ref,
        value=entry.take(),
        hint_text=hint,
        label=label,
        multiline=multiline,
        min_lines=1,
        max_lines=6 if multiline else 1,
        shift_enter=multiline,
        dense=dense,
        filled=True,
        border=ft.OutlineInputBorder(side=ft.BorderSide(1, ft.Colors.OUTLINE_VARIANT), border_radius=RADIUS),
        fill_color=ft.Colors.SURFACE_CONTAINER_LOW,
        content_padding=ft.Padding.symmetric(horizontal=14, vertical=12),
        text_style=ft.TextStyle(font_family=MONO) if monospace else None,
        on_change=here.on(on_change) if on_change else None,
        on_submit=here.on(on_submit) if on_submit else None,
        on_focus=here.on(lambda _: here.types(typing=True)),
        on_blur=here.on(lambda _: here.types(typing=False)),
    )
    wrapped = ft.MergeSemantics(ft.Semantics(identifier=test_id, content=control))
    return _expanded(wrapped, expand)
