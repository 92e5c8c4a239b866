"""What was said offline: seen, changed, taken back, withdrawn, sent in order; and what was decided too late."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from agentd.errors import already_begun, already_decided, withdrawn
from agentd.grpc_errors import status_of
from app_flet import intents
from app_flet.device import Device
from app_flet.instants import clock_time, milliseconds
from app_flet.screen import Screen
from halyard_client.google.rpc import Status
from halyard_client.halyard.agent import v1
from tests.app_flet.harbour import Harbour
from tests.app_flet.harness import Stage, staged
from tests.app_flet.scenes import Scene
from tests.app_flet.test_link import until
from tests.app_flet.workstation import Workstation, refusal
from wire.errors import HalyardError

S = "sessions/s1"


def refused(error: HalyardError) -> Status:
    """A refusal byte for byte as agentd makes it."""
    return Status.parse(status_of(error).SerializeToString())


def shows(stage: Stage, *texts: str) -> Callable[[], bool]:
    return lambda: all(text in stage.text() for text in texts)


def has(stage: Stage, prefix: str) -> bool:
    return any(test_id.startswith(prefix) for test_id in stage.ids())


def prompts(bench: Workstation) -> list[str]:
    return [v1.PromptRequest.parse(data).text for method, data in bench.calls if method == intents.PROMPT]


async def read_once(device: Device, harbour: Harbour, bench: Workstation) -> str:
    """The app was online once; the address of its session."""
    place = f"/w/{bench.id}/s/s1"
    async with staged(device, place, served_by=harbour.origin, linked=True) as stage:
        await stage.until(shows(stage, "Yes, go on."))
    return place


async def say(stage: Stage, text: str) -> None:
    await stage.type("composer", text)
    await stage.tap("send")


async def test_what_is_said_offline_is_changed_and_taken_back_until_it_leaves_then_sent_in_order(
    paired: Device, harbour: Harbour, bench: Workstation, make_device: Callable[[str], Device]
) -> None:
    bench.answer = lambda _method, _request: bytes(v1.PromptResponse())
    place = await read_once(paired, harbour, bench)
    async with staged(paired, place, served_by=harbour.origin) as stage:
        await say(stage, "Deploy it to prodution")
        await say(stage, "Then rest")
        await say(stage, "No, do not rest")
        assert stage.text().count("on this device") == 3
        # The list is reversed: the newest prompt stands first.
        await stage.tap(stage.beginning("message-edit:", 2))
        assert stage.field("composer") == "Deploy it to prodution"
        assert stage.text().count("on this device") == 2
        await say(stage, "Deploy it to staging")
        await stage.tap(stage.beginning("message-cancel:", 2))
        assert "Then rest" not in stage.text()
    paired.store.close()
    again = make_device("device")
    async with staged(again, place, served_by=harbour.origin, linked=True) as stage:
        assert shows(stage, "No, do not rest", "Deploy it to staging", "on this device")()
        await stage.until(lambda: len(bench.calls) == 2)
        await stage.until(lambda: not has(stage, "message-edit:"))
    assert prompts(bench) == ["No, do not rest", "Deploy it to staging"]


async def test_a_prompt_at_the_relay_is_withdrawn_and_says_so_until_it_is_put_away(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    def answer(method: str, _request: bytes) -> bytes | Status:
        return refused(withdrawn()) if method == intents.PROMPT else bytes(v1.WithdrawCallResponse())

    bench.answer = answer
    harbour.holds_calls = True
    async with staged(paired, f"/w/{bench.id}/s/s1", served_by=harbour.origin, linked=True) as stage:
        await stage.until(shows(stage, "Yes, go on."))
        await say(stage, "Delete everything")
        await stage.until(shows(stage, "at the relay"))
        assert not has(stage, "message-edit:"), "it has left: nobody can change it any more"
        await stage.tap(stage.beginning("message-cancel:"))
        await stage.until(shows(stage, "at the relay · taking it back; it may still be carried out"))
        assert not has(stage, "message-cancel:"), "it was asked for once"
        harbour.holds_calls = False
        await harbour.cut()
        paired.hurry()
        await stage.until(shows(stage, "You took this back before it was begun; nothing was done."))
        asked = [v1.WithdrawCallRequest.parse(data) for method, data in bench.calls if method == intents.WITHDRAW]
        assert [request.call_id for request in asked] == [next(iter(paired.model.calls))]
        await stage.tap(stage.beginning("message-cancel:"))
        assert "Delete everything" not in stage.text()
    assert paired.store.calls() == []


async def test_a_withdrawal_that_comes_too_late_leaves_the_prompt_where_it_is(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    def answer(method: str, _request: bytes) -> bytes | Status:
        return bytes(v1.PromptResponse()) if method == intents.PROMPT else refused(already_begun())

    bench.answer = answer
    harbour.holds_calls = True
    async with staged(paired, f"/w/{bench.id}/s/s1", served_by=harbour.origin, linked=True) as stage:
        await stage.until(shows(stage, "Yes, go on."))
        await say(stage, "Begin")
        await stage.until(shows(stage, "at the relay"))
        await stage.tap(stage.beginning("message-cancel:"))
        harbour.holds_calls = False
        await harbour.cut()
        paired.hurry()
        await stage.until(lambda: not paired.store.calls() and "taking it back" not in stage.text())
        assert shows(stage, "Begin", "at the workstation")()


async def test_a_decision_made_offline_can_be_taken_back(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    place = await read_once(paired, harbour, bench)
    async with staged(paired, place, served_by=harbour.origin) as stage:
        stage.screen.shifted_ms = 0
        await stage.tap("allow-once")
        assert shows(stage, "You allowed this once · on this device")()
        assert "allow-once" not in stage.ids()
        await stage.tap(stage.beginning("message-cancel:"))
        stage.screen.shifted_ms = 0
        assert "allow-once" in stage.ids()
    assert paired.store.calls() == []


async def test_a_session_that_waits_to_begin_can_be_taken_back_or_changed(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    await read_once(paired, harbour, bench)
    async with staged(paired, "/new", served_by=harbour.origin) as stage:
        await stage.type("prompt", "Begin here")
        await stage.tap("send")
        await stage.tap("back")
        assert shows(stage, "Starting — on this device")()
        await stage.tap(stage.beginning("message-edit:"))
        assert stage.field("prompt") == "Begin here"
    assert paired.store.calls() == []


async def test_a_stop_that_is_refused_is_said_on_the_spot(
    paired: Device, harbour: Harbour, bench: Workstation, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(Screen, "say", lambda _, text: said.append(text))
    bench.answer = lambda _method, _request: refusal(14, "AGENT_UNAVAILABLE", "OpenCode is not running.")
    async with staged(paired, f"/w/{bench.id}/s/s1", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "stop" in stage.ids())
        await stage.tap("stop")
        await harbour.until(lambda: bool(bench.calls))
        await until(paired, lambda model: not model.calls)
        await stage.settle()
    assert said == ["OpenCode is not running."]


@pytest.mark.parametrize("where", ["/", "session"])
async def test_a_decision_that_came_too_late_says_who_was_first_with_what_and_when(
    paired: Device, harbour: Harbour, bench: Workstation, make_device: Callable[[str], Device], where: str
) -> None:
    scene = Scene()
    at = scene.ago(45)
    place = await read_once(paired, harbour, bench)
    address = place if where == "session" else where
    bench.answer = lambda _method, _request: refused(already_decided("Mira's iPad", "allowed once", milliseconds(at)))
    decided = scene.edit_permission(v1.DecisionState.ALLOWED_ONCE)
    assert decided.permission is not None
    decided.permission.decision = v1.Decision(decided_by="Mira's iPad", decide_time=at, applied=True)
    async with staged(paired, address, served_by=harbour.origin) as stage:
        stage.screen.shifted_ms = 0
        await stage.tap("deny")
        assert shows(stage, "You denied this · on this device")()
    async with staged(paired, address, served_by=harbour.origin, linked=True) as stage:
        # The answer is here before the log tells: nothing is left to press, and what is said is true already.
        await stage.until(shows(stage, "Mira's iPad decided this first: allowed once."))
        assert not ({"deny", "allow-once"} & set(_of_card(stage, "e1")))
        await harbour.publish(bench, decided)
        late = f"Your “Deny” came too late: allowed once by Mira's iPad at {clock_time(milliseconds(at), timedelta())}."
        await stage.until(shows(stage, late))
        assert "decision:e1" not in stage.ids()
    paired.store.close()
    async with staged(make_device("device"), address, served_by=harbour.origin) as stage:
        assert shows(stage, late)(), "until the person has seen it"
        await stage.tap(stage.beginning("message-cancel:"))
        assert late not in stage.text()


def _of_card(stage: Stage, name: str) -> list[str]:
    """Test ids inside one decision's card."""
    return stage.ids_below(stage.find(f"decision:{name}"))


async def test_a_decision_whose_answer_got_lost_is_not_called_late(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    place = await read_once(paired, harbour, bench)
    async with staged(paired, place, served_by=harbour.origin) as stage:
        stage.screen.shifted_ms = 0
        await stage.tap("allow-once")
    (call,) = paired.store.calls()
    scene = Scene()
    decided = scene.edit_permission(v1.DecisionState.ALLOWED_ONCE)
    assert decided.permission is not None
    decided.permission.decision = v1.Decision(decided_by="Test phone", decide_time=scene.at, call_id=call.call_id)
    paired.now_ms.own_ms = lambda: call.expires_ms + 1
    paired.outgoing.expire()
    bench.write(decided)
    async with staged(paired, place, served_by=harbour.origin, linked=True) as stage:
        await stage.until(shows(stage, "Allowed once by Test phone"))
        assert "too late" not in stage.text()
