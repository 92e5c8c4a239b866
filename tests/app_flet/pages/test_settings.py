import flet as ft

from app_flet.device import Device
from app_flet.screen import SETTINGS, Settings, default_name
from tests.app_flet.harbour import Harbour
from tests.app_flet.harness import staged


async def test_theme_and_text_size_take_effect_and_stay(paired: Device, harbour: Harbour) -> None:
    async with staged(paired, "/settings", served_by=harbour.origin) as stage:
        await stage.choose("theme", "dark")
        await stage.choose("text-size", "1.3")
        assert stage.session.page.theme_mode is ft.ThemeMode.DARK
        assert stage.screen.sight.dark
    kept = Settings.parse(paired.store.fact(SETTINGS))
    assert (kept.brightness, kept.text_scale) == ("dark", 1.3)
    async with staged(paired, served_by=harbour.origin) as stage:
        assert stage.session.page.theme_mode is ft.ThemeMode.DARK


async def test_the_fingerprint_of_this_device_is_shown(paired: Device, harbour: Harbour) -> None:
    async with staged(paired, "/settings", served_by=harbour.origin) as stage:
        assert paired.identity.public.fingerprint in stage.text()


def test_settings_of_another_release_are_read_as_far_as_they_are_known() -> None:
    assert Settings.parse(b'{"brightness": "light", "sails": 3}') == Settings(brightness="light")


def test_a_device_names_itself_after_its_browser() -> None:
    agent = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36"
    assert default_name(agent, "web") == "Chrome on Android"
    assert default_name("", "ios") == "Ios"
