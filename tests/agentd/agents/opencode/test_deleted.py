"""OpenCode's database is deleted, with nothing to put back: what was heard stays and says so, and new sessions work."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from agentd.agents.agent import ResourceNotFoundError
from halyard.agent.v1 import decision_pb2, session_pb2
from tests.fakes.opencode import Rig, rig, runs, says

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def made(opencode: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    async with rig(tmp_path_factory.mktemp("deleted"), opencode) as made:
        yield made


@dataclass(frozen=True)
class Losing:
    """Sessions of a database that is about to be deleted."""

    told: str
    waiting: str
    permission: decision_pb2.Permission

    @classmethod
    async def begin(cls, made: Rig) -> Losing:
        told, waiting = await made.session("Told"), await made.session("Waits")
        await made.ask(told, says("Kept."))
        await made.prompt(waiting, runs("true"))
        return cls(told, waiting, await made.permission(waiting))

    async def is_marked_and_kept(self, made: Rig) -> None:
        for session in (self.told, self.waiting):
            await made.marked_gone(session)
        assert made.journal.texts(self.told) == ["Kept."]
        assert made.journal.withdrawn[self.permission.name][0] == decision_pb2.DECISION_STATE_EXPIRED
        asked, answer = made.journal.messages(self.waiting)
        assert asked.state == session_pb2.MESSAGE_STATE_COMPLETE
        assert answer.state in (session_pb2.MESSAGE_STATE_INTERRUPTED, session_pb2.MESSAGE_STATE_STOPPED)
        with pytest.raises(ResourceNotFoundError):
            await made.prompt(self.told, says("Nobody hears it."))


def delete_database(made: Rig) -> None:
    folder = Path(made.settings.environment["HOME"]) / ".local" / "share" / "opencode"
    files = list(folder.glob("opencode*.db*"))
    assert files
    for file in files:
        file.unlink()


async def new_sessions_work(made: Rig) -> str:
    session = await made.session("New")
    await made.ask(session, says("Begun anew."))
    assert made.journal.texts(session) == ["Begun anew."]
    return session


async def test_a_database_that_is_deleted_while_nothing_runs(made: Rig) -> None:
    losing = await Losing.begin(made)
    await made.stop()
    delete_database(made)
    await made.again()
    await losing.is_marked_and_kept(made)
    await new_sessions_work(made)


async def test_a_database_that_is_deleted_behind_a_kill(made: Rig) -> None:
    losing = await Losing.begin(made)
    server = psutil.Process(made.pid)
    os.kill(server.pid, 9)
    # Without an await in between: nobody starts another server before the database is gone.
    psutil.wait_procs([server])
    delete_database(made)
    await made.another_life(server.pid)
    await losing.is_marked_and_kept(made)
    await new_sessions_work(made)


async def test_a_database_that_is_deleted_under_a_running_server(made: Rig) -> None:
    losing = await Losing.begin(made)
    pid = made.pid
    delete_database(made)
    made_since = await new_sessions_work(made)
    assert made.pid == pid
    os.kill(pid, 9)
    await made.another_life(pid)
    await losing.is_marked_and_kept(made)
    assert made.journal.texts(made_since) == ["Begun anew."]
    await new_sessions_work(made)
