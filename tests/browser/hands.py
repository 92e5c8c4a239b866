"""Hands on the app in a real Chromium of a phone's size. Flutter paints a canvas; we touch its semantics tree."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from urllib.parse import urlsplit

import pytest
from playwright.async_api import BrowserContext, Locator, Page, Playwright, async_playwright, expect

PHONE = (412, 860)
DESKTOP = (1280, 800)
PATIENCE_MS = 60_000
GO = "path => { history.pushState(null, '', path); dispatchEvent(new PopStateEvent('popstate', {state: null})); }"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str:
    """Debian's Chromium, or whatever stands in for it. Fails the test when there is none."""
    found = which("chromium") or which("chromium-browser") or which("google-chrome")
    if found is None:
        pytest.fail("These tests need Chromium: run `apt-get install chromium`.", pytrace=False)
    return found


@dataclass
class Browser:
    """One browser with one tab, and a note of everything it asked for."""

    context: BrowserContext
    page: Page
    has_touch: bool
    """A finger taps. A mouse would rest where it clicked, and raise the tooltip of what comes to lie under it."""
    requests: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    async def open(self, url: str) -> None:
        """Goes to `url` and turns the semantics tree on, as a screen reader does."""
        await self.page.goto(url)
        await self.ready()

    async def go(self, path: str) -> None:
        """Goes to another page of the app that is open, as Back and Forward do: nothing is loaded anew."""
        await self.page.evaluate(GO, path)

    async def reload(self) -> None:
        await self.page.reload()
        await self.ready()

    async def move(self) -> None:
        """Loads the app anew with all its motion, in a browser that was opened still."""
        await self.page.emulate_media(reduced_motion="no-preference")
        await self.reload()

    async def ready(self) -> None:
        await self.page.wait_for_selector("flt-semantics-placeholder", state="attached")
        await self.page.evaluate("document.querySelector('flt-semantics-placeholder').click()")
        await self.page.wait_for_selector("flt-semantics-host flt-semantics", state="attached")

    def at(self, test_id: str) -> Locator:
        return self.page.get_by_test_id(test_id)

    @property
    def _field(self) -> Locator:
        """The field that hears the keys. What waits in the page itself would need `eval`, which the app forbids."""
        return self.page.locator("input:focus, textarea:focus")

    async def tap(self, test_id: str, nth: int = 0) -> None:
        place = self.at(test_id).nth(nth)
        await (place.tap() if self.has_touch else place.click())

    async def sees(self, text: str) -> None:
        """Waits for words anywhere on screen."""
        await self.page.get_by_text(text).first.wait_for(state="attached")

    async def has(self, test_id: str) -> None:
        """Waits for a control."""
        await self.at(test_id).first.wait_for(state="attached")

    async def lacks(self, test_id: str) -> None:
        await self.at(test_id).first.wait_for(state="detached")

    async def type(self, test_id: str, text: str) -> None:
        """Types into a field, once the client has made it the one that hears the keys."""
        await self.tap(test_id)
        await self._field.wait_for(state="attached")
        await self.page.keyboard.type(text)

    async def write(self, test_id: str, text: str) -> None:
        """Types into a field until the text stands there."""
        await self.type(test_id, text)
        if not await self._stands(text):
            # A person looks at what they typed. The client may still have been moving its field when the keys came.
            await self.page.keyboard.press("Control+A")
            await self.page.keyboard.type(text)

    async def _stands(self, text: str) -> bool:
        try:
            await expect(self._field).to_have_value(text, timeout=5_000)
        except AssertionError:
            return False
        return True

    async def entered(self, test_id: str) -> str:
        """What stands in a field, which must not be empty; the client tells it once the field has the focus."""
        await self.tap(test_id)
        await expect(self._field).not_to_have_value("", timeout=PATIENCE_MS)
        return await self._field.input_value()

    async def path(self) -> str:
        path: str = await self.page.evaluate("location.pathname")
        return path

    async def until_path(self, beginning: str) -> None:
        await self.page.wait_for_url(lambda url: urlsplit(url).path.startswith(beginning))


@asynccontextmanager
async def browser(
    folder: Path, *, size: tuple[int, int] = PHONE, sharpness: int = 1, still: bool = False
) -> AsyncIterator[Browser]:
    """A fresh browser that keeps its storage in `folder`, with so many pixels to a logical one: without a graphics
    card, what Flutter paints takes time by the pixel, and while something moves all the time there is. `still` asks
    for reduced motion, as a person's system may.
    """
    async with async_playwright() as playwright:
        playwright.selectors.set_test_id_attribute("flt-semantics-identifier")
        context = await _launch(playwright, folder, size, sharpness, still=still)
        context.set_default_timeout(PATIENCE_MS)
        try:
            async with _looked_after(Browser(context, context.pages[0], size == PHONE), folder) as opened:
                yield opened
        finally:
            await context.close()


@asynccontextmanager
async def tab(of: Browser, folder: Path) -> AsyncIterator[Browser]:
    """A fresh tab of a browser that runs: it has nothing on screen, and the storage of the others."""
    page = await of.context.new_page()
    try:
        async with _looked_after(Browser(of.context, page, of.has_touch), folder) as opened:
            yield opened
    finally:
        await page.close()


@asynccontextmanager
async def _looked_after(opened: Browser, folder: Path) -> AsyncIterator[Browser]:
    """Notes what is asked for and what goes wrong; a failure leaves a picture in `folder`."""
    opened.page.on("request", lambda request: opened.requests.append(request.url))
    opened.page.on("requestfailed", lambda request: opened.problems.append(f"{request.url}: {request.failure}"))
    opened.page.on("console", lambda message: _note(opened, message.type, message.text))
    try:
        yield opened
    except BaseException:
        await opened.page.screenshot(path=folder / "failed.png")
        raise


def _note(opened: Browser, kind: str, text: str) -> None:
    if kind == "error":
        opened.problems.append(text)


async def _launch(
    playwright: Playwright, folder: Path, size: tuple[int, int], sharpness: int, *, still: bool
) -> BrowserContext:
    is_phone = size == PHONE
    return await playwright.chromium.launch_persistent_context(
        str(folder),
        executable_path=chromium(),
        headless=True,
        args=list(FLAGS),
        viewport={"width": size[0], "height": size[1]},
        is_mobile=is_phone,
        has_touch=is_phone,
        device_scale_factor=sharpness,
        reduced_motion="reduce" if still else "no-preference",
    )
