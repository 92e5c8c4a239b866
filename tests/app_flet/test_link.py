import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from app_flet import intents
from app_flet.device import Device
from app_flet.link import Link
from app_flet.links import _tick, keep_links
from app_flet.model import LinkState, Model
from app_flet.outgoing import Refused
from app_flet.pace import until_heartbeat
from app_flet.pairing import Guise, pair
from halyard_client.halyard.agent import v1
from halyard_client.halyard.link import v1 as link
from tests.app_flet.harbour import Harbour, Reader
from tests.app_flet.workstation import Workstation, refusal, resource
from wire.calls import CallState, QueuedCall
from wire.pairing import parse_code

S = "sessions/s1"
PART = f"{S}/messages/m9/parts/p0"


async def meet(device: Device, harbour: Harbour, workstation: Workstation) -> None:
    code, _ = harbour.invite(workstation)
    device.paired(await pair(harbour.origin, parse_code(code), device.identity, Guise("Test", "linux"), device.now_ms))


@asynccontextmanager
async def linked(device: Device) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        links = group.create_task(keep_links(device))
        yield
        links.cancel()


async def until(device: Device, condition: Callable[[Model], bool]) -> None:
    """Waits until the model is so."""
    changed = asyncio.Event()
    unlisten = device.listen(changed.set)
    try:
        async with asyncio.timeout(30):
            while not condition(device.model):
                changed.clear()
                await changed.wait()
    finally:
        unlisten()


def level(workstation: Workstation) -> Callable[[Model], bool]:
    return lambda model: workstation.id in model.workstations and model.workstations[workstation.id].caught_up


def open_part(words: str) -> v1.Resource:
    return resource(PART, part=v1.Part(name=PART, state=v1.PartState.OPEN, text=v1.Text(text=words)))


