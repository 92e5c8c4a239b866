"""Whatever can be tapped, typed into or chosen has a test id, on every page: tests and screen readers find it so."""

from collections.abc import Iterator

import flet as ft
import pytest
from flet.controls.base_control import BaseControl

from app_flet.device import Device
from halyard_client.halyard.agent import v1
from tests.app_flet.harbour import Harbour
from tests.app_flet.harness import DESKTOP, PHONE, Stage, staged
from tests.app_flet.scenes import PATCH, Scene
from tests.app_flet.workstation import Workstation

HANDLERS = ("on_click", "on_change", "on_select", "on_submit", "on_tap", "on_long_press", "action")


def answer(method: str, _request: bytes) -> bytes:
    diff = v1.FileDiff(path="app.py", patch=PATCH, additions=8, deletions=4, change=v1.FileChange.MODIFIED)
    answers = {
        "Diagnose": v1.DiagnoseResponse(checks=[v1.Check(id="disk", state=v1.CheckState.OK, message="5 GiB free")]),
        "GetDiff": v1.GetDiffResponse(diffs=[diff]),
        "ListFiles": v1.ListFilesResponse(entries=[v1.FileEntry(path="app.py", size_bytes=9)]),
        "ReadFile": v1.ReadFileResponse(content=b"app = 1\n", size_bytes=8),
    }
    return bytes(answers[method.rpartition("/")[2]])


def answering(stage: Stage) -> Iterator[tuple[str, bool]]:
    """Controls that answer to a person, and whether each can be found by a test id."""
    for control, around in stage.nested():
        if any(getattr(control, name, None) is not None for name in HANDLERS):
            yield f"{type(control).__name__}({getattr(control, 'content', None)!r})", _is_named(control, around)


def _is_named(control: BaseControl, around: tuple[BaseControl, ...]) -> bool:
    # An entry of a menu is named by what it shows: nothing can stand between it and its menu.
    inside = control.content if isinstance(control, ft.PopupMenuItem) else None
    return any(isinstance(one, ft.Semantics) and one.identifier for one in (*around, inside))


@pytest.fixture
def bench(bench: Workstation) -> Workstation:
    bench.answer = answer
    for value in Scene().interrupted():
        bench.write(value)
    return bench


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize(
    ("page", "sign", "taps"),
    [
        ("/", "decision:e1", ()),
        ("/sessions", "session:s1", ()),
        ("/new", "prompt", ()),
        ("/workstations", "workstation:{w}", ()),
        ("/settings", "theme", ()),
        ("/pair", "pair-code", ()),
        ("/w/{w}", "files", ("device:{d}",)),
        ("/w/{w}/doctor", "check:disk", ()),
        ("/w/{w}/s/s1", "decision:e1", ("thinking", "tool:bash", "todos")),
        ("/w/{w}/s/s2", "decision:c1", ()),
        ("/w/{w}/s/s4", "resend:m2", ()),
        ("/w/{w}/s/nowhere", "session-back", ()),
        ("/w/{w}/s/s1/review", "file:0", ()),
        ("/w/{w}/p/webshop/files", "path:app.py", ()),
        ("/w/{w}/p/webshop/files?path=app.py", "copy-file", ()),
    ],
)
async def test_everything_that_answers_has_a_name(
    paired: Device,
    harbour: Harbour,
    bench: Workstation,
    size: tuple[int, int],
    page: str,
    sign: str,
    taps: tuple[str, ...],
) -> None:
    names = {"w": bench.id, "d": paired.identity.device_id}
    address = page.format(**names)
    async with staged(paired, address, size=size, served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: sign.format(**names) in stage.ids())
        for tap in taps:
            await stage.until(lambda tap=tap: tap.format(**names) in stage.ids())  # type: ignore[misc]
            await stage.tap(tap.format(**names))
        found = list(answering(stage))
        assert len(found) > 1
        assert [control for control, is_named in found if not is_named] == []


async def test_files_are_reached_from_the_session(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    async with staged(paired, f"/w/{bench.id}/s/s1", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "files" in stage.ids())
        (entry,) = (
            one
            for one in stage.all(ft.PopupMenuItem)
            if isinstance(one.content, ft.Semantics) and one.content.identifier == "files"
        )
        await stage.session.dispatch_event(entry._i, "click", None)
        await stage.until(lambda: "path:app.py" in stage.ids())
