from datetime import timedelta

import flet as ft
import pytest

from app_flet import events
from app_flet.device import Device
from app_flet.model import LinkState
from halyard_client.halyard.agent import v1
from tests.app_flet.harbour import Harbour
from tests.app_flet.harness import Stage, staged
from tests.app_flet.workstation import Workstation, refusal
from tests.fakes.leaks import LEAK, leaked

CHECKS = [
    v1.Check(id="disk", state=v1.CheckState.WARNING, message="Nearly full: 900 MiB free.", advice="Make room."),
    v1.Check(id="relay", state=v1.CheckState.OK, message="it answers", duration=timedelta(milliseconds=7)),
    v1.Check(id="push", state=v1.CheckState.SKIPPED, message="This release wakes no phones yet."),
]


def answers(method: str, _request: bytes) -> bytes:
    assert method.endswith("/Diagnose")
    return bytes(v1.DiagnoseResponse(checks=CHECKS))


def copied(stage: Stage) -> str:
    """What the copy button would put into the clipboard."""
    (button,) = (one for one in stage.all(ft.IconButton) if isinstance(one.action, ft.CopyToClipboard))
    assert isinstance(button.action, ft.CopyToClipboard)
    return str(button.action.data)


async def test_both_sides_of_the_way_are_examined(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    bench.answer = answers
    async with staged(paired, f"/w/{bench.id}", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "OpenCode 1.18.33" in stage.text())
        await stage.tap("doctor")
        await stage.until(lambda: "check:disk" in stage.ids())
        for check in ("app", "clock", "replica", "calls", "agentd", "disk", "relay", "push"):
            assert f"check:{check}" in stage.ids()
        assert "ms there and back" in stage.text()
        assert "Make room." in stage.text()
        assert "It works, and something deserves a look: disk" in stage.text()
        report = copied(stage)
        assert "look  disk     Nearly full" in report
        assert f"linked to {harbour.origin}" in report
        await stage.tap("back")
        assert "Agents" in stage.text()


async def test_it_asks_again_when_told(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    bench.answer = answers
    async with staged(paired, f"/w/{bench.id}/doctor", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "check:disk" in stage.ids())
        await stage.tap("doctor-again")
        await stage.until(lambda: len(bench.calls) == 2)
        await stage.until(lambda: "check:disk" in stage.ids())


async def test_a_workstation_that_is_away_is_not_asked(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    bench.online = False
    async with staged(paired, f"/w/{bench.id}/doctor", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "bench is offline" in stage.text() and "ms there and back" in stage.text())
        assert "start agentd there" in stage.text()
        assert "cannot be asked while it is away" in stage.text()
        assert bench.calls == []
        bench.answer = answers
        await harbour.presence(bench, online=True)
        await stage.until(lambda: "check:disk" in stage.ids())


async def test_without_a_network_this_devices_side_is_told(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    async with staged(paired, served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "decision:e1" in stage.ids())
    async with staged(paired, f"/w/{bench.id}/doctor", served_by=harbour.origin) as stage:
        assert "Check this device's network" in stage.text()
        assert "what is shown is as of" in stage.text()
        assert "Something does not work: app" in stage.text()
        assert "not asked" in copied(stage)


@pytest.mark.parametrize("state", [LinkState.OFFLINE, LinkState.REFUSED])
async def test_the_relays_own_words_bring_no_secret_into_a_report(
    paired: Device, harbour: Harbour, bench: Workstation, state: LinkState
) -> None:
    paired.happened([events.LinkChanged(harbour.origin, state, paired.now_ms(), LEAK)])
    async with staged(paired, f"/w/{bench.id}/doctor", served_by=harbour.origin) as stage:
        for told in (stage.text(), copied(stage), *(str(one.label) for one in stage.all(ft.Semantics))):
            assert leaked(told) == []
        assert "Refused: Bearer [secret]" in stage.text(), "what is no secret is still told"
        assert "Refused: Bearer [secret]" in copied(stage)


async def test_an_older_workstation_says_that_it_cannot(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    bench.answer = lambda _method, _request: refusal(12, "UNSUPPORTED", "This release of agentd has no such method.")
    async with staged(paired, f"/w/{bench.id}/doctor", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "has no such method" in stage.text())
        bench.answer = answers
        await stage.tap("doctor-retry")
        await stage.until(lambda: "check:disk" in stage.ids())
