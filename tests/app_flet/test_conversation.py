from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_flet import events, intents
from app_flet.conversation import (
    Delivery,
    Turn,
    Turns,
    cost,
    cut_into_blocks,
    spoken,
    todos,
    tokens,
    turns,
    usage_line,
    words,
)
from app_flet.model import CallView, Held, Model, Page
from app_flet.reduce import reduce
from halyard_client.halyard.agent import v1
from tests.app_flet.scenes import Scene
from wire.calls import CallState

W, S = "w1", "sessions/s1"


def model(*more: Held) -> Model:
    scene = Scene()
    records = tuple(Held(seq, value) for seq, value in enumerate(scene.everything(), 1))
    result = reduce(Model(), events.WorkstationKnown(W, "bench", "http://relay", "operator"))
    result = reduce(result, events.TranscriptOpened(W, S, Page()))
    return reduce(result, events.RecordsOpened(W, (*records, *more)))


def prompt_call(state: CallState, call_id: bytes = b"i" * 16, error: str = "") -> CallView:
    intent = intents.prompt(S, "And the docs?")
    return CallView(call_id, W, intent.method, intent.request, state, 5, error=error)


def with_call(call: CallView, *more: Held) -> tuple[Turn, ...]:
    return turns(reduce(model(*more), events.CallChanged(call)), W, S)


def test_turns_stand_in_the_order_of_their_messages_with_parts_in_theirs() -> None:
    found = turns(model(), W, S)
    assert [turn.is_person for turn in found] == [True, False, True, False]
    assert [record.name.rpartition("/")[2] for record in found[1].parts] == ["p0", "p1", "p2", "p3"]


def test_files_that_a_tool_has_shown_are_not_named_once_more_without_their_changes() -> None:
    edit = v1.ToolCall(tool="edit", kind=v1.ToolKind.EDIT, diffs=[v1.FileDiff(path="a.py", patch="@@", additions=1)])
    names = {"t": "tool_call", "c": "changes", "d": "changes"}
    content = {
        "t": edit,
        "c": v1.ChangeSet(diffs=[v1.FileDiff(path="a.py")]),
        "d": v1.ChangeSet(diffs=[v1.FileDiff(path="a.py"), v1.FileDiff(path="b.py")]),
    }
    parts = [
        v1.Part(name=f"{S}/messages/m2/parts/{key}", index=at, **{names[key]: value})  # type: ignore[arg-type]
        for at, (key, value) in enumerate(content.items(), 20)
    ]
    held = [Held(900 + part.index, v1.Resource(name=part.name, part=part)) for part in parts]
    shown = [record.name.rpartition("/")[2] for record in turns(model(*held), W, S)[1].parts]
    assert shown[-2:] == ["t", "d"], "what names a file that no tool has shown stays"


def test_a_session_that_is_not_open_has_no_turns() -> None:
    assert turns(model(), W, "sessions/s2") == ()
    assert turns(model(), "nobody", S) == ()


def test_only_the_newest_prompt_says_how_far_it_is() -> None:
    assert [turn.delivery for turn in turns(model(), W, S)] == [None, None, Delivery.AT_WORKSTATION, None]


@pytest.mark.parametrize(
    ("became", "delivery"),
    [
        (v1.MessageState.WRITING, Delivery.AT_WORKSTATION),
        (v1.MessageState.INTERRUPTED, Delivery.AT_WORKSTATION),
        (v1.MessageState.COMPLETE, Delivery.ANSWERED),
        (v1.MessageState.STOPPED, Delivery.ANSWERED),
        (v1.MessageState.FAILED, Delivery.ANSWERED),
    ],
)
def test_an_answer_counts_once_nothing_can_make_it_half_an_answer(became: v1.MessageState, delivery: Delivery) -> None:
    answer = turns(model(), W, S)[-1].message
    assert answer is not None
    assert answer.resource.message is not None
    ended = replace(answer.resource.message, state=became)
    held = Held(900, v1.Resource(name=answer.name, message=ended))
    assert turns(model(held), W, S)[-2].delivery is delivery


@pytest.mark.parametrize(
    ("state", "delivery"),
    [
        (CallState.ON_DEVICE, Delivery.ON_DEVICE),
        (CallState.AT_RELAY, Delivery.AT_RELAY),
        (CallState.AT_WORKSTATION, Delivery.AT_WORKSTATION),
        (CallState.DONE, Delivery.AT_WORKSTATION),
    ],
)
def test_a_prompt_on_its_way_stands_last(state: CallState, delivery: Delivery) -> None:
    last = with_call(prompt_call(state))[-1]
    assert last.call is not None
    assert last.delivery is delivery


