"""Every answer fits into one sealed reply, with as much in it as possible."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.errors import Refused
from agentd.fitting import CUT
from agentd.reply_fitting import fit_reply, largest_page, level
from halyard.agent.v1 import agent_service_pb2 as pb
from halyard.agent.v1 import session_pb2

SMALL = 4_000


def part(text: str) -> session_pb2.Part:
    return session_pb2.Part(name="sessions/s/messages/m/parts/p", text=session_pb2.Text(text=text))


def test_what_fits_is_left_alone() -> None:
    response = pb.ReadFileResponse(content=b"short", size_bytes=5)
    assert fit_reply(response, SMALL) is response


@given(st.integers(0, 3 * SMALL))
def test_of_a_file_the_beginning_is_told_and_how_much_there_is(size: int) -> None:
    content = bytes(number % 251 for number in range(size))
    fitted = fit_reply(pb.ReadFileResponse(content=content, size_bytes=size), SMALL)
    assert isinstance(fitted, pb.ReadFileResponse)
    assert fitted.ByteSize() <= SMALL
    assert content.startswith(fitted.content)
    assert fitted.size_bytes == size
    assert len(fitted.content) >= min(size, SMALL - 16)


def test_of_many_changes_the_longest_is_cut_and_marked() -> None:
    diffs = [session_pb2.FileDiff(path=name, patch="x" * size) for name, size in (("a", 5_000), ("b", 1_000))]
    fitted = fit_reply(pb.GetDiffResponse(diffs=diffs), SMALL)
    assert isinstance(fitted, pb.GetDiffResponse)
    assert fitted.ByteSize() <= SMALL
    assert [(diff.path, diff.truncated) for diff in fitted.diffs] == [("a", True), ("b", False)]


def test_of_a_folder_the_first_entries_are_told() -> None:
    entries = [pb.FileEntry(path=f"file-{number:04}") for number in range(1_000)]
    fitted = fit_reply(pb.ListFilesResponse(entries=entries), SMALL)
    assert isinstance(fitted, pb.ListFilesResponse)
    assert SMALL - 40 <= fitted.ByteSize() <= SMALL
    assert list(fitted.entries) == entries[: len(fitted.entries)]


@given(st.lists(st.text(max_size=6_000), min_size=1, max_size=8))
def test_of_a_message_that_is_too_long_only_the_long_parts_are_cut(texts: list[str]) -> None:
    message = pb.MessageWithParts(message=session_pb2.Message(name="m"), parts=[part(text) for text in texts])
    fitted = fit_reply(pb.ListMessagesResponse(messages=[message]), SMALL)
    assert isinstance(fitted, pb.ListMessagesResponse)
    assert fitted.ByteSize() <= SMALL
    kept = [part.text.text for part in fitted.messages[0].parts]
    assert len(kept) == len(texts)
    for before, after in zip(texts, kept, strict=True):
        assert before == after or (after.endswith(CUT) and len(before.encode()) > SMALL // len(texts) - 200)


def test_what_cannot_be_given_in_pieces_is_refused_in_words() -> None:
    models = [session_pb2.Session(name="x" * 5_000)]
    with pytest.raises(Refused) as refusal:
        fit_reply(pb.ListSessionsResponse(sessions=models), SMALL)
    assert refusal.value.reason == "TOO_LARGE"


@given(st.lists(st.integers(0, 1_000), min_size=1), st.integers(0, 20_000))
def test_level_uses_the_room_and_no_more(sizes: list[int], room: int) -> None:
    most = level(sizes, room)
    used = sum(min(size, most) for size in sizes)
    assert used <= room
    assert used == sum(sizes) or used > room - len(sizes)


@given(st.lists(st.integers(0, 3_000), min_size=1, max_size=60), st.integers(1, 60))
async def test_a_page_is_asked_for_again_with_fewer_entries_until_it_fits(sizes: list[int], size: int) -> None:
    asked: list[int] = []

    async def ask(count: int) -> pb.ListMessagesResponse:
        asked.append(count)
        found = [pb.MessageWithParts(parts=[part("x" * each)]) for each in sizes[:count]]
        return pb.ListMessagesResponse(messages=found)

    page = await largest_page(ask, size, SMALL)
    assert page.ByteSize() <= SMALL or len(page.messages) == 1
    assert asked == sorted(set(asked), reverse=True)
