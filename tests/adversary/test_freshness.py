"""A relay may withhold, and go back to an older copy; the phone says so."""

from pathlib import Path

from app_flet.following import ASLEEP_AFTER_MS, SILENT_AFTER_MS
from app_flet.link import Link
from halyard.link.v1 import link_service_pb2 as link
from halyard_client.halyard.link.v1 import Limits
from tests.adversary.scene import Scene, opened
from wire.log import WITHHELD_AFTER_MS


async def heartbeats(at: Scene, ahead_ms: int) -> None:
    """Time passes on the phone, in steps as small as those in which it looks."""
    for _ in range(ahead_ms // 15_000):
        at.clock.ahead_ms += 15_000
        at.phone.outgoing.due.ring()
        await at.relay.until(lambda: True)
        await at.settled()


async def test_records_that_are_promised_and_withheld_are_missed(tmp_path: Path) -> None:
    def heads_only(batch: link.Batch) -> list[link.Batch]:
        return [link.Batch(workstation_id=batch.workstation_id, head=batch.head)]

    async with opened(tmp_path) as at:
        as_of = at.view.as_of_ms
        at.relay.bend_batch = heads_only
        await at.rename("withheld")
        await at.settled()
        await heartbeats(at, WITHHELD_AFTER_MS + 15_000)
        await at.until(lambda: "holds back" in at.view.warning)
        assert at.title() == "first title"
        assert at.view.as_of_ms == as_of
        at.relay.bend_batch = lambda batch: [batch]
        await at.relay.cut_apps()
        await at.until(lambda: at.title() == "withheld")
        await at.until(lambda: not at.view.warning)


async def test_a_relay_that_lets_nothing_through_is_noticed_though_it_says_that_all_is_well(tmp_path: Path) -> None:
    async with opened(tmp_path) as at:
        as_of = at.view.as_of_ms
        at.relay.bend_batch = lambda _: []
        await at.rename("withheld")
        await heartbeats(at, SILENT_AFTER_MS + 30_000)
        await at.until(lambda: "nothing that desk vouches for arrives" in at.view.warning)
        assert at.view.online
        assert at.view.as_of_ms == as_of
        at.relay.bend_batch = lambda batch: [batch]
        await at.rename("let through")
        await at.until(lambda: not at.view.warning)


async def test_a_relay_that_went_back_to_a_backup_is_noticed_and_shows_nothing_old(tmp_path: Path) -> None:
    async with opened(tmp_path) as at:
        backup = at.relay.disk.copy()
        for title in ("second", "third"):
            await at.rename(title)
        await at.until(lambda: at.title() == "third")
        as_of, shown = at.view.as_of_ms, list[str]()
        at.phone.listen(lambda: shown.append(at.title()))
        at.relay.restore(backup)
        await at.relay.cut_apps()
        await at.until(lambda: "older copy" in at.view.warning)
        assert set(shown) == {"third"}
        assert at.view.as_of_ms == as_of


async def test_a_relay_that_says_it_let_go_of_what_it_has_is_doubted(tmp_path: Path) -> None:
    """It claims that retention took what the phone lacks: true or not, what is shown may be outdated."""
    async with opened(tmp_path) as at:
        at.relay.bend_batch = lambda _: []
        await at.rename("withheld")
        at.relay.bend_state = lambda state: [_truncated(state)]
        await at.relay.cut_apps()
        await at.until(lambda: at.view.caught_up and at.view.warning)
        assert "may be outdated" in at.view.warning or "holds back" in at.view.warning


def _truncated(state: link.WorkstationState) -> link.WorkstationState:
    state.truncated_through = state.stored.seq
    return state


async def test_a_phone_that_slept_is_not_alarmed(tmp_path: Path) -> None:
    async with opened(tmp_path) as at:
        at.clock.ahead_ms += 3_600_000
        at.phone.outgoing.due.ring()
        await at.settled()
        assert at.view.warning == ""


async def test_a_relay_cannot_ask_the_phone_to_look_away(tmp_path: Path) -> None:
    async with opened(tmp_path) as at:
        link_of_the_phone = Link(at.phone, at.relay.origin)
        link_of_the_phone._limits(Limits(heartbeat_seconds=2**31))
        assert 1000 * link_of_the_phone._heartbeat_s < ASLEEP_AFTER_MS
