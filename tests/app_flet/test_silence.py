"""A workstation that its relay calls online and that does not answer somebody who looks is shown as just that."""

import asyncio

import pytest

from app_flet import attendance
from app_flet.device import Device
from app_flet.glance import offline
from app_flet.route import Page, Place
from halyard_client.halyard.agent import v1
from tests.app_flet.harbour import Harbour
from tests.app_flet.harness import staged
from tests.app_flet.test_link import level, linked, until
from tests.app_flet.workstation import Workstation, resource

PATIENCE_SECONDS = 30


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attendance, "ANSWERS_MS", 300)


async def test_it_is_said_without_any_other_news_until_it_is_heard(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    harbour.is_deaf = True
    async with linked(paired), asyncio.timeout(PATIENCE_SECONDS):
        await until(paired, level(bench))
        paired.lookers.came("a screen")
        await until(paired, lambda model: model.workstations[bench.id].silent)
        known = paired.model.workstations[bench.id]
        assert (known.online, known.is_there) == (True, False)
        line = offline(paired.model, bench.id)
        assert line is not None
        assert (line.text, line.as_of_ms) == ("bench does not answer", known.as_of_ms)
        assert offline(paired.model) is None
        await harbour.publish(bench, resource("sessions/s9", session=v1.Session(name="sessions/s9", title="back")))
        await until(paired, lambda model: model.workstations[bench.id].is_there)
        assert offline(paired.model, bench.id) is None


async def test_one_that_answers_need_not_be_heard_again_so_soon(
    paired: Device, harbour: Harbour, bench: Workstation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attendance, "ANSWERS_MS", 2 * attendance.RENEWS_MS)
    belief = paired.followings[bench.id].belief
    async with linked(paired), asyncio.timeout(PATIENCE_SECONDS):
        await until(paired, level(bench))
        for looks in (1, 2):
            began_ms = paired.now_ms()
            paired.lookers.came("a screen")
            while not began_ms < belief.answer_due_ms < began_ms + attendance.ANSWERS_MS:  # noqa: ASYNC110 - tells nobody
                await asyncio.sleep(0.01)
            paired.lookers.left("a screen")
            await harbour.until(lambda: not harbour.readers[0].focus.foreground)
            assert belief.answer_due_ms == 0, f"after look {looks}"


async def test_whoever_only_follows_is_told_nothing(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    harbour.is_deaf = True
    async with linked(paired), asyncio.timeout(PATIENCE_SECONDS):
        await until(paired, level(bench))
        paired.lookers.came("a screen")
        await until(paired, lambda model: model.workstations[bench.id].silent)
        paired.lookers.left("a screen")
        await until(paired, lambda model: not model.workstations[bench.id].silent)
        await asyncio.sleep(2 * attendance.ANSWERS_MS / 1000)
        assert not paired.model.workstations[bench.id].silent


async def test_each_new_link_asks_again(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    paired.lookers.came("a screen")
    async with linked(paired), asyncio.timeout(PATIENCE_SECONDS):
        await until(paired, level(bench))
        harbour.is_deaf = True
        await harbour.cut()
        await until(paired, lambda model: model.workstations[bench.id].silent)
        harbour.is_deaf = False
        await harbour.cut()
        await until(paired, lambda model: model.workstations[bench.id].is_there)


async def test_a_workstation_that_joins_while_somebody_looks_is_asked_too(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    async with linked(paired), asyncio.timeout(PATIENCE_SECONDS):
        await until(paired, level(bench))
        paired.lookers.came("a screen")
        await harbour.until(lambda: harbour.readers[0].focus.foreground)
        await harbour.join(bench)
        await until(paired, lambda model: model.workstations[bench.id].silent)


async def test_pages_say_so(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    harbour.is_deaf = True
    async with staged(paired, served_by=harbour.origin, linked=True) as stage, asyncio.timeout(PATIENCE_SECONDS):
        await stage.until(lambda: "bench · no answer" in stage.text())
        stage.screen.go(Place(Page.WORKSTATIONS))
        await stage.until(lambda: "no answer" in stage.text())
        stage.screen.go(Place(Page.WORKSTATION, bench.id))
        await stage.until(lambda: "offline-line" in stage.ids() and "bench does not answer — as of" in stage.text())
        stage.screen.go(Place(Page.DOCTOR, bench.id))
        await stage.until(lambda: "bench is linked to the relay and does not answer; last heard now." in stage.text())
