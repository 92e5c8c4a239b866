"""Whatever page shows something of a workstation says why that may be old."""

import pytest

from app_flet.device import Device
from halyard_client.halyard.link import v1 as link
from tests.app_flet.harbour import Harbour, Workstation
from tests.app_flet.harness import staged
from tests.app_flet.test_link import level

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
