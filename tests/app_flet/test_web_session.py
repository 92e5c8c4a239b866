"""A browser's device outlives tabs, Flet's sessions and the process that serves it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app_flet import intents
from app_flet.model import LinkState
from app_flet.web_session import TOKEN_KEY, WebSessions
from halyard_client.halyard.agent import v1
from tests.app_flet.harbour import Harbour
from tests.app_flet.harness import Stage, browsing
from tests.app_flet.workstation import Workstation

SOON = 0.05


@pytest.fixture
def host(tmp_path: Path, harbour: Harbour) -> WebSessions:
    """A host whose devices fall asleep almost at once."""
    return WebSessions(harbour.origin, tmp_path / "devices", sleep_after_seconds=SOON)


@pytest.fixture
async def browser(host: WebSessions, harbour: Harbour, bench: Workstation) -> AsyncIterator[dict[str, Any]]:
    """What a browser keeps that is paired with the workstation."""
    bench.answer = lambda _method, _request: bytes(v1.PromptResponse())
    kept: dict[str, Any] = {}
    code, _ = harbour.invite(bench)
    async with browsing(host, kept) as tab:
        await tab.type("pair-code", code)
        await tab.tap("pair-submit")
        await tab.until(lambda: "session:s1" in tab.ids())
    yield kept
    assert set(kept) == {TOKEN_KEY}, "the browser keeps a token and nothing else"


def restarted(host: WebSessions) -> WebSessions:
    """The process that served the app was killed: nothing was closed, another one runs over the same folder."""
    for berth in host._berths.values():
        if berth.links is not None:
            berth.links.cancel()
    return WebSessions(host._relay_url, host._devices, sleep_after_seconds=SOON)


def prompts(bench: Workstation) -> list[str]:
    return [v1.PromptRequest.parse(data).text for method, data in bench.calls if method == intents.PROMPT]


async def cut_off(harbour: Harbour, tab: Stage) -> None:
    """The relay is gone, and the tab knows."""
    harbour.is_closed = True
    await harbour.cut()
    await tab.until(lambda: "offline-line" in tab.ids())


async def test_another_browser_is_another_device(host: WebSessions, browser: dict[str, Any]) -> None:
    async with browsing(host, {}) as tab:
        assert "pair-code" in tab.ids()
    async with browsing(host, dict(browser)) as tab:
        assert "session:s1" in tab.ids(), "from the replica, before any link stands"


async def test_a_prompt_written_without_a_relay_survives_tab_session_and_process_and_is_sent_once(
    host: WebSessions, browser: dict[str, Any], harbour: Harbour, bench: Workstation
) -> None:
    place = f"/w/{bench.id}/s/s1"
    async with browsing(host, browser, place) as tab:
        await tab.until(lambda: "Yes, go on." in tab.text())
        await cut_off(harbour, tab)
        await tab.type("composer", "Written in the dark")
        await tab.tap("send")
        await tab.type("composer", "half a thought")
    async with browsing(host, browser, place) as tab:
        assert "Written in the dark" in tab.text(), "a reload, or Flet's session expired"
    second = restarted(host)
    async with browsing(second, browser, place) as tab:
        assert "Written in the dark" in tab.text()
        assert "on this device" in tab.text()
        assert tab.field("composer") == "half a thought"
        harbour.is_closed = False
        tab.screen.device.hurry()
        await tab.until(lambda: prompts(bench) != [] and "on this device" not in tab.text())
    assert prompts(bench) == ["Written in the dark"]


async def test_what_was_said_leaves_also_when_the_tab_is_closed_before_the_relay_is_back(
    host: WebSessions, browser: dict[str, Any], harbour: Harbour, bench: Workstation
) -> None:
    async with browsing(host, browser, f"/w/{bench.id}/s/s1") as tab:
        await tab.until(lambda: "Yes, go on." in tab.text())
        await cut_off(harbour, tab)
        await tab.type("composer", "Written in the dark")
        await tab.tap("send")
        device = tab.screen.device
    harbour.is_closed = False
    device.hurry()
    await harbour.until(lambda: prompts(bench) == ["Written in the dark"])


async def test_a_device_that_nobody_looks_at_sleeps_and_wakes_with_the_next_tab(
    host: WebSessions, browser: dict[str, Any], harbour: Harbour
) -> None:
    async with browsing(host, browser) as tab:
        device = tab.screen.device
        await tab.until(lambda: device.model.links[harbour.origin].state is LinkState.ONLINE)
    await harbour.until(lambda: not harbour.readers)
    async with browsing(host, browser) as tab:
        assert tab.screen.device is not device, "it was closed with its last tab"
        await harbour.until(lambda: len(harbour.readers) == 1)


async def test_tabs_of_one_browser_share_one_device_and_one_link(
    host: WebSessions, browser: dict[str, Any], harbour: Harbour
) -> None:
    async with browsing(host, browser) as first:
        await harbour.until(lambda: len(harbour.readers) == 1)
        async with browsing(host, browser) as second:
            assert second.screen.device is first.screen.device
        assert len(harbour.readers) == 1
