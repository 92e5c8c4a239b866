"""Write the fonts the web app needs into `app_flet/src/assets`: `python -m tools.web_fonts [FAMILY...]`.

Flet's client fetches emoji, Chinese, Japanese, Korean and symbols from a font server when the page's own fonts lack
them; Halyard lets no request leave for another host, so the same files lie in the overlay that the relay serves. They
are cut from npm packages (pinned with hashes beside this file) to exactly the code points the engine asks each file
for, and committed, because a fresh clone must show them at once. Run again after a change of Flet's version.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import flet_web
from fontTools import subset
from fontTools.ttLib import TTFont

from tools.web_fonts import engine_table

HERE = Path(__file__).resolve().parent
ASSETS = HERE.parent.parent / "app_flet" / "src" / "assets"
# Hong Kong's cut of Chinese differs in a few characters only, but the engine asks it for common ones, and shows a gap
# where it is missing.
FAMILIES = {
    "Noto Color Emoji": "@expo-google-fonts/noto-color-emoji/400Regular/*.ttf",
    "Noto Sans SC": "@fontsource/noto-sans-sc/files/*-400-normal.woff2",
    "Noto Sans HK": "@fontsource/noto-sans-hk/files/*-400-normal.woff2",
    "Noto Sans TC": "@fontsource/noto-sans-tc/files/*-400-normal.woff2",
    "Noto Sans JP": "@fontsource/noto-sans-jp/files/*-400-normal.woff2",
    "Noto Sans KR": "@fontsource/noto-sans-kr/files/*-400-normal.woff2",
    "Noto Sans": "@expo-google-fonts/noto-sans/400Regular/*.ttf",
    "Noto Sans Symbols": "@expo-google-fonts/noto-sans-symbols/400Regular/*.ttf",
    "Noto Sans Symbols 2": "@expo-google-fonts/noto-sans-symbols-2/400Regular/*.ttf",
    "Noto Sans Math": "@expo-google-fonts/noto-sans-math/400Regular/*.ttf",
    "Noto Sans Arabic": "@expo-google-fonts/noto-sans-arabic/400Regular/*.ttf",
    "Noto Sans Devanagari": "@expo-google-fonts/noto-sans-devanagari/400Regular/*.ttf",
    "Noto Sans Hebrew": "@expo-google-fonts/noto-sans-hebrew/400Regular/*.ttf",
    "Noto Sans Thai": "@expo-google-fonts/noto-sans-thai/400Regular/*.ttf",
}
LICENCE = "@expo-google-fonts/noto-color-emoji/LICENSE_FONT"
MONOSPACE = {
    "Mono-Regular.ttf": "@expo-google-fonts/jetbrains-mono/400Regular/*.ttf",
    "Mono-Bold.ttf": "@expo-google-fonts/jetbrains-mono/700Bold/*.ttf",
}
TEXT = {
    "Roboto-400.woff2": "@expo-google-fonts/roboto/400Regular/*.ttf",
    "Roboto-600.woff2": "@expo-google-fonts/roboto/600SemiBold/*.ttf",
    "Roboto-400-italic.woff2": "@expo-google-fonts/roboto/400Regular_Italic/*.ttf",
}
# Flet's client has one weight of its text font; a heavier one made up by the renderer looks smeared.
TEXT_ALPHABETS = [(0x20, 0x24F), (0x2B0, 0x2DD), (0x370, 0x3FF), (0x400, 0x45F), (0x2010, 0x205E), (0x20A0, 0x20BF)]
# Emoji sequences are joined by these; without them a family falls apart into its members.
EMOJI_JOINERS = {0x200D, 0xFE0F, 0x20E3}
UNUSED_TABLES = ["SVG ", "BASE", "STAT", "VORG", "vhea", "vmtx", "DSIG", "gasp", "prep", "fpgm", "cvt "]
# The icon fonts; what is left out is the mathematics of a package Halyard does not use, 700 kB at every first visit.
MANIFEST = [
    {"family": "MaterialIcons", "fonts": [{"asset": "fonts/MaterialIcons-Regular.otf"}]},
    {
        "family": "packages/cupertino_icons/CupertinoIcons",
        "fonts": [{"asset": "packages/cupertino_icons/assets/CupertinoIcons.ttf"}],
    },
    {
        "family": "Roboto",
        "fonts": [
            {"asset": "fonts/Roboto-400.woff2", "weight": 400},
            {"asset": "fonts/Roboto-600.woff2", "weight": 600},
            {"asset": "fonts/Roboto-400-italic.woff2", "weight": 400, "style": "italic"},
        ],
    },
]


def cut(font: TTFont, code_points: set[int], features: list[str]) -> None:
    """Reduce `font` to some code points and layout features, without hints and vertical metrics."""
    options = subset.Options()
    options.layout_features = features
    options.hinting = False
    options.name_IDs = [0, 1, 2, 4, 5, 6, 13, 14]
    for table in UNUSED_TABLES:
        if table in font:
            del font[table]
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=code_points)
    cutter.subset(font)


def best_source(sources: dict[Path, set[int]], wanted: set[int]) -> Path:
    """The source that holds most of `wanted`, and of these the one with least else."""
    return max(sources, key=lambda path: (len(sources[path] & wanted), -len(sources[path])))


def write_fallback(font: engine_table.FallbackFont, sources: dict[Path, set[int]], target: Path) -> None:
    """Write the file the engine will ask for as `font`."""
    cut_font = TTFont(best_source(sources, font.code_points), recalcTimestamp=False)
    wanted = font.code_points | EMOJI_JOINERS if font.name.startswith("Noto Color Emoji") else font.code_points
    cut(cut_font, wanted, ["*"])
    cut_font.flavor = "woff2"
    path = target / font.path
    path.parent.mkdir(parents=True, exist_ok=True)
    cut_font.save(path)


def write_monospace(source: Path, path: Path) -> None:
    """Write the monospace font without ligatures: `->` in a diff must look like what was typed."""
    font = TTFont(source, recalcTimestamp=False)
    cut(font, set(font.getBestCmap()), ["ccmp", "locl", "mark", "mkmk", "zero"])
    path.parent.mkdir(parents=True, exist_ok=True)
    font.save(path)


def write_text(source: Path, path: Path) -> None:
    """Write one weight of the text font, cut to the alphabets of European languages; others have fonts of their own."""
    font = TTFont(source, recalcTimestamp=False)
    wanted = {code for first, last in TEXT_ALPHABETS for code in range(first, last + 1)}
    cut(font, wanted, ["ccmp", "locl", "mark", "mkmk", "kern", "tnum"])
    font.flavor = "woff2"
    path.parent.mkdir(parents=True, exist_ok=True)
    font.save(path)


def family_of(font: engine_table.FallbackFont) -> str:
    """The family of a file: its name, without the number of the part where a family has parts."""
    family, _, part = font.name.rpartition(" ")
    return family if part.isdigit() and family in FAMILIES else font.name


def build_family(family: str, fonts: list[engine_table.FallbackFont], packages: Path) -> None:
    """Write every file the engine may ask for of one family."""
    sources = {path: set(TTFont(path).getBestCmap()) for path in sorted(packages.glob(FAMILIES[family]))}
    for font in fonts:
        if family_of(font) == family:
            write_fallback(font, sources, ASSETS / "assets" / "fonts")
    print(f"{family}: done", flush=True)


def build(packages: Path, families: list[str]) -> None:
    """Write some families, and the rest that costs nothing, taking glyphs from the npm `packages` folder."""
    client = Path(flet_web.__file__).parent / "web" / "main.dart.js"
    fonts = engine_table.read(client.read_text(encoding="utf-8"))
    for family in families:
        build_family(family, fonts, packages)
    for name, pattern in MONOSPACE.items():
        write_monospace(next(iter(packages.glob(pattern))), ASSETS / "fonts" / name)
    for name, pattern in TEXT.items():
        write_text(next(iter(packages.glob(pattern))), ASSETS / "assets" / "fonts" / name)
    shutil.copy(packages / LICENCE, ASSETS / "fonts" / "OFL.txt")
    (ASSETS / "assets" / "FontManifest.json").write_text(json.dumps(MANIFEST, indent=1) + "\n")


def main() -> None:
    """Install the sources into a scratch folder and build from there."""
    families = sys.argv[1:]
    if not families:
        shutil.rmtree(ASSETS / "assets" / "fonts", ignore_errors=True)
    with tempfile.TemporaryDirectory() as name:
        for file in ("package.json", "package-lock.json"):
            shutil.copy(HERE / file, name)
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=name, check=True)
        build(Path(name) / "node_modules", families or list(FAMILIES))


if __name__ == "__main__":
    main()
