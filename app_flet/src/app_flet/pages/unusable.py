"""Instead of the app: why this device's file cannot be used, and the two things that a person can do about it.

Stands without a screen, because there is no device to show.
"""

from collections.abc import Awaitable, Callable

import flet as ft

from app_flet.boundary import guarded
from app_flet.keeping import Unusable
from app_flet.theme import TARGET, TEXT_WIDTH, theme

Step = Callable[[], Awaitable[None]]
CONSENT = "Yes, put the file aside"


def show_unusable(page: ft.Page, trouble: Unusable, again: Step, begin_anew: Step) -> None:
    """Draws the sentence. `again` opens the file once more; `begin_anew` puts it aside first."""
    page.title = "Halyard"
    page.theme, page.dark_theme = theme(dark=False, text_scale=1.0), theme(dark=True, text_scale=1.0)
    page.clean()
    anew = _button(page, "begin-anew", "Begin anew", lambda: _consent(page, begin_anew), filled=False)
    buttons = [_button(page, "try-again", "Try again", again, filled=True), *([anew] if trouble.is_damaged else [])]
    words = ft.Column(
        [
            ft.Text("This device cannot be opened", theme_style=ft.TextThemeStyle.TITLE_LARGE),
            ft.Semantics(identifier="unusable", content=ft.Text(trouble.message)),
            *buttons,
        ],
        spacing=16,
        horizontal_alignment=ft.CrossAxisAlignment.STRETCH,
    )
    page.add(ft.SafeArea(ft.Container(words, width=min(TEXT_WIDTH, 480), padding=24)))


async def _consent(page: ft.Page, begin_anew: Step) -> None:
    """Asked once more, in a place of its own: what was not sent is not read any more after this."""
    page.add(_button(page, "begin-anew-yes", CONSENT, begin_anew, filled=False))


def _button(page: ft.Page, test_id: str, text: str, step: Step, *, filled: bool) -> ft.Control:
    kind = ft.FilledButton if filled else ft.OutlinedButton
    pressed = guarded(lambda _: step(), lambda said: page.show_dialog(ft.SnackBar(ft.Text(said))))
    return ft.MergeSemantics(
        ft.Semantics(identifier=test_id, content=kind(content=text, height=TARGET + 4, on_click=pressed))
    )
