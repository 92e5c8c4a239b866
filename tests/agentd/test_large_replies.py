"""What a device asks for may be larger than what a relay takes: it is told in part or refused, and the link stands."""

from pathlib import Path

import pytest
from google.protobuf.message import Message

from agentd.grpc_errors import reason_of
from halyard.agent.v1 import agent_service_pb2 as pb
from halyard.agent.v1 import session_pb2
from relay.limits import Limits
from tests.fakes.call_desk import Clock, Phone, Workstation, pair, session, workstation
from tests.fakes.scripted_agent import ScriptedAgent

LONG = "x" * 100_000


def _page(count: int) -> pb.ListMessagesResponse:
    name = "sessions/s/messages/m/parts/p"
    long = session_pb2.Part(name=name, text=session_pb2.Text(text=LONG))
    found = [pb.MessageWithParts(message=session_pb2.Message(name=f"m{number}"), parts=[long]) for number in range(9)]
    return pb.ListMessagesResponse(messages=found[:count], next_page_token=str(count))


class Talkative(ScriptedAgent):
    """Has said and changed more than fits."""

    async def messages(self, session_id: str, page_size: int, page_token: str) -> pb.ListMessagesResponse:
        return _page(page_size)

    async def session_diff(self, session_id: str) -> list[session_pb2.FileDiff]:
        return [session_pb2.FileDiff(path=f"file-{number}", patch=LONG) for number in range(9)]


async def _ask(at: Workstation, clock: Clock, phone: Phone, method: str, request: Message) -> bytes:
    call = phone.call(clock, f"AgentService/{method}", request)
    await at.receive(call)
    reply = await at.reply()
    assert len(reply.reply.sealed) <= Limits().max_record_bytes
    result = phone.open(call, reply)
    assert result.HasField("response"), reason_of(result.error)
    return result.response


@pytest.fixture
def agent() -> ScriptedAgent:
    return Talkative()


async def test_a_large_file_is_read_in_pieces(tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent) -> None:
    project = tmp_path / "project"
    project.mkdir()
    content = bytes(range(256)) * 4096
    (project / "large.bin").write_bytes(content)
    async with workstation(tmp_path, clock, agent) as at:
        pair(at, phone)
        name, read = at.projects.add(str(project)).name, b""
        while len(read) < len(content):
            request = pb.ReadFileRequest(
                project=name, path="large.bin", offset_bytes=len(read), limit_bytes=len(content)
            )
            answer = pb.ReadFileResponse.FromString(await _ask(at, clock, phone, "ReadFile", request))
            assert answer.size_bytes == len(content)
            read += answer.content
        assert read == content


async def test_a_page_of_long_messages_has_fewer_of_them(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    async with workstation(tmp_path, clock, agent) as at:
        pair(at, phone)
        request = pb.ListMessagesRequest(session=session(at, tmp_path))
        page = pb.ListMessagesResponse.FromString(await _ask(at, clock, phone, "ListMessages", request))
        assert [entry.message.name for entry in page.messages] == ["m0", "m1"]
        assert page.next_page_token == "2"


async def test_of_many_changes_each_is_told_and_the_long_ones_are_cut(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    async with workstation(tmp_path, clock, agent) as at:
        pair(at, phone)
        request = pb.GetDiffRequest(session=session(at, tmp_path))
        diffs = pb.GetDiffResponse.FromString(await _ask(at, clock, phone, "GetDiff", request)).diffs
        assert [diff.path for diff in diffs] == [f"file-{number}" for number in range(9)]
        assert any(diff.truncated for diff in diffs)
