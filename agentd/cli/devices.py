"""`agentd devices`: which apps may direct this machine; revoke, rename, or give another role."""

from collections.abc import Sequence

from agentd.cli.options import Options
from agentd.cli.outcome import CommandError, Exit
from agentd.cli.printing import ago, as_json, now, print_json, print_table, short_id, word
from agentd.cli.profile import daemon
from agentd.cli.socket_client import Daemon
from halyard.agent.v1 import workstation_pb2 as workstation
from halyard.agent.v1 import workstation_service_pb2 as service

ROLES = {
    "operator": workstation.DEVICE_ROLE_OPERATOR,
    "approver": workstation.DEVICE_ROLE_APPROVER,
    "viewer": workstation.DEVICE_ROLE_VIEWER,
}


async def run(options: Options) -> Exit:
    """Lists the devices or changes one."""
    async with daemon(options) as agentd:
        devices = (await agentd.workstation.ListDevices(service.ListDevicesRequest())).devices
        if options.action == "list":
            _print_devices(devices, as_lines=not options.json)
        else:
            await _change(agentd, find(devices, options.device), options)
    return Exit.OK


def find(devices: Sequence[workstation.Device], typed: str) -> workstation.Device:
    """Returns the device with this name, or whose id begins so; CommandError when it is none or not just one."""
    if not typed:
        raise CommandError(
            Exit.USAGE, "Say which app is meant: its name or the beginning of its id, as `agentd devices` shows them."
        )
    same_name = [device for device in devices if device.display_name == typed]
    found = same_name or [device for device in devices if short_id(device.name).startswith(typed)]
    if not found:
        raise CommandError(Exit.NOT_FOUND, f"No paired app is called {typed!r}. `agentd devices` lists them.")
    if len(found) > 1:
        ids = ", ".join(short_id(device.name)[:8] for device in found)
        raise CommandError(
            Exit.NOT_FOUND, f"{len(found)} apps answer to {typed!r}. Name one by the beginning of its id: {ids}."
        )
    return found[0]


async def _change(agentd: Daemon, device: workstation.Device, options: Options) -> None:
    match options.action:
        case "revoke":
            await agentd.workstation.RevokeDevice(service.RevokeDeviceRequest(device=device.name))
            said = f"{device.display_name} is out: its link is closed, and new keys are drawn for the others."
        case "rename":
            renaming = service.RenameDeviceRequest(device=device.name, display_name=_value(options, "the new name"))
            device = (await agentd.workstation.RenameDevice(renaming)).device
            said = f"It is called {device.display_name} now."
        case _:
            role = ROLES.get(_value(options, "the new role"))
            if role is None:
                raise CommandError(Exit.USAGE, f"{options.value!r} is not a role. Use {', '.join(ROLES)}.")
            promotion = service.SetDeviceRoleRequest(device=device.name, role=role)
            device = (await agentd.workstation.SetDeviceRole(promotion)).device
            said = f"{device.display_name} is {_role(device)} now."
    if options.json:
        print_json({"device": as_json(device)})
    else:
        print(said)


def _value(options: Options, what: str) -> str:
    if not options.value:
        raise CommandError(Exit.USAGE, f"Say {what}: agentd devices {options.action} NAME NEW")
    return options.value


def _role(device: workstation.Device) -> str:
    return word(workstation.DeviceRole.Name(device.role))


def _print_devices(devices: Sequence[workstation.Device], *, as_lines: bool) -> None:
    if not as_lines:
        print_json({"devices": [as_json(device) for device in devices]})
    elif not devices:
        print("No app is paired. `agentd pair` lets one in.")
    else:
        rows = (
            (
                d.display_name,
                _role(d),
                d.platform,
                ago(d.pair_time, now()),
                ago(d.last_call_time, now()),
                short_id(d.name),
            )
            for d in devices
        )
        print_table(rows, ("NAME", "ROLE", "PLATFORM", "PAIRED", "LAST CALL", "ID"))
