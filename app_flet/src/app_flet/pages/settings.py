"""Settings: how it looks, this device, about."""

from collections.abc import Callable
from dataclasses import replace

import flet as ft

from app_flet.boundary import component
from app_flet.components.status import heading, quiet
from app_flet.components.touch import copy_button, region
from app_flet.release import release
from app_flet.screen import screen, watch
from app_flet.theme import RADIUS, mono

BRIGHTNESS = {"system": "System", "light": "Light", "dark": "Dark"}
SCALES = {0.9: "Small", 1.0: "Normal", 1.15: "Large", 1.3: "Largest"}


@component
def SettingsPage() -> ft.Control:
    """The whole screen."""
    here = screen()
    settings = watch(lambda sight: sight.settings)
    fingerprint = here.device.identity.public.fingerprint
    brightness = _segments(
        "theme", BRIGHTNESS, settings.brightness, lambda value: here.keep(replace(settings, brightness=value))
    )
    scale = _segments(
        "text-size",
        {str(key): name for key, name in SCALES.items()},
        str(settings.text_scale),
        lambda value: here.keep(replace(settings, text_scale=float(value))),
    )
    rows: list[ft.Control] = [
        ft.Text("Settings", theme_style=ft.TextThemeStyle.HEADLINE_SMALL),
        heading("Appearance"),
        _card([_row("Theme", brightness), _row("Text size", scale)]),
        heading("This device"),
        _card(
            [
                _row("Name", quiet(here.device_name)),
                _row(
                    "Fingerprint", ft.Text(fingerprint, style=mono(12.5)), copy_button("copy-fingerprint", fingerprint)
                ),
                quiet("Compare it with what `agentd devices` shows for this device."),
            ]
        ),
        heading("About"),
        _card(
            [
                _row("Halyard", quiet(f"release {release()}")),
                quiet(
                    "Free software under the Apache License 2.0. No request leaves for another host than your relay."
                ),
            ]
        ),
    ]
    return ft.ListView(rows, expand=True, spacing=8, padding=ft.Padding.only(left=16, right=16, top=14, bottom=24))


def _segments(test_id: str, choices: dict[str, str], chosen: str, choose: Callable[[str], None]) -> ft.Control:
    def changed(event: ft.Event[ft.SegmentedButton]) -> None:
        choose(next(iter(event.control.selected)))

    control = ft.SegmentedButton(
        segments=[ft.Segment(value=value, label=ft.Text(name)) for value, name in choices.items()],
        selected=[chosen],
        show_selected_icon=False,
        on_change=screen().on(changed),
    )
    return region(test_id, control)


def _card(rows: list[ft.Control]) -> ft.Control:
    return ft.Container(
        ft.Column(rows, spacing=12, horizontal_alignment=ft.CrossAxisAlignment.STRETCH),
        bgcolor=ft.Colors.SURFACE_CONTAINER_LOW,
        border_radius=RADIUS,
        padding=16,
    )


def _row(name: str, *controls: ft.Control) -> ft.Control:
    return ft.Row(
        [ft.Text(name), ft.Row(list(controls), spacing=4, tight=True)],
        alignment=ft.MainAxisAlignment.SPACE_BETWEEN,
        wrap=True,
        run_spacing=6,
    )
