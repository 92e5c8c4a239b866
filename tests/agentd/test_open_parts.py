"""What arrived of an open part is the value it was put with, and every hint that joined on."""

from hypothesis import given
from hypothesis import strategies as st

from agentd.open_parts import MAX_OUTPUT_BYTES, OpenParts
from halyard.agent.v1 import resource_pb2 as pb
from halyard.agent.v1 import session_pb2 as session

NAME = "sessions/s/messages/m/parts/p"


def opened(text: str = "", state: session.PartState = session.PART_STATE_OPEN) -> pb.Resource:
    return pb.Resource(name=NAME, part=session.Part(name=NAME, state=state, text=session.Text(text=text)))


def delta(offset: int, text: str, field: pb.DeltaField = pb.DELTA_FIELD_TEXT) -> pb.Delta:
    return pb.Delta(part=NAME, offset_bytes=offset, text=text, field=field)


def held(parts: OpenParts) -> str:
    value = parts.get(NAME)
    assert value is not None
    return value.part.text.text


@given(st.lists(st.text(max_size=20), max_size=10), st.text(max_size=10))
def test_hints_add_up(chunks: list[str], start: str) -> None:
    parts = OpenParts()
    parts.note(opened(start))
    text = start
    for chunk in chunks:
        assert parts.append(delta(len(text.encode()), chunk))
        text += chunk
    assert held(parts) == text


def test_a_hint_that_does_not_join_on_is_left_to_the_record() -> None:
    parts = OpenParts()
    assert not parts.append(delta(0, "x"))
    parts.note(opened("Hello"))
    assert not parts.append(delta(4, "x"))
    assert not parts.append(delta(5, "x", pb.DELTA_FIELD_OUTPUT))
    assert held(parts) == "Hello"


def test_a_closed_part_is_no_longer_held() -> None:
    parts = OpenParts()
    parts.note(opened("Hello"))
    parts.note(opened("Hello", session.PART_STATE_COMPLETE))
    assert parts.get(NAME) is None


def test_only_what_grew_is_checkpointed_and_only_once() -> None:
    parts = OpenParts()
    parts.note(opened())
    assert list(parts.checkpoint()) == []
    parts.append(delta(0, "Hello"))
    assert [value.part.text.text for value in parts.checkpoint()] == ["Hello"]
    assert list(parts.checkpoint()) == []
    parts.append(delta(5, "!"))
    assert list(parts.checkpoint(lambda name: name.startswith("sessions/other/"))) == []
    assert [value.part.text.text for value in parts.checkpoint()] == ["Hello!"]


def test_reasoning_and_output_grow_in_their_own_fields() -> None:
    parts = OpenParts()
    thought = session.Part(name=NAME, state=session.PART_STATE_OPEN, reasoning=session.Reasoning(text="a"))
    parts.note(pb.Resource(name=NAME, part=thought))
    parts.append(delta(1, "b"))
    value = parts.get(NAME)
    assert value is not None
    assert value.part.reasoning.text == "ab"

    running = session.Part(name=NAME, state=session.PART_STATE_OPEN, tool_call=session.ToolCall(output=""))
    parts.note(pb.Resource(name=NAME, part=running))
    parts.append(delta(0, "out", pb.DELTA_FIELD_OUTPUT))
    assert not parts.append(delta(3, "x" * MAX_OUTPUT_BYTES, pb.DELTA_FIELD_OUTPUT))
    value = parts.get(NAME)
    assert value is not None
    assert value.part.tool_call.output == "out"


def test_what_lies_below_a_deleted_name_is_forgotten() -> None:
    parts = OpenParts()
    parts.note(opened("Hello"))
    parts.forget("sessions/other")
    assert held(parts) == "Hello"
    parts.forget("sessions/s")
    assert parts.get(NAME) is None
