"""The font overlay has every file that the pinned Flet client may ask for."""

import json
from pathlib import Path

import flet_web
import pytest

from tests.house.repository import ROOT
from tools.web_fonts import engine_table
from tools.web_fonts.__main__ import FAMILIES, family_of

OVERLAY = ROOT / "app_flet" / "src" / "assets"
CLIENT = Path(flet_web.__file__).parent / "web" / "main.dart.js"


@pytest.fixture(scope="module")
def fonts() -> list[engine_table.FallbackFont]:
    return engine_table.read(CLIENT.read_text(encoding="utf-8"))


def listed() -> dict[str, list[str]]:
    """Family → files below `assets/` that the page loads before it shows anything."""
    manifest = json.loads((OVERLAY / "assets" / "FontManifest.json").read_text())
    return {entry["family"]: [font["asset"] for font in entry["fonts"]] for entry in manifest}


def test_every_file_of_every_family_is_there_and_nothing_else(fonts: list[engine_table.FallbackFont]) -> None:
    asked_for = {f"fonts/{font.path}" for font in fonts if family_of(font) in FAMILIES}
    folder = OVERLAY / "assets"
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*.woff2")}
    assert there == asked_for | set(listed()["Roboto"])


def test_every_font_of_the_manifest_is_in_the_overlay_or_in_the_client() -> None:
    folders = (OVERLAY / "assets", CLIENT.parent / "assets")
    assets = [asset for family in listed().values() for asset in family]
    assert [asset for asset in assets if not any((folder / asset).is_file() for folder in folders)] == []


@pytest.mark.parametrize("text", ["😀🎉✅", "→←⇒✓✗●", "中文日本語한국어", "ελжé"])
def test_what_people_write_has_a_font(fonts: list[engine_table.FallbackFont], text: str) -> None:
    held = set().union(*(font.code_points for font in fonts if family_of(font) in FAMILIES))
    assert {letter for letter in text if ord(letter) not in held} == set()


def test_the_manifest_leaves_mathematics_out() -> None:
    assert [family for family in listed() if "math" in family] == []


def test_a_client_without_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="was not found"):
        engine_table.read("console.log('another client')")


def test_a_table_that_does_not_cover_unicode_is_refused() -> None:
    with pytest.raises(ValueError, match="instead of"):
        engine_table.decode_ranges("aA")
