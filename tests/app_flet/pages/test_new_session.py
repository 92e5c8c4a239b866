from app_flet import intents
from app_flet.device import Device
from halyard_client.halyard.agent import v1
from tests.app_flet.harbour import Harbour
from tests.app_flet.harness import staged
from tests.app_flet.workstation import Workstation, refusal


def begun(method: str, _request: bytes) -> bytes:
    assert method == intents.START_SESSION
    return bytes(v1.StartSessionResponse(session=v1.Session(name="sessions/s5")))


async def test_a_session_is_begun_with_what_was_chosen_and_opened(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    bench.answer = begun
    async with staged(paired, "/new", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "tide-tables" in stage.text() or "webshop · main" in stage.text())
        await stage.tap("project-pick")
        await stage.tap("project-pick-option", 1)
        await stage.tap("mode-pick")
        await stage.tap("mode-pick-option", 1)
        await stage.type("prompt", "Cache them")
        await stage.tap("send")
        await stage.until(lambda: stage.screen.sight.place.session == "sessions/s5")
    request = v1.StartSessionRequest.parse(bench.calls[0][1])
    assert (request.project, request.agent, request.model, request.mode, request.prompt) == (
        "projects/tide-tables",
        "opencode",
        "harbour/large",
        "plan",
        "Cache them",
    )


async def test_the_last_choice_stands_already(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    bench.answer = begun
    async with staged(paired, "/new", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "webshop · main" in stage.text())
        await stage.tap("model-pick")
        await stage.tap("model-pick-option", 1)
        await stage.type("prompt", "One")
        await stage.tap("send")
        await stage.until(lambda: bool(bench.calls))
    async with staged(paired, "/new", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "Harbour Small" in stage.text())


async def test_a_start_that_waits_is_shown_and_one_that_was_refused_can_be_edited(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    harbour.holds_calls = True
    async with staged(paired, "/new", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "webshop · main" in stage.text())
        await stage.type("prompt", "Later")
        await stage.tap("send")
        await stage.until(lambda: "Starting …" in stage.says("send"))
        await stage.tap("back")
        await stage.until(lambda: "Starting — at the relay" in stage.text())
        harbour.holds_calls = False
        bench.answer = lambda _method, _request: refusal(14, "AGENT_UNAVAILABLE", "OpenCode is not running.")
        await harbour.cut()
        paired.hurry()
        await stage.until(lambda: "OpenCode is not running." in stage.text())
        await stage.tap(stage.beginning("message-edit:"))
        assert stage.field("prompt") == "Later"


async def test_nothing_is_started_without_words(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    async with staged(paired, "/new", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "webshop · main" in stage.text())
        await stage.tap("send")
        assert not paired.model.calls
        assert not bench.calls


async def test_a_draft_of_a_new_session_survives(paired: Device, harbour: Harbour) -> None:
    async with staged(paired, "/new", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "prompt" in stage.ids())
        await stage.type("prompt", "half a tho")
    async with staged(paired, "/new", served_by=harbour.origin) as stage:
        assert stage.field("prompt") == "half a tho"
