"""A relay that lost its database, a workstation that lost its log, a phone whose clock is a day off, a full disk: all
of it heals by itself, and what the person wrote stays.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from app_flet import intents
from app_flet.device import Device
from app_flet.instants import DAY_MS, HOUR_MS
from app_flet.link import Link
from app_flet.link_lost import STORAGE_TEXT, WRONG_CLOCK
from app_flet.model import Model
from app_flet.pairing import Guise, pair
from app_flet.store import Store
from halyard_client.halyard.agent import v1
from halyard_client.halyard.link import v1 as link
from tests.app_flet.conftest import now_ms
from tests.app_flet.harbour import Harbour
from tests.app_flet.harness import staged
from tests.app_flet.test_link import level, linked, until
from tests.app_flet.workstation import Workstation, now, resource
from wire.calls import CallState
from wire.log import Log, new_epoch
from wire.pairing import parse_code
from wire.sealing import EpochKey, KeyRing

S = "sessions/s1"


def state_of(call_id: bytes, state: CallState) -> Callable[[Model], bool]:
    return lambda model: model.calls[call_id].state is state


def prompts(bench: Workstation) -> list[str]:
    return [v1.PromptRequest.parse(data).text for method, data in bench.calls if method == intents.PROMPT]


def begin_anew(bench: Workstation) -> None:
    """The workstation's store was deleted: the same identity, another log, other keys."""
    bench.log = Log(new_epoch(now_ms(), bytes(10), after=bench.log.head.epoch))
    bench.ring = KeyRing(bytes(32), (EpochKey(1, b"k" * 32),))
    bench.write(resource("sessions/n1", session=v1.Session(name="sessions/n1", title="After the loss")))


# --- the relay loses what it had ------------------------------------------------------------------------------------