async def test_how_patient_it_must_be_is_told_by_the_relay(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    harbour.reconnect_ceiling_seconds = 7
    one = Link(paired, harbour.origin)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(one.run())
        await until(paired, level(bench))
        running.cancel()
    assert one._backoff.ceiling == 7


async def test_a_paired_device_gets_the_whole_log(paired: Device, bench: Workstation) -> None:
    async with linked(paired):
        await until(paired, level(bench))
    held = paired.model.workstations[bench.id].held
    assert S in held
    assert "sessions/s1/permissions/e1" in held
    assert paired.model.workstations[bench.id].as_of_ms > 0


async def test_after_an_absence_only_what_is_new_is_asked_for(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    async with linked(paired):
        await until(paired, level(bench))
    head = bench.log.head.seq
    bench.write(resource("sessions/s9", session=v1.Session(name="sessions/s9", title="meanwhile")))
    async with linked(paired):
        await until(paired, lambda model: "sessions/s9" in model.workstations[bench.id].held)
    cursor = harbour.hellos[-1].cursors[0].cursor
    assert cursor is not None
    assert cursor.seq == head


async def test_the_replica_survives_a_restart_and_needs_no_relay(
    paired: Device, bench: Workstation, make_device: Callable[[str], Device]
) -> None:
    async with linked(paired):
        await until(paired, level(bench))
    paired.store.close()
    again = make_device("device")
    again.open_session(bench.id, S)
    known = again.model.workstations[bench.id]
    assert S in known.held
    assert f"{S}/messages/m1" in known.transcripts[S].held


async def test_streamed_text_arrives_only_for_the_session_on_screen(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    hint = v1.Delta(part=PART, offset_bytes=2, text="lyard", field=v1.DeltaField.TEXT)
    async with linked(paired):
        await until(paired, level(bench))
        await harbour.publish(bench, open_part("Ha"))
        paired.open_session(bench.id, S)
        await harbour.until(lambda: bool(harbour.readers and harbour.readers[0].focus.focus))
        await harbour.stream(bench, S, hint)
        key = (PART, v1.DeltaField.TEXT)
        await until(paired, lambda model: key in model.workstations[bench.id].transcripts[S].grown)
        assert paired.model.workstations[bench.id].transcripts[S].grown[key] == b"Halyard"
        paired.close_session(bench.id, S)
        await harbour.until(lambda: not harbour.readers[0].focus.focus)


async def test_a_call_takes_every_step_and_its_answer_comes_back(paired: Device, bench: Workstation) -> None:
    bench.answer = lambda _method, _request: bytes(v1.PromptResponse(message="sessions/s1/messages/m10"))
    states: list[CallState] = []
    async with linked(paired):
        await until(paired, level(bench))
        paired.listen(lambda: states.extend(call.state for call in paired.model.calls.values()))
        answer = await paired.ask(bench.id, intents.prompt(S, "Hello"))
    assert v1.PromptResponse.parse(answer).message == "sessions/s1/messages/m10"
    assert [state for at, state in enumerate(states) if at == 0 or states[at - 1] is not state] == [
        CallState.ON_DEVICE,
        CallState.AT_RELAY,
        CallState.AT_WORKSTATION,
        CallState.DONE,
    ]
    assert bench.calls == [(intents.PROMPT, bytes(v1.PromptRequest(session=S, text="Hello")))]
    assert paired.store.calls() == []


async def test_a_refusal_is_a_sentence_with_a_reason(paired: Device, bench: Workstation) -> None:
    bench.answer = lambda _method, _request: refusal(9, "ALREADY_DECIDED", "Mira allowed it at 14:02.")
    async with linked(paired):
        await until(paired, level(bench))
        with pytest.raises(Refused) as refused:
            await paired.ask(bench.id, intents.interrupt(S))
    assert (refused.value.message, refused.value.reason) == ("Mira allowed it at 14:02.", "ALREADY_DECIDED")


async def test_a_call_made_offline_leaves_with_the_next_link_even_after_a_restart(
    paired: Device, bench: Workstation, make_device: Callable[[str], Device]
) -> None:
    call_id = paired.call(bench.id, intents.prompt(S, "later"))
    assert paired.model.calls[call_id].state is CallState.ON_DEVICE
    paired.store.close()
    again = make_device("device")
    bench.answer = lambda _method, _request: bytes(v1.PromptResponse())
    async with linked(again):
        await until(again, lambda model: model.calls[call_id].state is CallState.DONE)


async def test_an_unanswered_call_is_sent_again_on_a_new_link(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    harbour.holds_calls = True
    bench.answer = lambda _method, _request: bytes(v1.PromptResponse())
    async with linked(paired):
        await until(paired, level(bench))
        call_id = paired.call(bench.id, intents.prompt(S, "twice"))
        await until(paired, lambda model: model.calls[call_id].state is CallState.AT_RELAY)
        harbour.holds_calls = False
        await harbour.cut()
        await until(paired, lambda model: next(iter(model.links.values())).state is LinkState.OFFLINE)
        paired.hurry()
        await until(paired, lambda model: model.calls[call_id].state is CallState.DONE)
    assert [method for method, _ in bench.calls] == [intents.PROMPT]


@pytest.mark.parametrize("notices", ["presence", "heartbeat"])
async def test_an_answer_that_was_lost_on_the_workstations_own_link_is_asked_for_again(
    paired: Device, harbour: Harbour, bench: Workstation, notices: str
) -> None:
    harbour.drops_replies, harbour.heartbeat_seconds = True, 1 if notices == "heartbeat" else 25
    bench.answer = lambda _method, _request: bytes(v1.PromptResponse())
    async with linked(paired):
        await until(paired, level(bench))
        call_id = paired.call(bench.id, intents.prompt(S, "once"))
        await until(paired, lambda model: model.calls[call_id].state is CallState.AT_WORKSTATION)
        harbour.drops_replies = False
        if notices == "presence":
            await harbour.presence(bench, online=False)
            await harbour.presence(bench, online=True)
        await until(paired, lambda model: model.calls[call_id].state is CallState.DONE)
    assert [method for method, _ in bench.calls] == [intents.PROMPT]
    assert len(harbour.hellos) == 1


async def test_a_link_that_breaks_just_when_it_is_given_up_is_not_dialled_again(
    paired: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialled = asyncio.Event()

    async def connect(_: Link) -> None:
        assert not dialled.is_set()
        dialled.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionResetError from None

    monkeypatch.setattr(Link, "_connect", connect)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(Link(paired, next(iter(paired.relays))).run())
        await dialled.wait()
        running.cancel()
    assert running.cancelled()


async def test_coming_to_the_foreground_links_at_once(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    # The longest draw: without hurry() the second link would be a second away, the later ones half a minute.
    link_ = Link(paired, harbour.origin, draw=lambda: 1.0)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(link_.run())
        for _ in range(6):
            await until(paired, level(bench))
            await harbour.cut()
            await until(paired, lambda model: model.links[harbour.origin].state is LinkState.OFFLINE)
            paired.hurry()
        await until(paired, level(bench))
        task.cancel()


async def test_a_wrong_clock_is_corrected_for_tokens(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    harbour.clock_offset_s = 3600
    async with linked(paired):
        await until(paired, level(bench))
    assert len(harbour.hellos) == 2


async def test_a_device_that_nobody_lists_is_told_and_keeps_what_it_has(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    async with linked(paired):
        await until(paired, level(bench))
    bench.members.clear()
    async with linked(paired):
        await until(paired, lambda model: model.links[harbour.origin].state is LinkState.REFUSED)
    assert paired.model.workstations[bench.id].unlisted
    assert not paired.model.workstations[bench.id].removed
    assert S in paired.model.workstations[bench.id].held


async def test_a_call_waits_until_the_relay_lists_this_device_for_its_workstation(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    other = harbour.add(Workstation(name="forge"))
    await meet(paired, harbour, other)
    for workstation in (bench, other):
        workstation.answer = lambda _method, _request: bytes(v1.PromptResponse())
    own = paired.identity.device_id
    keys = other.members.pop(own)
    async with linked(paired):
        await until(paired, level(bench))
        assert paired.model.workstations[other.id].unlisted
        there = paired.call(other.id, intents.prompt(S, "there"))
        here = paired.call(bench.id, intents.prompt(S, "here"))
        await until(paired, lambda model: model.calls[here].state is CallState.DONE)
        assert [call.call_id for call in harbour.calls] == [here]
        assert paired.model.calls[there].state is CallState.ON_DEVICE
        assert not paired.model.calls[there].has_left
        other.members[own] = keys
        state = link.WorkstationState(workstation_id=other.id, online=True)
        joined = link.AttachAppResponse(joined=link.Joined(workstation=state))
        await harbour.broadcast(other, joined)
        await until(paired, lambda model: model.calls[there].state is CallState.DONE)
        assert not paired.model.workstations[other.id].unlisted
    assert [method for method, _ in other.calls] == [intents.PROMPT]


async def test_what_the_relay_turned_away_is_tried_again_with_the_next_heartbeat(
    paired: Device, harbour: Harbour, bench: Workstation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def turn_away(reader: Reader, _: str, call: link.SealedCall) -> None:
        harbour.calls.append(call)
        refused = link.CallRefused(call_id=call.call_id, status=refusal(8, "RATE_LIMITED", "Not now."))
        await reader.socket.send(bytes(link.AttachAppResponse(call_refused=refused)))

    monkeypatch.setattr(harbour, "_call", turn_away)
    harbour.heartbeat_seconds = 1
    bench.answer = lambda _method, _request: bytes(v1.PromptResponse())
    async with linked(paired):
        await until(paired, level(bench))
        call_id = paired.call(bench.id, intents.prompt(S, "once"))
        await harbour.until(lambda: len(harbour.calls) > 1)
        assert paired.model.calls[call_id].state is CallState.ON_DEVICE
        monkeypatch.undo()
        await until(paired, lambda model: model.calls[call_id].state is CallState.DONE)
    assert len(bench.calls) == len(harbour.hellos) == 1


async def test_a_phone_whose_disk_is_full_tells_what_expired_once_there_is_room(
    paired: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app_flet.links.TICK_SECONDS", 0.01)
    paired.outgoing.call(next(iter(paired.followings)), replace(intents.prompt(S, "late"), ttl_ms=0))
    full = asyncio.Event()
    refuse = paired.store.keep_call

    def keep_call(_: QueuedCall) -> None:
        full.set()
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(paired.store, "keep_call", keep_call)
    async with asyncio.TaskGroup() as group:
        ticking = group.create_task(_tick(paired))
        await asyncio.wait([ticking, group.create_task(full.wait())], return_when=asyncio.FIRST_COMPLETED)
        monkeypatch.setattr(paired.store, "keep_call", refuse)
        await until(paired, lambda model: all(call.state is CallState.EXPIRED for call in model.calls.values()))
        ticking.cancel()
    assert [call.state for call in paired.store.calls()] == [CallState.EXPIRED]


async def test_a_relay_that_goes_away_is_dialled_again_when_it_said(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    async with linked(paired):
        await until(paired, level(bench))
        going = link.AttachAppResponse(going_away=link.GoingAway(reconnect_after_ms=20))
        await harbour.broadcast(bench, going)
        await until(paired, lambda model: model.links[harbour.origin].detail == "The relay is restarting.")
        await until(paired, lambda model: model.links[harbour.origin].state is LinkState.ONLINE)


async def test_presence_and_removal_are_told(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    async with linked(paired):
        await until(paired, lambda model: model.workstations[bench.id].online)
        await harbour.presence(bench, online=False)
        await until(paired, lambda model: not model.workstations[bench.id].online)
        removed = link.AttachAppResponse(removed=link.Removed(workstation_id=bench.id))
        await harbour.broadcast(bench, removed)
        await until(paired, lambda model: model.workstations[bench.id].removed)


async def test_a_second_workstation_at_the_same_relay_is_followed(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    other = harbour.add(Workstation(name="forge"))
    other.write(resource("sessions/x", session=v1.Session(name="sessions/x", title="theirs")))
    async with linked(paired):
        await until(paired, level(bench))
        await meet(paired, harbour, other)
        await until(paired, lambda model: "sessions/x" in model.workstations[other.id].held)
        await until(paired, level(bench))


async def test_frames_that_cannot_be_read_end_the_link_and_nothing_else(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    async with linked(paired):
        for junk in (b"\x12\x05\x0a", b"\x08\x01", b"\x12\x04\x0a\x02\xff\xff"):
            await until(paired, level(bench))
            await harbour.readers[0].socket.send(junk)
            await until(paired, lambda model: model.links[harbour.origin].state is LinkState.OFFLINE)
            paired.hurry()
        await until(paired, level(bench))


async def test_a_relay_that_is_not_there_is_named(device: Device, harbour: Harbour, bench: Workstation) -> None:
    await meet(device, harbour, bench)
    lost = await Link(device, "http://127.0.0.1:1")._attempt(asyncio.Event())
    assert "127.0.0.1:1" in lost.message


async def test_an_app_that_only_listens_is_heard_all_the_same(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    """However much comes: a relay takes a device for dead that says nothing itself."""
    harbour.heartbeat_seconds = 1
    async with linked(paired):
        await until(paired, level(bench))
        async with asyncio.timeout(30):
            while harbour.pings < 2:
                await harbour.presence(bench, online=True)
                await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("silent", "woken", "due"),
    [(0.0, True, 10.0), (9.0, True, 1.0), (10.0, True, 0.0), (10.0, False, 10.0), (20.0, False, 0.0)],
)
def test_a_heartbeat_falls_in_with_what_wakes_the_device_anyway(*, silent: float, woken: bool, due: float) -> None:
    """One waking instead of two: half an interval of silence is enough when a frame came in."""
    assert until_heartbeat(silent, 20.0, woken=woken) == pytest.approx(due)