def test_a_prompt_that_failed_says_so() -> None:
    assert with_call(prompt_call(CallState.REFUSED, error="No."))[-1].delivery is Delivery.FAILED


def test_a_prompt_is_shown_once_the_log_has_it_under_the_same_key() -> None:
    call = prompt_call(CallState.DONE)
    message = v1.Message(
        name=f"{S}/messages/m9",
        role=v1.Role.PERSON,
        call_id=call.call_id,
        create_time=Scene().at + timedelta(minutes=1),
    )
    before = with_call(call)
    after = with_call(call, Held(900, v1.Resource(name=message.name, message=message)))
    assert len(before) == len(after)
    assert before[-1].key == after[-1].key
    assert after[-1].call is None
    assert after[-1].delivery is Delivery.AT_WORKSTATION


def test_words_show_what_streamed_in_and_never_half_a_character() -> None:
    name = f"{S}/messages/m4/parts/p9"
    part = Held(500, v1.Resource(name=name, part=v1.Part(name=name, state=v1.PartState.OPEN, text=v1.Text(text="a"))))
    known = model(part).workstations[W].transcripts[S]
    assert words(known, part) == "a"
    cut = type(known)(known.held, {(name, v1.DeltaField.TEXT): "aé".encode()[:-1]})
    assert words(cut, part) == "a"


def test_turns_are_made_again_only_when_a_record_or_call_changed() -> None:
    name = f"{S}/messages/m4/parts/p9"
    part = Held(500, v1.Resource(name=name, part=v1.Part(name=name, state=v1.PartState.OPEN, text=v1.Text(text="a"))))
    before, read = model(part), Turns()
    first = read(before, W, S)
    hint = v1.Delta(part=name, offset_bytes=1, text="b", field=v1.DeltaField.TEXT)
    streamed = reduce(before, events.DeltasOpened(W, S, (hint,)))
    assert streamed is not before
    assert read(streamed, W, S) is first
    called = reduce(streamed, events.CallChanged(prompt_call(CallState.AT_RELAY)))
    assert len(read(called, W, S)) == len(first) + 1
    recorded = reduce(called, events.RecordsOpened(W, (Held(501, part.resource),)))
    assert read(recorded, W, S) == turns(recorded, W, S)


# --- blocks -----------------------------------------------------------------------------------------------------------


def test_blocks_end_at_blank_lines_outside_fences() -> None:
    text = "One\n\n```py\na\n\nb\n```\n\ntail"
    assert cut_into_blocks(text) == (["One\n\n", "```py\na\n\nb\n```\n\n"], "tail")


def test_a_longer_fence_is_not_closed_by_a_shorter() -> None:
    assert cut_into_blocks("````\n```\n\n````\n\nx") == (["````\n```\n\n````\n\n"], "x")


markdown = st.lists(
    st.sampled_from(["word", "", "```", "````", "~~~", "``` py", "| a | b |", "- x", "  "]), max_size=20
)


@given(markdown)
def test_nothing_is_lost_in_cutting(lines: list[str]) -> None:
    text = "\n".join(lines)
    blocks, tail = cut_into_blocks(text)
    assert "".join(blocks) + tail == text


@given(markdown, markdown)
def test_blocks_never_change_when_text_grows(lines: list[str], more: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    before, _ = cut_into_blocks(text)
    after, _ = cut_into_blocks(text + "".join(f"{line}\n" for line in more))
    # A blank line may follow one that ended a block already; what stood before it stays.
    assert after[: len(before)] == before


# --- the bar ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "text"), [(0, "0"), (999, "999"), (12_345, "12.3k"), (2_000_000, "2.0M")])
def test_tokens(count: int, text: str) -> None:
    assert tokens(count) == text


@pytest.mark.parametrize(("micro_usd", "text"), [(0, ""), (84_200, "$0.08"), (900, "$0.0009")])
def test_cost(micro_usd: int, text: str) -> None:
    assert cost(micro_usd) == text


def test_usage_is_silent_until_something_was_used() -> None:
    assert usage_line(None) == ""
    assert usage_line(v1.Usage()) == ""
    assert usage_line(v1.Usage(input_tokens=10, output_tokens=3)) == "10 in · 3 out"


def test_todos_of_an_open_session() -> None:
    assert next(todo.text for todo in todos(model().workstations[W], S)) == "Reproduce the failure"
    assert todos(None, S) == ()


def test_markdown_is_read_aloud_without_its_marks() -> None:
    assert (
        spoken("## A **bold** `name_of` _it_\n> quoted\n```py\nx = a_b\n```") == "A bold name_of it\nquoted\n\nx = a_b"
    )
