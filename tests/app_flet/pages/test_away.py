"""Opening a session after an absence."""

import pytest

from app_flet import events
from app_flet.device import Device
from halyard_client.halyard.agent import v1
from tests.app_flet.harbour import Harbour
from tests.app_flet.harness import staged
from tests.app_flet.scenes import Scene
from tests.app_flet.workstation import Workstation, resource

S = "sessions/s1"
MINUTE_MS = 60_000


@pytest.fixture
async def seen(paired: Device, harbour: Harbour, bench: Workstation) -> Device:
    """A device that saw the session seven minutes ago: one turn before, one since."""
    async with staged(paired, served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "decision:e1" in stage.ids())
    at_ms = paired.now_ms() - 6 * MINUTE_MS
    paired.happened([events.SessionSeen(bench.id, S, at_ms)])
    paired.store.keep_seen(bench.id, S, at_ms)
    return paired


async def test_the_news_stand_on_top_and_lead_to_their_beginning(
    seen: Device, harbour: Harbour, bench: Workstation
) -> None:
    async with staged(seen, f"/w/{bench.id}/s/s1", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "digest" in stage.ids())
        assert "While you were away, since" in stage.text()
        assert "1 turn" in stage.text()
        rows = stage.text()
        assert rows.index("The checkout tests fail") > rows.index("New\n") > rows.index("Yes, go on.")
        await stage.tap("digest-jump")
        await stage.until(lambda: "digest" not in stage.ids())
        assert [args["offset"] for name, args in stage.client.invoked if name == "scroll_to"] == [-1]
        assert "first-new" in stage.ids()
        assert "The checkout tests fail" in stage.text()


async def test_once_closed_it_does_not_come_back(seen: Device, harbour: Harbour, bench: Workstation) -> None:
    async with staged(seen, f"/w/{bench.id}/s/s1", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "digest" in stage.ids())
        await stage.tap("digest-close")
        assert "digest" not in stage.ids()
        await stage.tap("review")
        await stage.tap("back")
        assert "composer" in stage.ids()
        assert "digest" not in stage.ids()


async def test_news_that_arrive_after_the_opening_are_told_too(
    seen: Device, harbour: Harbour, bench: Workstation
) -> None:
    scene = Scene()
    async with staged(seen, f"/w/{bench.id}/s/s1", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "1 turn" in stage.text())
        late = v1.Message(name=f"{S}/messages/m3b", role=v1.Role.PERSON, create_time=scene.ago(2))
        await harbour.publish(bench, resource(late.name, message=late))
        await stage.until(lambda: "2 turns" in stage.text())


async def test_who_was_just_here_sees_no_card(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    async with staged(paired, f"/w/{bench.id}/s/s1", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "Yes, go on." in stage.text())
        await stage.tap("back")
        await stage.tap("session:s1")
        assert "composer" in stage.ids()
        assert "digest" not in stage.ids()
