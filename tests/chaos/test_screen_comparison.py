"""The checker catches a screen that shows something else than its app's disk holds."""

from dataclasses import replace

from app_flet.conversation import Turn
from app_flet.model import Held, Transcript, frozen
from halyard_client.halyard.agent import v1
from tests.chaos.screen_comparison import Stored, unlike_disk, unlike_records, words_of

MESSAGE = "sessions/ses_1/messages/msg_1"
TEXT, CALL = f"{MESSAGE}/parts/prt_1", f"{MESSAGE}/parts/prt_2"


def rows() -> list[Held]:
    """An answer of two parts, as a screen has it."""
    text = v1.Part(name=TEXT, state=v1.PartState.COMPLETE, text=v1.Text(text="Done."))
    call = v1.Part(name=CALL, state=v1.PartState.COMPLETE, tool_call=v1.ToolCall(output="line 1\n"))
    return [
        Held(3, v1.Resource(name=MESSAGE, message=v1.Message(name=MESSAGE, mode="build"))),
        Held(4, v1.Resource(name=TEXT, part=text)),
        Held(5, v1.Resource(name=CALL, part=call)),
    ]


def stored() -> Stored:
    return {one.name: (one.seq, bytes(one.resource)) for one in rows()}


def test_equal_is_equal() -> None:
    assert unlike_disk(rows(), stored(), {MESSAGE, TEXT, CALL}) == []


def test_what_is_missing_or_stale_is_caught() -> None:
    message, *parts = rows()
    assert len(unlike_disk(parts, stored(), {MESSAGE, TEXT, CALL})) == 1
    assert unlike_disk(parts, stored(), {TEXT, CALL}) == []
    assert len(unlike_disk([*rows(), Held(6, v1.Resource(name=f"{MESSAGE}9"))], stored(), set())) == 1
    assert len(unlike_disk([Held(2, message.resource), *parts], stored(), set())) == 1


def test_another_value_of_the_same_age_is_caught() -> None:
    for one in rows():
        other = v1.Resource.parse(bytes(one.resource))
        if other.message:
            other.message.mode = "plan"
        elif other.part and other.part.text:
            other.part.text.text = "Done"
        elif other.part and other.part.tool_call:
            other.part.tool_call.output = ""
        rest = [kept for kept in rows() if kept.name != one.name]
        assert len(unlike_disk([*rest, Held(one.seq, other)], stored(), set())) == 1


def read(grown: dict[tuple[str, v1.DeltaField], bytes]) -> list[str]:
    """What is found of a screen over whose records these hints lie."""
    message, *parts = rows()
    transcript = Transcript(held=frozen({one.name: one for one in rows()}), grown=frozen(grown))
    return unlike_records(words_of([Turn("one", message, tuple(parts))], transcript), rows(), stored())


def test_a_hint_that_is_left_over_the_record_is_caught() -> None:
    assert read({}) == []
    assert len(read({(TEXT, v1.DeltaField.TEXT): b"Done. And more"})) == 1
    assert len(read({(TEXT, v1.DeltaField.TEXT): b"Do"})) == 1
    assert len(read({(CALL, v1.DeltaField.OUTPUT): b"line 1\nline 2\n"})) == 1


def test_a_part_that_no_turn_shows_is_caught_unless_its_message_is_too_old() -> None:
    message, *parts = rows()
    transcript = Transcript(held=frozen({one.name: one for one in rows()}))
    shown = words_of([Turn("one", message, tuple(parts[:1]))], transcript)
    assert len(unlike_records(shown, rows(), stored())) == 1
    assert unlike_records(shown, parts, stored()) == []


def test_a_turn_of_former_records_is_caught() -> None:
    message, text, call = rows()
    former = replace(text, resource=v1.Resource(name=TEXT, part=v1.Part(name=TEXT, text=v1.Text(text="Do"))))
    transcript = Transcript(held=frozen({one.name: one for one in rows()}))
    shown = words_of([Turn("one", message, (former, call))], transcript)
    assert len(unlike_records(shown, rows(), stored())) == 1
