"""A relay may withhold, leave out, and go back to an older copy; the phone says so."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app_flet import attendance
from app_flet.believing import ASLEEP_AFTER_MS, SILENT_AFTER_MS
from app_flet.link import Link
from app_flet.tally import FIRST_WAIT_MS
from halyard.link.v1 import link_service_pb2 as link
from halyard_client.halyard.link.v1 import Limits
from tests.adversary.scene import Scene, heartbeats, opened
from wire import names
from wire.log import WITHHELD_AFTER_MS


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


async def test_a_relay_that_calls_a_workstation_online_is_believed_for_the_time_of_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path) as at:
        passed, replayed = list[link.Batch](), list[link.Batch]()

        def pass_on(batch: link.Batch) -> list[link.Batch]:
            passed.append(batch)
            return [batch]

        def replay(batch: link.Batch) -> list[link.Batch]:
            replayed.append(batch)
            return [link.Batch(workstation_id=batch.workstation_id, head=passed[-1].head)]

        at.relay.bend_batch = pass_on
        await at.rename("second")
        await at.until(lambda: at.title() == "second")
        at.relay.bend_batch = replay
        monkeypatch.setattr(attendance, "ANSWERS_MS", 300)
        at.phone.lookers.came("a screen")
        await at.until(lambda: at.view.silent)
        assert at.view.online
        await at.rename("third")
        await at.until(lambda: replayed)
        await at.settled()
        assert at.view.silent
        at.relay.bend_batch = pass_on
        await at.rename("fourth")
        await at.until(lambda: at.view.is_there)


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


def without(name: str, at: Scene) -> Callable[[link.Batch], list[link.Batch]]:
    """A relay that hands out everything but what is written under this name, and the cursors all the same."""
    key = names.opaque_key(at.daemon.uplink._ends.sealer.ring.name_key, name)  # type: ignore[union-attr]  # it watched

    def bend(batch: link.Batch) -> list[link.Batch]:
        kept = [record for record in batch.records if record.key != key]
        del batch.records[:]
        batch.records.extend(kept)
        return [batch]

    return bend


async def test_a_single_record_that_is_left_out_is_noticed_and_comes_once_the_relay_gives_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as at:
        as_of, hellos = at.view.as_of_ms, len(at.relay.hellos)
        at.relay.bend_batch = without("sessions/s", at)
        await at.rename("left out")
        await at.until(lambda: "left out part" in at.view.warning)
        assert (at.title(), at.view.as_of_ms) == ("first title", as_of)
        # It reads everything once more, in vain, and not again and again.
        await at.relay.until(lambda: len(at.relay.hellos) == hellos + 1)
        await at.settled()
        assert "left out part" in at.view.warning
        assert [cursor.cursor.seq for cursor in at.relay.hellos[-1].cursors] == [0]
        assert len(at.relay.hellos) == hellos + 1
        at.relay.bend_batch = lambda batch: [batch]
        at.clock.ahead_ms += FIRST_WAIT_MS
        await at.settled()
        await at.until(lambda: at.title() == "left out" and not at.view.warning)
        assert at.view.as_of_ms > as_of


async def test_a_record_that_was_left_out_for_a_while_heals_by_itself(tmp_path: Path) -> None:
    async with opened(tmp_path) as at:
        shown = list[str]()
        at.phone.listen(lambda: shown.append(at.title()))
        bend = without("sessions/s", at)

        def once(batch: link.Batch) -> list[link.Batch]:
            at.relay.bend_batch = lambda batch: [batch]
            return bend(batch)

        at.relay.bend_batch = once
        await at.rename("left out")
        await at.until(lambda: at.title() == "left out" and not at.view.warning)
        assert set(shown) == {"first title", "left out"}


async def test_a_relay_that_hands_out_no_head_in_time_for_a_comparison_is_noticed(tmp_path: Path) -> None:
    """Heads before the records, and records without heads: each alone is what an honest relay may do, too."""
    async with opened(tmp_path) as at:
        bend = without("sessions/s", at)

        def apart(batch: link.Batch) -> list[link.Batch]:
            rest = link.Batch(workstation_id=batch.workstation_id, through=batch.through)
            head = link.Batch(workstation_id=batch.workstation_id, head=batch.head)
            return [head, *bend(rest)]

        as_of = at.view.as_of_ms
        at.relay.bend_batch = apart
        await at.rename("left out")
        await heartbeats(at, SILENT_AFTER_MS + 30_000)
        await at.until(lambda: "nothing that desk vouches for arrives" in at.view.warning)
        assert at.view.as_of_ms == as_of
