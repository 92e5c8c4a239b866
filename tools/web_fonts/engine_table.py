"""What the Flutter web engine falls back to when the page's own fonts lack a character.

The engine carries a table of font files and the code points each is good for, and fetches them by name when they are
needed. The table exists only inside the compiled client, run-length coded; this module reads it from there (the
counterpart in the engine is `font_fallback_data`). It must decode to exactly the whole of Unicode, so a client whose
form has changed is refused rather than half understood.
"""

import re
from dataclasses import dataclass, field

UNICODE_SIZE = 0x110000


@dataclass(frozen=True)
class FallbackFont:
    """One file the engine may ask for: its name for it, its path below `assets/fonts/`, and what it is asked for."""

    name: str
    path: str
    code_points: set[int] = field(default_factory=set)


def read(client: str) -> list[FallbackFont]:
    """The fonts of the compiled client's source text. Raises ValueError when the table is not found or not whole.

    The compiler renames every function, so the two coded texts are known by their form: the longest of its kind.
    """
    names = re.findall(r'\w\.\w+\("(Noto[^"]+)","(noto[^"]+\.woff2)"\)', client)
    sets = max(re.findall(r'"(,[0-9a-z,]{1000,})"', client), key=len, default="")
    ranges = max(re.findall(r'"([0-9][0-9A-Za-z]{1000,}[A-Z])"', client), key=len, default="")
    if not (names and sets and ranges):
        message = "The fallback table of this client was not found; compare its main.dart.js with this module."
        raise ValueError(message)
    fonts = [FallbackFont(name, path) for name, path in names]
    groups = [decode_set(text) for text in sets.split(",")]
    for start, size, group in decode_ranges(ranges):
        for index in groups[group]:
            fonts[index].code_points.update(range(start, start + size))
    return fonts


def decode_set(text: str) -> list[int]:
    """Font indices of one set: each letter ends a number that says how far the next index is from the last one."""
    indices = []
    index, prefix = -1, 0
    for letter in text:
        if letter.isdigit():
            prefix = prefix * 10 + int(letter)
        else:
            index += prefix * 26 + ord(letter) - ord("a") + 1
            prefix = 0
            indices.append(index)
    return indices


def decode_ranges(text: str) -> list[tuple[int, int, int]]:
    """`(first code point, size, set)` runs: a lower-case letter ends a size, an upper-case one the set's number."""
    runs = []
    start, size, prefix = 0, 1, 0
    for letter in text:
        if letter.isdigit():
            prefix = prefix * 10 + int(letter)
        elif letter.islower():
            size = prefix * 26 + ord(letter) - ord("a") + 2
            prefix = 0
        else:
            runs.append((start, size, prefix * 26 + ord(letter) - ord("A")))
            start += size
            size, prefix = 1, 0
    if start != UNICODE_SIZE:
        message = f"The fallback table covers {start} code points instead of {UNICODE_SIZE}."
        raise ValueError(message)
    return runs
