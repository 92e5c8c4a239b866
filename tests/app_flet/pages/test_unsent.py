"""A prompt that nobody took in time: lists say so, too; nothing is lost; one tap sends it again, once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from app_flet import intents
from app_flet.calling import UNSENT
from app_flet.device import Device
from app_flet.model import LinkState
from halyard_client.halyard.agent import v1
from tests.app_flet import harbour as port
from tests.app_flet.conftest import now_ms
from tests.app_flet.harbour import Harbour
from tests.app_flet.harness import staged
from tests.app_flet.pages.test_waiting import has, prompts, read_once, say, shows
from tests.app_flet.workstation import Workstation, refusal

ABSENCE = timedelta(hours=25)


@pytest.fixture
def a_day_later(monkeypatch: pytest.MonkeyPatch, make_device: Callable[[str], Device]) -> Callable[[Device], Device]:
    """The app is opened again after 25 hours."""

    def open_again(device: Device) -> Device:
        device.store.close()
        monkeypatch.setattr(port, "now", lambda: datetime.now(UTC) + ABSENCE)
        again = make_device("device")
        again.now_ms.own_ms = lambda: now_ms() + round(ABSENCE.total_seconds() * 1000)
        return again

    return open_again


@pytest.mark.parametrize("is_back", [True, False], ids=["with the network", "before there is a network"])
async def test_a_prompt_that_waited_for_a_day_says_that_it_was_not_sent_and_goes_again_once(
    paired: Device, harbour: Harbour, bench: Workstation, a_day_later: Callable[[Device], Device], *, is_back: bool
) -> None:
    bench.answer = lambda _method, _request: bytes(v1.PromptResponse())
    place = await read_once(paired, harbour, bench)
    async with staged(paired, place, served_by=harbour.origin) as stage:
        await say(stage, "Written on a plane")
        await stage.type("composer", "half a thought")
        assert shows(stage, "on this device")()
    again = a_day_later(paired)
    harbour.is_closed = not is_back
    async with staged(again, "/", served_by=harbour.origin, linked=True) as stage:
        await stage.until(shows(stage, "1 message was not taken"))
        assert stage.text().index("Waits for you") < stage.text().index("1 message was not taken")
        assert prompts(bench) == [], "what was meant for yesterday does not begin by itself"
        await stage.tap("session:s1")
        assert shows(stage, "Written on a plane", UNSENT)()
        assert stage.field("composer") == "half a thought"
        await stage.tap(stage.beginning("message-retry:"))
        assert not has(stage, "message-retry:")
        assert not shows(stage, UNSENT)()
        harbour.is_closed = False
        again.hurry()
        await stage.until(lambda: not again.store.calls())
        met = len(harbour.hellos)
        await harbour.cut()
        await harbour.until(lambda: len(harbour.hellos) > met)
        await stage.until(lambda: again.model.links[harbour.origin].state is LinkState.ONLINE)
        assert stage.text().count("Written on a plane") == 1
        await stage.tap("back")
        assert "not taken" not in stage.text()
    assert prompts(bench) == ["Written on a plane"]


async def test_what_the_person_took_back_is_no_failure(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    bench.answer = lambda method, _request: (
        refusal(9, "WITHDRAWN", "You took this back.") if method == intents.PROMPT else b""
    )
    async with staged(paired, f"/w/{bench.id}/s/s1", served_by=harbour.origin, linked=True) as stage:
        await stage.until(shows(stage, "Yes, go on."))
        await say(stage, "No")
        await stage.until(shows(stage, "You took this back."))
        await stage.tap("back")
        assert "session:s1" in stage.ids()
        assert "not taken" not in stage.text()
