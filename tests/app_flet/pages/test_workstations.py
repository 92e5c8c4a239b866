from app_flet.device import Device
from halyard_client.halyard.agent import v1
from tests.app_flet.harbour import Harbour
from tests.app_flet.harness import staged
from tests.app_flet.workstation import Workstation, resource

OTHER = "devices/abcdefghijklmnopqrstuvwxyz"


async def with_another(harbour: Harbour, bench: Workstation) -> None:
    other = v1.Device(name=OTHER, display_name="Old phone", platform="android", role=v1.DeviceRole.OPERATOR)
    await harbour.publish(bench, resource(OTHER, device=other))


async def test_a_device_is_renamed_and_revoked_after_asking_twice(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    bench.answer = lambda _method, _request: b""
    async with staged(paired, f"/w/{bench.id}", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "Agents" in stage.text() and "OpenCode 1.18.33" in stage.text())
        await with_another(harbour, bench)
        await stage.until(lambda: "Old phone" in stage.text())
        await stage.tap("device:abcdefghijklmnopqrstuvwxyz")
        await stage.type("device-name", "Drawer phone")
        await stage.tap("device-rename")
        await stage.until(lambda: len(bench.calls) == 1)
        await stage.tap("device-revoke")
        assert len(bench.calls) == 1
        assert stage.says("device-revoke") == "Revoke for good?"
        await stage.tap("device-revoke")
        await stage.until(lambda: len(bench.calls) == 2)
    rename, revoke = (request for _, request in bench.calls)
    assert v1.RenameDeviceRequest.parse(rename).display_name == "Drawer phone"
    assert v1.RevokeDeviceRequest.parse(revoke).device == OTHER


async def test_the_list_leads_to_pairing_another(paired: Device, harbour: Harbour) -> None:
    async with staged(paired, "/workstations", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "bench" in stage.text())
        await stage.tap("pair")
        assert "pair-code" in stage.ids()
        await stage.tap("back")
        assert "pair-code" not in stage.ids()


async def test_forgetting_a_workstation_takes_everything_of_it_off_this_device(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    async with staged(paired, f"/w/{bench.id}", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "OpenCode 1.18.33" in stage.text())
        await stage.tap("workstation-forget")
        assert list(paired.followings) == [bench.id]
        await stage.tap("workstation-forget")
        assert list(paired.followings) == []
        assert "pair-code" in stage.ids()
    assert paired.store.seqs(bench.id) == []
