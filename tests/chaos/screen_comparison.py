"""Whether what is on an app's screen is what is on its disk, value by value and word by word. Pure.

Deliberately not by way of the app's own reading of a record: what a row holds is taken out of it afresh.
"""

from collections.abc import Collection, Iterable, Mapping

from app_flet.conversation import Turn, output, words
from app_flet.model import Held, Transcript
from halyard_client.halyard.agent import v1

Stored = Mapping[str, tuple[int, bytes]]
"""Name → (seq, resource), as the rows have them."""


def unlike_disk(shown: Iterable[Held], stored: Stored, expected: Collection[str]) -> list[str]:
    """What the screen has otherwise than the disk, or not at all. `expected`: names of what it must have."""
    held = {one.name: one for one in shown}
    found = [f"{name} is on its disk and not on its screen" for name in sorted(set(expected) - held.keys())]
    for name, one in sorted(held.items()):
        row = stored.get(name)
        if row is None:
            found.append(f"{name} is on its screen and not on its disk")
        elif (one.seq, one.resource) != (row[0], v1.Resource.parse(row[1])):
            found.append(f"{name} is on its screen as of {one.seq}, on its disk as of {row[0]}, or with another value")
    return found


def words_of(turns: Iterable[Turn], transcript: Transcript) -> dict[str, str]:
    """What a person reads of each part: its text, or the output of its tool, with what has streamed in."""
    return {part.name: _read(part, transcript) for turn in turns for part in turn.parts}


def _read(part: Held, transcript: Transcript) -> str:
    is_call = part.resource.part is not None and part.resource.part.tool_call is not None
    return output(transcript, part) if is_call else words(transcript, part)


def unlike_records(read: Mapping[str, str], shown: Iterable[Held], stored: Stored) -> list[str]:
    """What a person reads otherwise than it was recorded, when nothing is being written any more. `read`: by name of
    the part; `shown`: what the transcripts hold.
    """
    names = {one.name for one in shown}
    # Parts of a message that is too old to be on screen wait for it.
    parts = sorted(name for name in names if "/parts/" in name and name.partition("/parts/")[0] in names)
    recorded = {name: _recorded(v1.Resource.parse(stored[name][1])) for name in parts if name in stored}
    return [
        f"{name} reads “{read.get(name, '')}”, and “{text}” is recorded"
        for name, text in recorded.items()
        if read.get(name, "") != text
    ]


def _recorded(resource: v1.Resource) -> str:
    part = resource.part or v1.Part()
    if part.tool_call is not None:
        return part.tool_call.output
    said = part.text or part.reasoning
    return said.text if said is not None else ""
