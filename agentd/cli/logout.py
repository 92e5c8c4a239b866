"""`agentd logout`: takes everything back from every app and forgets this machine's identity, log and relay."""

import shutil
import sys

from agentd import config
from agentd.cli import stop
from agentd.cli.options import Options
from agentd.cli.outcome import CommandError, Exit
from agentd.cli.printing import print_json
from agentd.cli.profile import daemon
from agentd.cli.socket_client import is_listening
from halyard.agent.v1 import workstation_service_pb2 as service

# Everything but the sample project: what somebody worked on is not ours to delete.
KEPT = ("sample",)


async def run(options: Options) -> Exit:
    """Revokes, stops and deletes, after asking."""
    profile = config.load(options.profile)
    if not profile.state_dir.is_dir():
        raise CommandError(Exit.NOT_FOUND, f"There is nothing to forget: profile {profile.profile!r} was never used.")
    _confirm(options, profile)
    revoked = await _revoke_and_stop(options) if is_listening(profile.socket_path) else 0
    for entry in profile.state_dir.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            if entry.name not in KEPT:
                shutil.rmtree(entry)
        else:
            entry.unlink()
    if options.json:
        print_json({"profile": profile.profile, "revoked": revoked})
    else:
        print("Forgotten. Apps that were paired can no longer reach this machine; `agentd up` begins anew.")
    return Exit.OK


def _confirm(options: Options, profile: config.Config) -> None:
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise CommandError(Exit.USAGE, "This deletes this machine's keys and log. Add --yes where nobody can be asked.")
    answer = input(f"Forget the identity, the paired apps and the log in {profile.state_dir}? [y/N] ")
    if answer.strip().lower() not in ("y", "yes"):
        raise CommandError(Exit.FAILED, "Nothing was changed.")


async def _revoke_and_stop(options: Options) -> int:
    # First the apps, while there is still a link to tell the relay that they are out.
    async with daemon(options) as agentd:
        devices = (await agentd.workstation.ListDevices(service.ListDevicesRequest())).devices
        for device in devices:
            await agentd.workstation.RevokeDevice(service.RevokeDeviceRequest(device=device.name))
    await stop.stop(options)
    return len(devices)
