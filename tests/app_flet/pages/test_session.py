import flet as ft
import pytest

from app_flet import intents
from app_flet.components.status import SHAPES
from app_flet.device import Device
from app_flet.model import LinkState
from app_flet.theme import Tone, ink
from halyard_client.halyard.agent import v1
from halyard_client.halyard.link import v1 as link
from tests.app_flet.harbour import Harbour
from tests.app_flet.harness import DESKTOP, Stage, staged
from tests.app_flet.scenes import Scene
from tests.app_flet.workstation import Workstation, refusal, resource

S = "sessions/s1"
PART = f"{S}/messages/m4/parts/p2"


def address(bench: Workstation) -> str:
    return f"/w/{bench.id}/s/s1"


def shows(stage: Stage, *texts: str) -> bool:
    return all(text in stage.text() for text in texts)


def asked(bench: Workstation, method: str) -> list[bytes]:
    return [request for name, request in bench.calls if name == method]


async def test_a_deep_link_shows_the_whole_session(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    async with staged(paired, address(bench), served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: shows(stage, "Yes, go on.", "Fix the failing checkout tests", "1 of 3"))
        assert shows(stage, "The checkout tests fail since yesterday.", "pytest -q tests/checkout", "needs you")
        assert "stop" in stage.ids()
        assert "demo-model" not in stage.ids()


async def test_a_prompt_is_sent_and_its_state_shown(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    harbour.holds_calls = True
    async with staged(paired, address(bench), served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: shows(stage, "Yes, go on."))
        await stage.type("composer", "And the docs?")
        assert paired.store.draft(f"{bench.id}/{S}") == "And the docs?"
        await stage.tap("send")
        assert stage.field("composer") == ""
        assert paired.store.draft(f"{bench.id}/{S}") == ""
        await stage.until(lambda: shows(stage, "And the docs?", "at the relay"))


@pytest.mark.parametrize(
    ("state", "words", "tone"),
    [(v1.MessageState.STOPPED, "Stopped.", Tone.QUIET), (v1.MessageState.FAILED, "ended with an error", Tone.FAILED)],
)
async def test_what_a_person_stopped_has_not_failed(
    paired: Device, harbour: Harbour, bench: Workstation, state: v1.MessageState, words: str, tone: Tone
) -> None:
    name = f"{S}/messages/m9"
    ended = v1.Message(name=name, role=v1.Role.AGENT, state=state, create_time=Scene().at)
    await harbour.publish(bench, resource(name, message=ended))
    async with staged(paired, address(bench), served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: shows(stage, words))
        (said,) = [text for text in stage.all(ft.Text) if words in str(text.value)]
        assert said.color == ink(tone, dark=False).strong
        assert SHAPES[tone] in [icon.icon for icon in stage.all(ft.Icon)]


async def test_a_refused_prompt_can_be_sent_again_or_edited(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    bench.answer = lambda _method, _request: refusal(9, "SESSION_BUSY", "The session is being summed up. Try again.")
    async with staged(paired, address(bench), served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: shows(stage, "Yes, go on."))
        await stage.type("composer", "And the docs?")
        await stage.tap("send")
        await stage.until(lambda: shows(stage, "being summed up"))
        await stage.tap(stage.beginning("message-retry:"))
        await stage.until(lambda: len(asked(bench, intents.PROMPT)) == 2 and shows(stage, "being summed up"))
        await stage.tap(stage.beginning("message-edit:"))
        assert stage.field("composer") == "And the docs?"
        assert not shows(stage, "being summed up")


async def test_drafts_survive_leaving_and_reloading(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    async with staged(paired, address(bench), served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "composer" in stage.ids())
        await stage.type("composer", "half a tho")
        await stage.tap("back")
        assert "composer" not in stage.ids()
    async with staged(paired, address(bench), served_by=harbour.origin) as stage:
        assert stage.field("composer") == "half a tho"


async def test_with_the_relay_gone_a_loaded_app_still_reads(paired: Device, harbour: Harbour) -> None:
    async with staged(paired, served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "decision:e1" in stage.ids())
    async with staged(paired, served_by=harbour.origin) as stage:
        await stage.tap("sessions")
        await stage.tap("session:s1")
        assert shows(stage, "The checkout tests fail since yesterday.", "offline — as of")


async def test_text_streams_into_the_last_part(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    part = v1.Part(name=PART, index=9, state=v1.PartState.OPEN, text=v1.Text(text="Mov"))
    async with staged(paired, address(bench), served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: shows(stage, "Yes, go on."))
        await harbour.until(lambda: bool(harbour.readers and harbour.readers[0].focus.focus))
        await harbour.publish(bench, resource(PART, part=part))
        await stage.until(lambda: shows(stage, "Mov"))
        hint = v1.Delta(part=PART, offset_bytes=3, text="ing on", field=v1.DeltaField.TEXT)
        await harbour.stream(bench, S, hint)
        await stage.until(lambda: shows(stage, "Moving on"))


@pytest.mark.parametrize(
    ("button", "outcome", "word"),
    [
        ("allow-once", v1.DecisionState.ALLOWED_ONCE, ""),
        ("allow-always", v1.DecisionState.ALLOWED_ALWAYS, ""),
        ("deny", v1.DecisionState.DENIED, ""),
        ("deny", v1.DecisionState.DENIED, "use a blueprint"),
    ],
)
async def test_every_decision_reaches_the_workstation(
    paired: Device, harbour: Harbour, bench: Workstation, button: str, outcome: v1.DecisionState, word: str
) -> None:
    bench.answer = lambda _method, _request: bytes(v1.DecideResponse())
    async with staged(paired, address(bench), served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "allow-once" in stage.ids())
        stage.screen.shifted_ms = 0
        if word:
            await stage.type("deny-reason", word)
            assert stage.says("deny") == "Deny with this word"
        await stage.tap(button)
        assert button not in stage.ids()
        await stage.until(lambda: bool(asked(bench, intents.DECIDE)))
    request = v1.DecideRequest.parse(asked(bench, intents.DECIDE)[0])
    assert (request.permission, request.outcome, request.message) == (f"{S}/permissions/e1", outcome, word)


async def test_what_came_of_a_decision_is_shown_where_it_was_asked(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    scene = Scene()
    decided = scene.edit_permission(v1.DecisionState.ALLOWED_ONCE)
    assert decided.permission is not None
    decided.permission.decision = v1.Decision(decided_by="Mira's iPad", decide_time=scene.at, applied=True)
    async with staged(paired, address(bench), served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "allow-once" in stage.ids())
        await harbour.publish(bench, decided)
        await stage.until(lambda: shows(stage, "Allowed once by Mira's iPad"))
        assert "allow-once" not in stage.ids()


async def test_a_late_decision_says_who_was_first_and_can_be_made_anew(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    bench.answer = lambda _method, _request: refusal(9, "ALREADY_DECIDED", "Mira's iPad allowed it at 14:02.")
    async with staged(paired, address(bench), served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "allow-once" in stage.ids())
        stage.screen.shifted_ms = 0
        await stage.tap("deny")
        await stage.until(lambda: shows(stage, "Mira's iPad allowed it at 14:02."))


async def test_a_tap_just_after_cards_moved_does_not_count(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    async with staged(paired, address(bench), served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "allow-once" in stage.ids())
        stage.screen.shifted()
        await stage.tap("allow-once")
        assert not [call for call in paired.model.calls.values() if call.method == intents.DECIDE]
        stage.screen.shifted_ms = 0
        await stage.tap("allow-once")
        assert [call for call in paired.model.calls.values() if call.method == intents.DECIDE]


async def test_choosing_an_option_answers_the_question(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    bench.answer = lambda _method, _request: bytes(v1.AnswerResponse())
    async with staged(paired, f"/w/{bench.id}/s/s2", served_by=harbour.origin, linked=True) as stage:
        # The command was asked before the question and stands first.
        await stage.until(lambda: "decision:c1" in stage.ids())
        decided = Scene().command_permission()
        assert decided.permission is not None
        decided.permission.state = v1.DecisionState.DENIED
        await harbour.publish(bench, decided)
        await stage.until(lambda: "question-option" in stage.ids())
        stage.screen.shifted_ms = 0
        await stage.tap("question-option", 1)
        await stage.until(lambda: bool(asked(bench, intents.ANSWER)))
    request = v1.AnswerRequest.parse(asked(bench, intents.ANSWER)[0])
    assert [answer.values for answer in request.answers] == [["Redis"]]


async def test_stop_interrupts_the_turn(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    bench.answer = lambda _method, _request: bytes(v1.InterruptResponse(was_running=True))
    async with staged(paired, address(bench), served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "stop" in stage.ids())
        await stage.tap("stop")
        await stage.until(lambda: bool(asked(bench, intents.INTERRUPT)))


async def test_a_session_that_is_not_there_says_so(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    async with staged(paired, f"/w/{bench.id}/s/nowhere", served_by=harbour.origin) as stage:
        assert shows(stage, "This session is not here")
        await stage.tap("session-back")
        assert "sessions-search" in stage.ids()


async def test_on_a_desktop_list_and_session_stand_side_by_side(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    async with staged(paired, address(bench), size=DESKTOP, served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: {"composer", "session:s4", "now"} <= set(stage.ids()))
        await stage.tap("session:s4")
        assert stage.screen.sight.place.session == "sessions/s4"
        assert "session:s1" in stage.ids()


async def test_who_a_relay_has_forgotten_goes_on_writing_and_is_told(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    bench.answer = lambda _method, _request: bytes(v1.PromptResponse())
    async with staged(paired, address(bench), served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "allow-once" in stage.ids())
        members = dict(bench.members)
        bench.members.clear()
        await harbour.cut()
        await stage.until(lambda: paired.model.links[harbour.origin].state is not LinkState.ONLINE)
        paired.hurry()
        await stage.until(lambda: shows(stage, "The relay does not know yet"))
        assert {"send", "allow-once"} <= set(stage.ids())
        await stage.type("composer", "Go on")
        await stage.tap("send")
        await stage.until(lambda: shows(stage, "Go on", "on this device"))
        bench.members.update(members)
        paired.hurry()
        await stage.until(lambda: bool(asked(bench, intents.PROMPT)))
        await stage.until(lambda: "The relay does not know yet" not in stage.text())


async def test_who_was_taken_off_the_list_is_told_to_pair_again(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    async with staged(paired, address(bench), served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "send" in stage.ids())
        removed = link.AttachAppResponse(removed=link.Removed(workstation_id=bench.id))
        await harbour.broadcast(bench, removed)
        bench.members.clear()
        await harbour.cut()
        await stage.until(lambda: shows(stage, "no longer lists this device", "pair again"))
        paired.hurry()
        await stage.until(lambda: paired.model.links[harbour.origin].state is LinkState.REFUSED)
        assert shows(stage, "no longer lists this device")
        assert "send" not in stage.ids()


async def test_a_viewer_reads_and_does_nothing_else(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    async with staged(paired, address(bench), served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "allow-once" in stage.ids())
        own = v1.Device(name=f"devices/{paired.identity.device_id}", role=v1.DeviceRole.VIEWER, display_name="me")
        await harbour.publish(bench, resource(own.name, device=own))
        await stage.until(lambda: "allow-once" not in stage.ids())
        assert "send" not in stage.ids()
        assert shows(stage, "may look, not decide", "may read here, not write")
