"""A real browser: what was written while the relay was away survives the death of the process that serves the app."""

from pathlib import Path

from app_flet import intents
from halyard_client.halyard.agent import v1
from tests.app_flet.harbour import Workstation, open_harbour
from tests.app_flet.scenes import Scene
from tests.browser.conftest import OpenBrowser
from tests.browser.host_process import hosting


async def test_a_prompt_written_in_the_dark_outlives_its_host_and_a_reload_and_is_sent_once(
    tmp_path: Path, open_browser: OpenBrowser
) -> None:
    async with open_harbour() as harbour, open_browser() as phone:
        bench = harbour.add(Workstation())
        bench.answer = lambda _method, _request: bytes(v1.PromptResponse())
        for value in Scene(device_id=bench.id).everything():
            bench.write(value)
        code, _ = harbour.invite(bench)
        async with hosting(harbour.origin, tmp_path / "host") as port:
            await phone.open(f"http://127.0.0.1:{port}")
            await phone.write("pair-code", code)
            await phone.tap("pair-submit")
            await phone.has("session-new")
            await phone.tap("sessions")
            await phone.tap("session:s4")
            await phone.has("composer")
            harbour.is_closed = True
            await harbour.cut()
            await phone.has("offline-line")
            await phone.write("composer", "Written in the dark")
            await phone.tap("send")
            await phone.at("message-state").filter(has_text="on this device").wait_for(state="attached")
        async with hosting(harbour.origin, tmp_path / "host", port):
            await phone.reload()
            await phone.sees("Written in the dark")
            await phone.at("message-state").filter(has_text="on this device").wait_for(state="attached")
            harbour.is_closed = False
            await harbour.until(lambda: bool(bench.calls))
            await phone.at("message-state").filter(has_text="at the workstation").wait_for(state="attached")
        said = [v1.PromptRequest.parse(data).text for method, data in bench.calls if method == intents.PROMPT]
        assert said == ["Written in the dark"]
