"""Whatever page shows something of a workstation says why that may be old, or that the workstation is away."""

import pytest

from app_flet.device import Device
from app_flet.glance import OfflineLine, offline
from halyard_client.halyard.link import v1 as link
from tests.app_flet.harbour import Harbour
from tests.app_flet.harness import staged
from tests.app_flet.test_link import level, linked, until
from tests.app_flet.workstation import Workstation

OF_ONE = ("/w/{w}", "/w/{w}/doctor", "/w/{w}/s/s1", "/w/{w}/s/nowhere", "/w/{w}/s/s1/review", "/w/{w}/p/webshop/files")
OF_ALL = ("/", "/sessions", "/workstations", "/new")


@pytest.mark.parametrize("page", [*OF_ONE, *OF_ALL])
async def test_every_page_says_once_what_the_relay_does_to_what_it_shows(
    paired: Device, harbour: Harbour, bench: Workstation, page: str
) -> None:
    async with staged(paired, page.format(w=bench.id), served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: level(bench)(paired.model))
        assert "log-warning" not in stage.ids()
        older = link.CaughtUp(workstation_id=bench.id, cursor=link.Cursor(log_epoch=bench.log.head.epoch, seq=1))
        await harbour.broadcast(bench, link.AttachAppResponse(caught_up=older))
        await stage.until(lambda: "log-warning" in stage.ids())
        assert stage.ids().count("log-warning") == 1
        assert "The relay shows an older copy than before." in stage.text()


@pytest.mark.parametrize("page", OF_ONE)
async def test_a_relay_that_says_nothing_but_that_the_workstation_is_away_leaves_no_page_without_a_line(
    paired: Device, harbour: Harbour, bench: Workstation, page: str
) -> None:
    async with linked(paired):
        await until(paired, level(bench))
    bench.online, harbour.hands_out_nothing = False, True
    async with staged(paired, page.format(w=bench.id), served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "offline-line" in stage.ids() and "bench is offline" in stage.text())
        assert not level(bench)(paired.model)


async def test_a_workstation_that_is_there_does_not_seem_away_while_the_link_begins(
    paired: Device, bench: Workstation
) -> None:
    seen = list[OfflineLine | None]()
    unlisten = paired.listen(lambda: seen.append(offline(paired.model, bench.id)))
    async with linked(paired):
        await until(paired, level(bench))
    unlisten()
    assert {line.text for line in seen if line is not None} == {"connecting", "offline"}
    assert None in seen
