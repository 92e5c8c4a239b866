"""How the real OpenCode is, and what the doctor says of it when it is killed and when its model's server is gone."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from agentd.call_book import CallBook
from agentd.config import Config
from agentd.doctor import Doctor, Place
from agentd.store import Store
from halyard.agent.v1 import workstation_service_pb2 as pb
from tests.fakes.opencode import Rig

OK, LOOK, FAILED = pb.CHECK_STATE_OK, pb.CHECK_STATE_WARNING, pb.CHECK_STATE_FAILED


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_doctor_follows_an_opencode_that_is_killed(shared: Rig, tmp_path: Path) -> None:
    with Store(tmp_path / "book.sqlite") as store:
        place = Place(Config(state_dir=tmp_path), {})
        doctor = Doctor(place, None, CallBook(store, lambda: 0), [shared.agent])

        async def examined() -> dict[str, pb.Check]:
            return {check.id: check for check in (await doctor.examine(pb.GetStatusResponse())).checks}

        well = await examined()
        assert (well["agent"].state, well["model"].state) == (OK, OK), well
        assert "never started again" in well["agent"].message
        assert shared.model.base_url.startswith(well["model"].message.split()[-3])
        vitals = await shared.agent.vitals()
        assert vitals.memory_bytes > 50 * 1024 * 1024

        former = shared.pid
        os.kill(former, signal.SIGKILL)
        ill = await examined()
        assert ill["agent"].state in (LOOK, FAILED)
        assert ill["agent"].advice
        assert ill["model"].state == pb.CHECK_STATE_SKIPPED

        await shared.another_life(former)
        assert "started again once" in (await examined())["agent"].message
