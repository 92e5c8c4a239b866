"""`agentd whoami`: who this machine is. Reads files only, so it answers at once and without a running agentd."""

import json
import sys

from agentd import config, identity_file
from agentd.cli.options import Options
from agentd.cli.outcome import CommandError, Exit


def run(options: Options) -> Exit:
    """Prints the identity of the profile."""
    profile = config.load(options.profile)
    try:
        identity = identity_file.load(profile.key_path)
    except FileNotFoundError as error:
        raise CommandError(Exit.NOT_FOUND, "This machine has no identity yet. `agentd up` draws one.") from error
    who = {
        "display_name": profile.display_name,
        "device_id": identity.device_id,
        "fingerprint": identity.public.fingerprint,
        "profile": profile.profile,
        "relay_origin": profile.relay.origin if profile.relay else "",
        "state_dir": str(profile.state_dir),
    }
    sys.stdout.write(json.dumps(who) + "\n" if options.json else _lines(who))
    return Exit.OK


def _lines(who: dict[str, str]) -> str:
    relay = who["relay_origin"] or "none chosen; `agentd up` brings its own"
    return (
        f"{who['display_name']}\n"
        f"  fingerprint  {who['fingerprint']}\n"
        f"  id           {who['device_id']}\n"
        f"  profile      {who['profile']} ({who['state_dir']})\n"
        f"  relay        {relay}\n"
    )
