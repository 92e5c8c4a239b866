"""A turn that was cut off: what had arrived, why, and its prompt once more in one tap."""

import pytest

from app_flet import intents
from app_flet.device import Device
from halyard_client.halyard.agent import v1
from tests.app_flet.harbour import Harbour
from tests.app_flet.harness import Stage, staged
from tests.app_flet.scenes import Scene
from tests.app_flet.workstation import Workstation, resource

S = "sessions/s4"
WHY = "OpenCode stopped in the middle of this turn. Send the prompt again to go on."
INTERRUPTED = v1.MessageState.INTERRUPTED


def message(name: str, role: v1.Role, minutes: float, **more: object) -> v1.Resource:
    value = v1.Message(
        name=f"{S}/messages/{name}",
        role=role,
        state=more.pop("state", v1.MessageState.COMPLETE),  # type: ignore[arg-type]
        create_time=Scene().ago(minutes),
        **more,  # type: ignore[arg-type]
    )
    return resource(value.name, message=value)


def part(of: str, text: str, index: int = 0, **more: object) -> v1.Resource:
    value = v1.Part(name=f"{S}/messages/{of}/parts/p{index}", index=index, text=v1.Text(text=text), **more)  # type: ignore[arg-type]
    return resource(value.name, part=value)


def cut_off() -> list[v1.Resource]:
    """A prompt whose answer was cut off in the middle of a word."""
    session = Scene().session("s4", "Explain", v1.SessionState.INTERRUPTED, 4, state_detail=WHY)
    return [
        session,
        message("m1", v1.Role.PERSON, 9),
        part("m1", "Explain the payment flow."),
        message("m2", v1.Role.AGENT, 8, state=INTERRUPTED, answers=f"{S}/messages/m1"),
        part("m2", "First the card is char", state=v1.PartState.INTERRUPTED),
    ]


@pytest.fixture
async def broken(harbour: Harbour, bench: Workstation) -> Workstation:
    bench.answer = lambda _method, _request: bytes(v1.PromptResponse(message=f"{S}/messages/m3"))
    await harbour.publish(bench, *cut_off())
    return bench


def prompts(bench: Workstation) -> list[str]:
    return [v1.PromptRequest.parse(request).text for method, request in bench.calls if method == intents.PROMPT]


def is_disabled(stage: Stage, test_id: str) -> bool:
    (button,) = (one for one in stage.below(test_id) if hasattr(one, "disabled") and hasattr(one, "on_click"))
    return bool(button.disabled)


async def test_it_says_what_happened_and_sends_the_prompt_once_more(
    paired: Device, harbour: Harbour, broken: Workstation
) -> None:
    harbour.holds_calls = True
    async with staged(paired, f"/w/{broken.id}/s/s4", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "resend:m2" in stage.ids())
        assert f"Interrupted. {WHY}" in stage.text()
        assert "First the card is char" in stage.text()
        assert "answered" not in stage.texts(), "half an answer is none"
        await stage.tap("resend:m2")
        await stage.until(lambda: is_disabled(stage, "resend:m2"))
        assert "A prompt is on its way." in stage.text()
        waiting = [call for call in paired.model.calls.values() if call.method == intents.PROMPT]
        assert [v1.PromptRequest.parse(call.request).text for call in waiting] == ["Explain the payment flow."]


async def test_two_taps_in_one_breath_send_it_once(paired: Device, harbour: Harbour, broken: Workstation) -> None:
    harbour.holds_calls = True
    async with staged(paired, f"/w/{broken.id}/s/s4", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "resend:m2" in stage.ids())
        (button,) = (one for one in stage.below("resend:m2") if getattr(one, "on_click", None))
        for _ in range(2):
            await stage.session.dispatch_event(button._i, "click", None)
        await stage.settle()
        assert len([call for call in paired.model.calls.values() if call.method == intents.PROMPT]) == 1


async def test_once_the_prompt_is_in_the_log_it_is_history(
    paired: Device, harbour: Harbour, broken: Workstation
) -> None:
    async with staged(paired, f"/w/{broken.id}/s/s4", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "resend:m2" in stage.ids())
        await stage.tap("resend:m2")
        await stage.until(lambda: prompts(broken) == ["Explain the payment flow."])
        await harbour.publish(broken, message("m3", v1.Role.PERSON, 0.1), part("m3", "Explain the payment flow."))
        await stage.until(lambda: "resend:m2" not in stage.ids())
        assert "Interrupted." in stage.text()


async def test_a_prompt_that_was_never_taken_up(paired: Device, harbour: Harbour, broken: Workstation) -> None:
    why = "OpenCode stopped before it took this up."
    await harbour.publish(
        broken,
        message("m3", v1.Role.PERSON, 2, state=INTERRUPTED, error=why),
        part("m3", "And refunds?"),
    )
    synthetic = v1.Part(name=f"{S}/messages/m3/parts/p1", index=1, text=v1.Text(text="inserted", synthetic=True))
    await harbour.publish(broken, resource(synthetic.name, part=synthetic))
    async with staged(paired, f"/w/{broken.id}/s/s4", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: {"resend:m2", "resend:m3"} <= set(stage.ids()))
        assert f"Interrupted. {why}" in stage.text()
        await stage.tap("resend:m3")
        await stage.until(lambda: prompts(broken) == ["And refunds?"])


async def test_while_the_agent_works_it_waits(paired: Device, harbour: Harbour, broken: Workstation) -> None:
    await harbour.publish(broken, Scene().session("s4", "Explain", v1.SessionState.WORKING, 1))
    async with staged(paired, f"/w/{broken.id}/s/s4", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "resend:m2" in stage.ids())
        assert is_disabled(stage, "resend:m2")
        assert "The agent was restarted in the middle of this turn." in stage.text()


async def test_a_viewer_is_told_and_offered_nothing(paired: Device, harbour: Harbour, broken: Workstation) -> None:
    async with staged(paired, f"/w/{broken.id}/s/s4", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "resend:m2" in stage.ids())
        own = v1.Device(name=f"devices/{paired.identity.device_id}", role=v1.DeviceRole.VIEWER, display_name="me")
        await harbour.publish(broken, resource(own.name, device=own))
        await stage.until(lambda: "resend:m2" not in stage.ids())
        assert f"Interrupted. {WHY}" in stage.text()


async def test_an_expired_decision_is_marked_where_it_was_asked(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    scene = Scene()
    expired = scene.edit_permission(v1.DecisionState.EXPIRED)
    assert expired.permission is not None
    note = "OpenCode was restarted and no longer waits."
    expired.permission.decision = v1.Decision(decided_by="nobody", decide_time=scene.at, note=note)
    async with staged(paired, f"/w/{bench.id}/s/s1", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "allow-once" in stage.ids())
        await harbour.publish(bench, expired)
        await stage.until(lambda: "decided:e1" in stage.ids())
        assert "Expired by nobody" in stage.text()
        assert note in stage.text()
        assert "decision:e1" not in stage.ids()
