from app_flet.device import Device
from tests.app_flet.harbour import Harbour
from tests.app_flet.harness import staged
from tests.app_flet.workstation import Workstation


async def test_a_code_pairs_and_leads_to_now(device: Device, harbour: Harbour, bench: Workstation) -> None:
    async with staged(device, served_by=harbour.origin, linked=True) as stage:
        assert "pair-code" in stage.ids()
        code, _ = harbour.invite(bench)
        await stage.type("pair-code", code)
        await stage.tap("pair-submit")
        await stage.until(lambda: "decision:e1" in stage.ids())
        assert stage.session.page.route == "/"


async def test_the_link_that_brought_the_person_here_pairs_by_itself(
    device: Device, harbour: Harbour, bench: Workstation
) -> None:
    _, link = harbour.invite(bench)
    secret = str(link).rpartition("#")[2]
    async with staged(device, "/pair", served_by=harbour.origin, linked=True, pairing_secret=secret) as stage:
        await stage.until(lambda: "decision:e1" in stage.ids())


async def test_a_wrong_code_says_what_to_do(device: Device, harbour: Harbour, bench: Workstation) -> None:
    async with staged(device, served_by=harbour.origin) as stage:
        code, _ = harbour.invite(bench)
        await stage.type("pair-code", code[:-1] + str((int(code[-1]) + 1) % 10))
        await stage.tap("pair-submit")
        await stage.until(lambda: "pair-problem" in stage.ids())
        assert "codes do not match" in stage.text()
        assert not device.is_paired


async def test_an_unknown_code_says_what_to_do(device: Device, harbour: Harbour) -> None:
    async with staged(device, served_by=harbour.origin) as stage:
        await stage.type("pair-code", "9-123456")
        await stage.tap("pair-submit")
        await stage.until(lambda: "agentd pair" in stage.text().partition("No workstation")[2])


async def test_nonsense_is_told_from_a_code_before_anything_is_sent(device: Device, harbour: Harbour) -> None:
    async with staged(device, served_by=harbour.origin) as stage:
        await stage.type("pair-code", "hello")
        await stage.tap("pair-submit")
        await stage.until(lambda: "looks like 7-482913" in stage.text())


async def test_a_native_app_asks_where_the_relay_is(device: Device, harbour: Harbour, bench: Workstation) -> None:
    async with staged(device, served_by="") as stage:
        code, _ = harbour.invite(bench)
        await stage.type("pair-code", code)
        await stage.tap("pair-submit")
        await stage.until(lambda: "needs the address of its relay" in stage.text())
        await stage.type("pair-relay", harbour.origin)
        await stage.tap("pair-submit")
        await stage.until(lambda: device.is_paired)


async def test_a_relay_that_is_not_there_is_named(device: Device) -> None:
    async with staged(device, served_by="http://127.0.0.1:1") as stage:
        await stage.type("pair-code", "7-123456")
        await stage.tap("pair-submit")
        await stage.until(lambda: "cannot be reached" in stage.text())
