"""Pages of sessions: newest first, nothing lost or doubled between them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.errors import Refused
from agentd.reply_fitting import MAX_REPLY_BYTES
from agentd.session_pages import page
from halyard.agent.v1 import agent_service_pb2 as pb
from halyard.agent.v1.session_pb2 import Session


def session(name: str, seconds: int = 0, **more: object) -> Session:
    value = Session(name=f"sessions/{name}", **more)  # type: ignore[arg-type]
    value.update_time.seconds = seconds
    return value


@given(st.lists(st.integers(0, 5), max_size=20), st.integers(1, 4))
def test_pages_add_up_to_everything(times: list[int], size: int) -> None:
    sessions = [session(f"s{number}", seconds) for number, seconds in enumerate(times)]
    seen: list[Session] = []
    token = ""
    while True:
        answer = page(sessions, pb.ListSessionsRequest(page_size=size, page_token=token))
        assert len(answer.sessions) <= size
        seen += answer.sessions
        token = answer.next_page_token
        if not token:
            break
    assert sorted(value.name for value in seen) == sorted(value.name for value in sessions)
    updates = [value.update_time.seconds for value in seen]
    assert updates == sorted(updates, reverse=True)


def test_a_page_is_never_larger_than_a_reply() -> None:
    sessions = [session(f"s{number:03}", number, title="t" * 2_000) for number in range(300)]
    request, seen = pb.ListSessionsRequest(page_size=300), 0
    while True:
        answer = page(sessions, request)
        assert answer.ByteSize() <= MAX_REPLY_BYTES
        seen += len(answer.sessions)
        request.page_token = answer.next_page_token
        if not request.page_token:
            break
    assert seen == 300


def test_archived_sessions_and_subagents_are_left_out_unless_wanted() -> None:
    sessions = [session("a"), session("b", archived=True), session("c", parent="sessions/a")]
    assert [value.name for value in page(sessions, pb.ListSessionsRequest()).sessions] == ["sessions/a"]
    everything = pb.ListSessionsRequest(include_archived=True, include_children=True)
    assert len(page(sessions, everything).sessions) == 3


def test_only_one_project() -> None:
    sessions = [session("a", project="projects/p"), session("b", project="projects/q")]
    request = pb.ListSessionsRequest(project="projects/q")
    assert [value.name for value in page(sessions, request).sessions] == ["sessions/b"]


@pytest.mark.parametrize("token", ["x", "-1:sessions/a", "²:x", "9" * 5_000 + ":x"])
def test_a_foreign_token_is_malformed(token: str) -> None:
    with pytest.raises(Refused) as refused:
        page([], pb.ListSessionsRequest(page_token=token))
    assert refused.value.reason == "MALFORMED"
