"""What browser journeys share: everything that `agentd up` starts, and browsers of a phone's size."""

import asyncio
import json
import signal
import sqlite3
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from agentd.demo.project import BUG, GREETER
from tests.browser.hands import PHONE, Browser, browser, tab
from tests.fakes.app_link import AppLink
from tests.fakes.opencode import find_opencode, person, repository
from tests.flows.stack import AGENTD, IN_A_TERMINAL, START_SECONDS, STOP_SECONDS, surroundings

OpenBrowser = Callable[..., AbstractAsyncContextManager[Browser]]


async def keeps_draft(host: Path, text: str) -> None:
    """Waits until the app's host, in its folder, has it on disk: what was typed travels there key by key."""
    async with asyncio.timeout(START_SECONDS):
        while text not in _drafts(host):  # noqa: ASYNC110 - a file wakes nobody
            await asyncio.sleep(0.05)


def _drafts(host: Path) -> list[str]:
    found: list[str] = []
    for store in host.glob("devices/*/*.sqlite"):
        with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as opened:
            found += [text for (text,) in opened.execute("SELECT text FROM draft")]
    return found


@dataclass(frozen=True)
class House:
    """A running `agentd up` with the demo model."""

    url: str
    project: Path
    environment: dict[str, str]

    @property
    def greeter(self) -> Path:
        return self.project / "greeter.py"

    async def keeps_draft(self, text: str) -> None:
        """Waits until the app's host has it on disk."""
        await keeps_draft(Path(self.environment["HALYARD_STATE_DIR"]) / "default/relay/web-app", text)

    @asynccontextmanager
    async def pairing(self) -> AsyncIterator[tuple[str, str]]:
        """(code, link) as `agentd pair` shows them to a person in a terminal; it ends when somebody is in."""
        process = await asyncio.create_subprocess_exec(
            *IN_A_TERMINAL, *AGENTD, "pair", "--json", env=self.environment, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL
        )
        try:
            assert process.stdout is not None
            async with asyncio.timeout(START_SECONDS):
                told = json.loads(await process.stdout.readline())
            assert "code" in told, told
            yield told["code"]["code"], told["code"]["url"]
            async with asyncio.timeout(START_SECONDS):
                await process.communicate()
            assert process.returncode == 0
        finally:
            # A journey that failed must not leave its code standing in the way of the next.
            await _end(process)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """One for all journeys: OpenCode takes seconds to start."""
    folder = tmp_path_factory.mktemp("house")
    project = repository(folder / "project", {"greeter.py": GREETER})
    assert BUG in GREETER
    machine = dict(surroundings(person(folder / "home", {}), folder / "state"))
    with (folder / "agentd.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(*AGENTD, "up", "--json", "--no-browser", "--demo", "--port", "0", "-w", str(project)),
            *("--opencode", str(find_opencode())),
            env=machine,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=log,
        )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            line = await process.stdout.readline()
        assert line, (folder / "agentd.log").read_text()
        ready = json.loads(line)
        # `up` shows a code of its own and waits for somebody to use it; others wait until then.
        await AppLink.pair(ready["relay_http"], ready["pair_url"], display_name="First device")
        yield House(ready["app_url"], project, machine)
    finally:
        await _end(process)


@dataclass
class PairedPhone:
    """A browser that was let in once, for journeys that begin behind the door. Each goes in a tab of its own."""

    house: House
    folder: Path
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    opened: Browser | None = None
    launches: int = 0

    @asynccontextmanager
    async def tab(self) -> AsyncIterator[Browser]:
        """A tab with the app's first screen. After a failure the next one is of another browser."""
        try:
            async with tab(await self._browser(), self.folder) as phone:
                await phone.open(self.house.url)
                await phone.has("session-new")
                yield phone
        except BaseException:
            await self.close()
            raise

    async def _browser(self) -> Browser:
        if self.opened is None:
            self.launches += 1
            folder = self.folder / f"browser-{self.launches}"
            self.opened = await self.stack.enter_async_context(browser(folder, still=True))
            await pair(self.opened, self.house)
            await self.opened.page.goto("about:blank")
        return self.opened

    async def close(self) -> None:
        self.opened = None
        await self.stack.aclose()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def paired(house: House, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PairedPhone]:
    phone = PairedPhone(house, tmp_path_factory.mktemp("paired"))
    try:
        yield phone
    finally:
        await phone.close()


async def pair(phone: Browser, house: House) -> None:
    """Meets the workstation with a code typed by hand."""
    async with house.pairing() as (code, _):
        await phone.open(house.url)
        await phone.write("pair-code", code)
        await phone.tap("pair-submit")
        await phone.has("session-new")


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGINT)
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        raise


@pytest.fixture
def open_browser(tmp_path: Path, request: pytest.FixtureRequest) -> OpenBrowser:
    """Opens browsers; of a phone's sharpness where their pictures are kept. Most are still: see `hands.browser`."""
    kept = request.config.getoption("--screenshots") is not None

    def open_one(
        name: str = "browser", *, size: tuple[int, int] = PHONE, still: bool = True
    ) -> AbstractAsyncContextManager[Browser]:
        return browser(tmp_path / name, size=size, sharpness=2 if kept and size == PHONE else 1, still=still)

    return open_one
