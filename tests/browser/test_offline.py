"""A real browser: what was written while the relay was away survives the death of the process that serves the app, and
an absence of the browser that is too long for its session.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from app_flet import intents
from halyard_client.halyard.agent import v1
from tests.app_flet.harbour import Harbour, open_harbour
from tests.app_flet.scenes import Scene
from tests.app_flet.workstation import Workstation
from tests.browser.conftest import OpenBrowser, keeps_draft
from tests.browser.hands import Browser
from tests.browser.host_process import OPENED, OVER, hosting
from tests.chaos.proxy import Proxy


@asynccontextmanager
async def shore() -> AsyncIterator[tuple[Harbour, Workstation]]:
    """A relay and a workstation that takes prompts."""
    async with open_harbour() as harbour:
        bench = harbour.add(Workstation())
        bench.answer = lambda _method, _request: bytes(v1.PromptResponse())
        for value in Scene(device_id=bench.id).everything():
            bench.write(value)
        yield harbour, bench


async def write_in_the_dark(phone: Browser, port: int, harbour: Harbour, bench: Workstation) -> None:
    """Pairs, opens a session, and writes there while the relay is away."""
    code, _ = harbour.invite(bench)
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
    await stands(phone, "on this device")


async def stands(phone: Browser, where: str) -> None:
    """Waits until the prompt is said to be there."""
    await phone.at("message-state").filter(has_text=where).wait_for(state="attached")


async def is_sent_once(phone: Browser, harbour: Harbour, bench: Workstation) -> None:
    harbour.is_closed = False
    await harbour.until(lambda: bool(bench.calls))
    await stands(phone, "at the workstation")
    said = [v1.PromptRequest.parse(data).text for method, data in bench.calls if method == intents.PROMPT]
    assert said == ["Written in the dark"]


async def test_a_prompt_written_in_the_dark_outlives_its_host_and_a_reload_and_is_sent_once(
    tmp_path: Path, open_browser: OpenBrowser
) -> None:
    async with shore() as (harbour, bench), open_browser() as phone:
        async with hosting(harbour.origin, tmp_path / "host") as host:
            await write_in_the_dark(phone, host.port, harbour, bench)
        async with hosting(harbour.origin, tmp_path / "host", host.port):
            await phone.reload()
            await phone.sees("Written in the dark")
            await stands(phone, "on this device")
            await is_sent_once(phone, harbour, bench)


async def test_a_browser_that_was_away_for_too_long_comes_back_by_itself_to_where_it_was(
    tmp_path: Path, open_browser: OpenBrowser
) -> None:
    async with (
        shore() as (harbour, bench),
        hosting(harbour.origin, tmp_path / "host", session_seconds=1) as host,
        Proxy("127.0.0.1", host.port).serving() as network,
        open_browser() as phone,
    ):
        await write_in_the_dark(phone, network.port, harbour, bench)
        await phone.tap("back")
        await phone.tap("session:s4")
        await phone.write("composer", "half a thought")
        await keeps_draft(tmp_path / "host", "half a thought")
        where = await phone.path()
        network.cut()
        await host.hears(OVER)
        network.clear()
        await host.hears(OPENED)
        await phone.sees("Written in the dark")
        await stands(phone, "on this device")
        assert await phone.path() == where
        assert await phone.entered("composer") == "half a thought"
        await is_sent_once(phone, harbour, bench)
