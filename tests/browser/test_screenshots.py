"""Pictures of every screen, light and dark, phone and desktop: `make screenshots` writes them.

Without `--screenshots` they go to a scratch folder, so that every screen is opened in a real browser in any case.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest

from app_flet import digest
from halyard_client.google.rpc import Status
from halyard_client.halyard.agent import v1
from tests.app_flet.harbour import Harbour, open_harbour
from tests.app_flet.scenes import PATCH, Scene
from tests.app_flet.workstation import Workstation, resource
from tests.browser.conftest import OpenBrowser
from tests.browser.hands import DESKTOP, PHONE, Browser
from tests.browser.served import served

pytestmark = pytest.mark.timeout(240)

SETTLE = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


OK, LOOK, FAILS = v1.CheckState.OK, v1.CheckState.WARNING, v1.CheckState.FAILED
CHECKS = [
    v1.Check(id="config", state=OK, message="profile default, ~/.local/state/halyard/default"),
    v1.Check(id="files", state=OK, message="only you can open ~/.local/state/halyard/default"),
    v1.Check(
        id="disk",
        state=LOOK,
        message="The disk is nearly full: 812 MiB free.",
        advice="Make room before agents need it.",
    ),
    v1.Check(id="daemon", state=OK, message="agentd 0.1.0, pid 4711, up for 10 h, 71 MiB"),
    v1.Check(id="link", state=OK, message="up for 3 h, heard 4 s ago, dialled again once"),
    v1.Check(id="log", state=OK, message="8812 written, all at the relay"),
    v1.Check(
        id="relay",
        state=OK,
        message="https://relay.example.org answers, release 0.1.0",
        duration=timedelta(milliseconds=41),
    ),
    v1.Check(id="agent", state=OK, message="OpenCode 1.18.33 answers, 412 MiB, never started again"),
    v1.Check(
        id="model",
        state=FAILS,
        message="harbour/large: its provider at https://api.harbour.example cannot be reached: no connection",
        advice="Check this machine's network and proxy; the provider may also be down.",
    ),
    v1.Check(id="push", state=v1.CheckState.SKIPPED, message="This release wakes no phones yet."),
]


def answer(method: str, _request: bytes) -> "bytes | Status":
    """What the workstation in the pictures says to reads."""
    diffs = [
        v1.FileDiff(path="app.py", patch=PATCH, additions=8, deletions=4, change=v1.FileChange.MODIFIED),
        v1.FileDiff(path="tests/conftest.py", patch=PATCH, additions=26, deletions=8, change=v1.FileChange.MODIFIED),
        v1.FileDiff(
            path="docs/factory.md", patch="@@ -0,0 +1 @@\n+# Factory\n", additions=1, change=v1.FileChange.ADDED
        ),
    ]
    entries = [
        v1.FileEntry(path="src", folder=True),
        v1.FileEntry(path="tests", folder=True),
        v1.FileEntry(path="app.py", size_bytes=2381),
        v1.FileEntry(path="README.md", size_bytes=912),
    ]
    text = b"from flask import Flask\n\n\ndef create_app() -> Flask:\n    app = Flask(__name__)\n    return app\n"
    answers = {
        "Diagnose": bytes(v1.DiagnoseResponse(checks=CHECKS)),
        "GetDiff": bytes(v1.GetDiffResponse(diffs=diffs)),
        "ListFiles": bytes(v1.ListFilesResponse(entries=entries)),
        "ReadFile": bytes(v1.ReadFileResponse(content=text, size_bytes=len(text))),
    }
    return answers.get(method.rpartition("/")[2], Status(code=12, message="Not in the picture."))


@dataclass
class Camera:
    """Takes pictures of a browser into a folder, of every screen one in each scheme: it follows the system's while it
    runs.
    """

    browser: Browser
    folder: Path
    device: str

    async def take(self, name: str) -> None:
        """A picture in light and one in dark."""
        await self.browser.page.wait_for_load_state("networkidle")  # fonts come when the first word needs them
        pictures = [await self._settled(name, scheme) for scheme in ("dark", "light")]
        assert pictures[0] != pictures[1], f"{name} looks the same in light and dark"

    async def _settled(self, name: str, scheme: Literal["light", "dark"]) -> bytes:
        """One picture, when nothing moves any more: two equal ones in a row."""
        await self.browser.page.emulate_media(color_scheme=scheme)
        former = b""
        for _ in range(40):
            await self.browser.page.evaluate(SETTLE)
            picture = await self.browser.page.screenshot(animations="disabled")
            if picture == former:
                break
            former = picture
        path = self.folder / f"{name}-{self.device}-{scheme}.png"
        await asyncio.to_thread(path.write_bytes, former)
        assert len(former) > 6000, f"{name} is an empty picture"
        return former


@pytest.fixture
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    chosen: Path = request.config.getoption("--screenshots") or tmp_path / "screenshots"
    chosen.mkdir(parents=True, exist_ok=True)
    return chosen


@pytest.fixture
async def harbour() -> AsyncIterator[Harbour]:
    async with open_harbour() as opened:
        yield opened


@pytest.fixture
def bench(harbour: Harbour) -> Workstation:
    workstation = harbour.add(Workstation(answer=answer))
    for value in Scene(device_id=workstation.id, demo=False).everything():
        workstation.write(value)
    other = v1.Device(
        name="devices/abcdefghijklmnopqrstuvwxyz",
        display_name="Mira's phone",
        platform="android",
        role=v1.DeviceRole.OPERATOR,
        pair_time=Scene().ago(5000),
    )
    workstation.write(resource(other.name, device=other))
    return workstation


async def met(browser: Browser, harbour: Harbour, bench: Workstation) -> None:
    code, _ = harbour.invite(bench)
    await browser.write("pair-code", code)
    await browser.tap("pair-submit")
    await browser.has("decision:e1")


async def test_every_screen_of_a_phone(
    harbour: Harbour, bench: Workstation, open_browser: OpenBrowser, folder: Path, tmp_path: Path
) -> None:
    async with served(harbour, tmp_path / "data") as url, open_browser(size=PHONE) as phone:
        camera = Camera(phone, folder, "phone")
        await phone.open(url)
        await phone.has("pair-code")
        await camera.take("pair")
        await met(phone, harbour, bench)
        await camera.take("now")
        for tab, name in (("sessions", "sessions"), ("devices", "workstations"), ("settings", "settings")):
            await phone.tap(tab)
            await camera.take(name)
        for path, name, sign in (
            ("/new", "new-session", "prompt"),
            (f"/w/{bench.id}/s/s1", "session", "composer"),
            (f"/w/{bench.id}/s/s2", "session-command", "allow-once"),
            (f"/w/{bench.id}/s/s1/review", "review", "file:0"),
            (f"/w/{bench.id}/p/webshop/files", "files", "path:app.py"),
            (f"/w/{bench.id}/p/webshop/files?path=app.py", "file", "copy-file"),
            (f"/w/{bench.id}", "workstation", "files"),
            (f"/w/{bench.id}/s/s4", "session-empty", "composer"),
        ):
            await phone.go(path)
            await phone.has(sign)
            await camera.take(name)
        await phone.go(f"/w/{bench.id}/doctor")
        await phone.has("check:model")
        await camera.take("doctor")
        await harbour.publish(bench, *Scene().interrupted())
        await phone.go(f"/w/{bench.id}/s/s4")
        await phone.has("resend:m2")
        await camera.take("session-interrupted")
        await harbour.presence(bench, online=False)
        await phone.go(f"/w/{bench.id}/s/s1")
        await phone.has("offline-line")
        await camera.take("session-offline")
        await phone.go(f"/w/{bench.id}/doctor")
        await phone.has("check:agentd")
        await camera.take("doctor-offline")


async def test_a_session_after_an_absence(
    harbour: Harbour,
    bench: Workstation,
    open_browser: OpenBrowser,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The app runs in this process: whoever was gone for a moment was away.
    monkeypatch.setattr(digest, "ABSENCE_MS", 0)
    for value in Scene().notes(1, 6, 30):
        bench.write(value)
    async with served(harbour, tmp_path / "data") as url, open_browser(size=PHONE, still=False) as phone:
        camera = Camera(phone, folder, "phone")
        await phone.open(url)
        await met(phone, harbour, bench)
        await phone.open(f"{url}/w/{bench.id}/s/s5")
        await phone.sees("Release 6")
        await phone.tap("back")
        await phone.has("sessions-search")
        # The screen goes back before the app hears of it, and what comes until then was seen.
        await harbour.until(lambda: not any(reader.focus.focus for reader in harbour.readers))
        await harbour.publish(bench, *Scene().notes(7, 12, 0), *Scene().settled())
        await phone.open(f"{url}/w/{bench.id}/s/s5")
        await phone.has("digest")
        await camera.take("session-digest")
        await phone.tap("digest-jump")
        await phone.lacks("digest")
        # Whoever jumps stands at the first news, not at the end and not somewhere between.
        await phone.sees("Write the notes for release 7.")
        await camera.take("session-first-new")


async def test_two_panes_of_a_desktop(
    harbour: Harbour, bench: Workstation, open_browser: OpenBrowser, folder: Path, tmp_path: Path
) -> None:
    async with served(harbour, tmp_path / "data") as url, open_browser(size=DESKTOP) as desktop:
        camera = Camera(desktop, folder, "desktop")
        await desktop.open(url)
        await met(desktop, harbour, bench)
        await camera.take("now")
        await desktop.open(f"{url}/w/{bench.id}/s/s1")
        await desktop.has("composer")
        await desktop.has("session:s4")
        await camera.take("session")
