from collections.abc import Callable, Iterator
from datetime import timedelta

import flet as ft
import pytest

from app_flet import intents
from app_flet.believing import SILENT, SILENT_AFTER_MS
from app_flet.conversation import turns
from app_flet.device import Device
from app_flet.model import FIRST_MESSAGES, MORE_MESSAGES, Model, Transcript
from halyard_client.halyard.agent import v1
from halyard_client.halyard.link import v1 as link
from tests.app_flet.harbour import Harbour
from tests.app_flet.harness import Stage, staged
from tests.app_flet.scenes import Scene
from tests.app_flet.test_link import level, linked, until
from tests.app_flet.workstation import Workstation, resource

S = "sessions/s1"
INVENTED = b"\xff" * 16


def said(number: int, call_id: bytes = b"") -> Iterator[v1.Resource]:
    """A remark, `number` minutes after all that the scene holds."""
    name = f"{S}/messages/x{number:04d}"
    at = Scene().at + timedelta(minutes=number)
    yield resource(name, message=v1.Message(name=name, role=v1.Role.PERSON, create_time=at, call_id=call_id))
    part = f"{name}/parts/p"
    yield resource(part, part=v1.Part(name=part, state=v1.PartState.COMPLETE, text=v1.Text(text=f"Remark {number}.")))


def say(bench: Workstation, numbers: range) -> None:
    for number in numbers:
        for value in said(number):
            bench.write(value)


def transcript(device: Device, bench: Workstation) -> Transcript:
    return device.model.workstations[bench.id].transcripts[S]


def reaches(device: Device, bench: Workstation) -> Callable[[Model], bool]:
    following = device.followings[bench.id]
    return lambda model: level(bench)(model) and following.row.through == bench.log.head.seq


async def test_what_is_inside_a_closed_session_goes_to_the_store_and_not_into_memory(
    paired: Device, bench: Workstation
) -> None:
    async with linked(paired):
        await until(paired, reaches(paired, bench))
        known = paired.model.workstations[bench.id]
        assert not [name for name in known.held if "/messages/" in name]
        assert not known.transcripts
        paired.open_session(bench.id, S)
        assert f"{S}/messages/m1" in transcript(paired, bench).held
        paired.close_session(bench.id, S)
        assert not paired.model.workstations[bench.id].transcripts


async def test_of_a_long_session_only_the_newest_messages_are_loaded(paired: Device, bench: Workstation) -> None:
    say(bench, range(1, 201))
    async with linked(paired):
        await until(paired, reaches(paired, bench))
    paired.open_session(bench.id, S)
    newest = transcript(paired, bench)
    assert len(turns(paired.model, bench.id, S)) == FIRST_MESSAGES
    assert newest.older == 204 - FIRST_MESSAGES
    assert f"{S}/todos" in newest.held
    while transcript(paired, bench).older:
        paired.open_older(bench.id, S)
    whole = turns(paired.model, bench.id, S)
    assert (len(whole), transcript(paired, bench).older) == (204, 0)
    assert whole[0].key == f"{S}/messages/m1"


async def test_older_messages_are_shown_when_a_person_asks_for_them(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    say(bench, range(1, MORE_MESSAGES + 1))
    async with linked(paired):
        await until(paired, reaches(paired, bench))
    async with staged(paired, f"/w/{bench.id}/s/s1", served_by=harbour.origin) as stage:
        assert f"Remark {MORE_MESSAGES}." in stage.text()
        assert "Remark 1." not in stage.text()
        assert stage.says("transcript-older") == f"Show older ({MORE_MESSAGES + 4 - FIRST_MESSAGES})"
        await stage.tap("transcript-older")
        assert "Remark 1." in stage.text()
        assert "transcript-older" not in stage.ids()


async def test_older_messages_come_before_a_person_reaches_the_end_of_what_is_loaded(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    say(bench, range(1, 201))
    async with linked(paired):
        await until(paired, reaches(paired, bench))
    async with staged(paired, f"/w/{bench.id}/s/s1", served_by=harbour.origin) as stage:
        for pixels, loaded in ((0, 0), (900, MORE_MESSAGES), (950, MORE_MESSAGES)):
            await scroll(stage, pixels, 1600)
            assert transcript(paired, bench).older == 204 - FIRST_MESSAGES - loaded
        await scroll(stage, 5000, 5600)
        assert transcript(paired, bench).older == 204 - FIRST_MESSAGES - 2 * MORE_MESSAGES


async def scroll(stage: Stage, pixels: float, extent: float) -> None:
    """The client tells where the conversation was scrolled to, on a phone whose list is 800 pixels high."""
    listed = next(control for control in stage.all(ft.ListView) if control.reverse)
    told = {
        "event_type": "update",
        "pixels": pixels,
        "min_scroll_extent": 0,
        "max_scroll_extent": extent,
        "viewport_dimension": 800,
    }
    await stage.session.dispatch_event(listed._i, "scroll", told)
    await stage.settle()


async def test_a_prompt_that_is_far_up_is_not_shown_as_on_its_way(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    message = f"{S}/messages/x0001"
    bench.answer = lambda _method, _request: bytes(v1.PromptResponse(message=message))
    async with linked(paired):
        await until(paired, level(bench))
        call_id = paired.call(bench.id, intents.prompt(S, "And the docs?"))
        await until(paired, lambda model: not model.calls[call_id].is_open)
        later = [value for number in range(2, 2 + FIRST_MESSAGES) for value in said(number)]
        await harbour.publish(bench, *said(1, call_id), *later)
        await until(paired, reaches(paired, bench))
    paired.open_session(bench.id, S)
    assert message not in transcript(paired, bench).held
    assert [turn.call for turn in turns(paired.model, bench.id, S) if turn.call is not None] == []


async def test_nothing_is_held_of_a_deleted_session_but_that_it_is_deleted(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    async with linked(paired):
        await until(paired, reaches(paired, bench))
        before = len(paired.store.seqs(bench.id))
        await harbour.publish(bench, resource(S, deleted=v1.Deleted()))
        await until(paired, lambda model: model.workstations[bench.id].held[S].is_gone)
    below = [value for value in Scene().everything() if value.name.startswith(f"{S}/")]
    assert len(paired.store.seqs(bench.id)) == before - len(below)
    replica = paired.followings[bench.id]._replica
    assert replica is not None
    assert len(replica) == len(paired.store.seqs(bench.id))


@pytest.mark.parametrize("epoch", [b"", INVENTED], ids=["of no log", "of an invented log"])
async def test_a_device_that_never_got_anything_does_not_wait_in_silence_either(
    paired: Device, bench: Workstation, epoch: bytes
) -> None:
    following, now_ms = paired.followings[bench.id], paired.now_ms()
    stored = link.Cursor(log_epoch=epoch, seq=7)
    paired.happened(following.began(link.WorkstationState(workstation_id=bench.id, online=True, stored=stored), now_ms))
    said = list[str]()
    for at_ms in range(now_ms, now_ms + SILENT_AFTER_MS + 60_000, 30_000):
        paired.happened(following.judged(at_ms))
        said.append(paired.model.workstations[bench.id].warning)
    assert said == [""] * 5 + [SILENT.format(name="bench")]