async def test_calls_that_the_relay_acknowledged_and_lost_are_offered_again_and_done_once_in_order(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    bench.answer = lambda _method, _request: bytes(v1.PromptResponse())
    harbour.holds_calls = True
    async with linked(paired):
        await until(paired, level(bench))
        ids = [paired.call(bench.id, intents.prompt(S, text)) for text in ("one", "two", "three")]
        for call_id in ids:
            await until(paired, state_of(call_id, CallState.AT_RELAY))
        # The harbour keeps nothing: as a relay that comes back without its database.
        harbour.holds_calls = False
        await harbour.cut()
        paired.hurry()
        for call_id in ids:
            await until(paired, state_of(call_id, CallState.DONE))
    assert prompts(bench) == ["one", "two", "three"]
    assert paired.store.calls() == []


async def test_a_call_that_the_workstation_took_is_offered_again_when_its_answer_got_lost(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    bench.answer = lambda _method, _request: bytes(v1.PromptResponse())
    harbour.drops_replies = True
    async with linked(paired):
        await until(paired, level(bench))
        call_id = paired.call(bench.id, intents.prompt(S, "once"))
        await until(paired, state_of(call_id, CallState.AT_WORKSTATION))
        harbour.drops_replies = False
        await harbour.cut()
        paired.hurry()
        await until(paired, state_of(call_id, CallState.DONE))
    assert prompts(bench) == ["once"], "a workstation remembers ids"


# --- the workstation begins a new log -------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["while linked", "while away"])
async def test_a_new_log_replaces_the_replica_and_leaves_what_the_person_wrote(
    paired: Device, harbour: Harbour, bench: Workstation, when: str
) -> None:
    bench.answer = lambda _method, _request: bytes(v1.PromptResponse())
    harbour.holds_calls = True
    async with linked(paired):
        await until(paired, level(bench))
        paired.store.keep_draft("here", "half a thought")
        call_id = paired.call(bench.id, intents.prompt(S, "still wanted"))
        await until(paired, state_of(call_id, CallState.AT_RELAY))
        if when == "while linked":
            begin_anew(bench)
            await harbour.reset(bench)
            await until(paired, lambda model: "sessions/n1" in model.workstations[bench.id].held)
    if when == "while away":
        begin_anew(bench)
    harbour.holds_calls = False
    async with linked(paired):
        await until(paired, lambda model: set(model.workstations[bench.id].held) == {"sessions/n1"})
        await until(paired, state_of(call_id, CallState.DONE))
    assert paired.store.draft("here") == "half a thought"
    assert prompts(bench) == ["still wanted"]
    row = paired.followings[bench.id].row
    assert (row.log_epoch, row.through) == (bench.log.head.epoch, bench.log.head.seq)
    assert len(paired.store.seqs(bench.id)) == 1, "nothing of the old log is left on disk"


async def test_a_session_on_screen_survives_a_new_log(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    async with staged(paired, f"/w/{bench.id}/s/s1", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "Yes, go on." in stage.text())
        await stage.type("composer", "half a thought")
        begin_anew(bench)
        await harbour.reset(bench)
        await stage.until(lambda: "This session is not here" in stage.text())
        bench.write(resource(S, session=v1.Session(name=S, title="Found again")))
        await harbour.cut()
        paired.hurry()
        await stage.until(lambda: "Found again" in stage.text())
        assert stage.field("composer") == "half a thought"


# --- clocks ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def skewed(tmp_path: object, harbour: Harbour) -> Callable[[int], Device]:
    def make(days: int) -> Device:
        return Device(Store(tmp_path / "skewed.sqlite"), lambda: now_ms() + days * DAY_MS, relay=harbour.origin)  # type: ignore[operator]

    return make


@pytest.mark.parametrize(("days", "words"), [(1, "1 d ahead of the relay's"), (-1, "1 d behind the relay's")])
async def test_a_phone_that_is_a_day_off_pairs_works_and_says_so(
    skewed: Callable[[int], Device], harbour: Harbour, bench: Workstation, days: int, words: str
) -> None:
    bench.answer = lambda _method, _request: bytes(v1.PromptResponse())
    device = skewed(days)
    code, _ = harbour.invite(bench)
    device.paired(
        await pair(harbour.origin, parse_code(code), device.identity, Guise("Test", "android"), device.now_ms)
    )
    async with staged(device, f"/w/{bench.id}/s/s1", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "clock-line" in stage.ids() and "Yes, go on." in stage.text())
        assert words in stage.text()
        await stage.type("composer", "On time")
        await stage.tap("send")
        await stage.until(lambda: prompts(bench) == ["On time"])
    (expires,) = [call.expire_time for call in harbour.calls if call.expire_time is not None]
    assert abs(expires - now() - timedelta(days=1)) < timedelta(minutes=5), "a day from now by everybody's clock"
    # The clock was set right meanwhile.
    device.now_ms.own_ms = now_ms
    async with staged(device, served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "session:s1" in stage.ids() and "clock-line" not in stage.ids())


async def test_what_is_known_of_the_clock_survives_a_restart(skewed: Callable[[int], Device]) -> None:
    device = skewed(1)
    device.heard_time(now_ms())
    device.store.close()
    again = skewed(1)
    assert abs(again.now_ms() - now_ms()) < HOUR_MS
    assert again.model.clock_offset_ms == pytest.approx(-DAY_MS, abs=HOUR_MS)


async def test_a_relay_is_not_believed_beyond_all_measure(device: Device) -> None:
    device.heard_time(now_ms() + 400 * DAY_MS)
    assert device.now_ms() < now_ms() + 2 * DAY_MS


async def test_a_relay_that_refuses_the_time_it_told_is_not_asked_again_without_end(
    paired: Device, harbour: Harbour
) -> None:
    attempts: list[float] = []
    harbour.clock_offset_s = 3600
    harbour.tells_time = lambda: datetime.now(UTC) + timedelta(seconds=86_400 + 60 * len(harbour.hellos))

    def draw() -> float:
        attempts.append(len(harbour.hellos))
        return 1.0

    def is_told(model: Model) -> bool:
        known = model.links.get(harbour.origin)
        return len(attempts) == 2 and known is not None and known.detail == WRONG_CLOCK

    async with asyncio.TaskGroup() as group:
        task = group.create_task(Link(paired, harbour.origin, draw=draw).run())
        await until(paired, is_told)
        assert paired.hurried._events, "it waits now, until somebody hurries it or its pause is over"
        paired.hurry()
        await harbour.until(lambda: len(harbour.hellos) == 3)
        task.cancel()
    assert attempts[:2] == [1, 2], "at once the first time, after a pause from then on"


# --- this device's disk ---------------------------------------------------------------------------------------------


async def test_a_full_disk_ends_the_link_with_a_sentence_and_nothing_is_skipped_afterwards(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    async with linked(paired):
        await until(paired, level(bench))
        paired.store._db.execute("PRAGMA query_only = ON")
        await harbour.publish(bench, resource("sessions/x1", session=v1.Session(name="sessions/x1", title="Missed")))
        await until(paired, lambda model: model.links[harbour.origin].detail == STORAGE_TEXT)
        paired.store._db.execute("PRAGMA query_only = OFF")
        paired.hurry()
        await until(paired, lambda model: "sessions/x1" in model.workstations[bench.id].held)
    assert paired.followings[bench.id].row.through == bench.log.head.seq


async def test_a_reader_ahead_of_what_its_disk_holds_never_happens(paired: Device, bench: Workstation) -> None:
    async with linked(paired):
        await until(paired, level(bench))
    through = paired.followings[bench.id].row.through
    following = paired.followings[bench.id]
    paired.store._db.execute("PRAGMA query_only = ON")
    record = bench.write(resource("sessions/x1", session=v1.Session(name="sessions/x1", title="Missed")))
    batch = link.Batch(workstation_id=bench.id, records=[record], through=record.seq)
    with pytest.raises(Exception, match="readonly"):
        following.batch(batch, now_ms())
    paired.store._db.execute("PRAGMA query_only = OFF")
    paired.recover()
    cursor = paired.followings[bench.id].cursor
    assert cursor is not None
    assert cursor.cursor == link.Cursor(log_epoch=bench.log.head.epoch, seq=through)
