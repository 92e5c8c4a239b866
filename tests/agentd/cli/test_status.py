"""What `agentd status` tells scripts; README's line for grpcurl leans on it."""

import json
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from functools import partial
from pathlib import Path

import grpc.aio
import pytest

from agentd import config
from agentd import daemon as composition
from agentd.cli import status
from agentd.cli.options import parse
from agentd.daemon import Daemon, running
from agentd.errors import StoreUnavailableError
from agentd.store import Store
from halyard.agent.v1 import agent_service_pb2, agent_service_pb2_grpc
from tests.fakes.scripted_agent import ScriptedAgent

README = (Path(__file__).parents[3] / "README.md").read_text()


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Daemon]:
    monkeypatch.setenv("HALYARD_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(composition, "Store", partial(Store, busy_ms=20))
    agent = ScriptedAgent()
    async with running(config.load("default"), lambda _: [agent]) as daemon:
        await agent.started()
        yield daemon


@pytest.mark.usefixtures("desk")
async def test_the_socket_that_readme_asks_for_is_told_and_answers(capsys: pytest.CaptureFixture[str]) -> None:
    asked = re.search(r"jq -r \.(\w+)\)\" halyard\.agent\.v1\.AgentService/ListSessions", README)
    assert asked is not None
    await status.run(parse(["status", "--json"]))
    told = json.loads(capsys.readouterr().out)
    async with grpc.aio.insecure_channel(f"unix:{told[asked[1]]}") as channel:
        stub = agent_service_pb2_grpc.AgentServiceStub(channel)
        assert list((await stub.ListSessions(agent_service_pb2.ListSessionsRequest())).sessions) == []


async def test_a_store_that_another_program_holds_is_told_until_it_lets_go(
    desk: Daemon, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await desk.log.flush()
    await status.run(parse(["status"]))
    assert "store " not in capsys.readouterr().out
    with closing(sqlite3.connect(desk.config.database_path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        desk.projects.add(str(tmp_path))
        with pytest.raises(StoreUnavailableError):
            await desk.log.flush()
        await status.run(parse(["status"]))
        told = capsys.readouterr().out
        assert "store    agentd.sqlite cannot be used: another program holds it" in told
        assert "Close that; agentd goes on by itself" in told
    await desk.log.flush_patiently()
    await status.run(parse(["status"]))
    assert "store " not in capsys.readouterr().out
