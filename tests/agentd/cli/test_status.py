"""What `agentd status` tells scripts; README's line for grpcurl leans on it."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import grpc.aio
import pytest

from agentd import config
from agentd.cli import status
from agentd.cli.options import parse
from agentd.daemon import running
from halyard.agent.v1 import agent_service_pb2, agent_service_pb2_grpc
from tests.fakes.scripted_agent import ScriptedAgent

README = (Path(__file__).parents[3] / "README.md").read_text()


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    monkeypatch.setenv("HALYARD_STATE_DIR", str(tmp_path))
    agent = ScriptedAgent()
    async with running(config.load("default"), lambda _: [agent]):
        await agent.started()
        yield


@pytest.mark.usefixtures("desk")
async def test_the_socket_that_readme_asks_for_is_told_and_answers(capsys: pytest.CaptureFixture[str]) -> None:
    asked = re.search(r"jq -r \.(\w+)\)\" halyard\.agent\.v1\.AgentService/ListSessions", README)
    assert asked is not None
    await status.run(parse(["status", "--json"]))
    told = json.loads(capsys.readouterr().out)
    async with grpc.aio.insecure_channel(f"unix:{told[asked[1]]}") as channel:
        stub = agent_service_pb2_grpc.AgentServiceStub(channel)
        assert list((await stub.ListSessions(agent_service_pb2.ListSessionsRequest())).sessions) == []
