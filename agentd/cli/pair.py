"""`agentd pair`: shows a code and a QR, tells how it goes, and ends once an app is in."""

import io

import segno

from agentd.cli.devices import ROLES
from agentd.cli.options import Options
from agentd.cli.outcome import CommandError, Exit
from agentd.cli.printing import as_json, print_json, short_id, word
from agentd.cli.profile import daemon
from halyard.agent.v1 import workstation_pb2 as workstation
from halyard.agent.v1 import workstation_service_pb2 as service


async def run(options: Options) -> Exit:
    """Opens a pairing and prints each step of it."""
    async with daemon(options) as agentd:
        async for step in agentd.workstation.Pair(service.PairRequest(role=ROLES[options.role])):
            if options.json:
                print_json(as_json(step))
            else:
                print(describe(step), flush=True)
            if step.HasField("paired"):
                return Exit.OK
    raise CommandError(Exit.FAILED, "Pairing ended before an app was in. Run `agentd pair` again for a new code.")


def describe(step: service.PairResponse) -> str:
    """Returns one step of a pairing as a person reads it."""
    match step.WhichOneof("event"):
        case "code":
            return invitation(step.code)
        case "joined":
            return "Somebody entered the code; both sides prove that they know it …"
        case "paired":
            role = word(workstation.DeviceRole.Name(step.paired.role))
            revoke = f"agentd devices revoke {short_id(step.paired.name)[:8]}"
            return f"Paired: {step.paired.display_name} ({role}). Not yours? `{revoke}`"
        case "burnt":
            return f"That code is used up: {step.burnt.reason}"
        case _:
            return "agentd tells a step that this release of the command does not know; update it."


def invitation(code: service.PairingCode) -> str:
    """Returns the QR, the link and the code, ready for a terminal."""
    return f"{qr(code.url)}\n  {code.url}\n\n  or type this code in the app:  {code.code}   (one use, five minutes)\n"


def qr(url: str) -> str:
    """Returns a QR of `url` in half-block characters, two rows of dots to a line."""
    drawn = io.StringIO()
    segno.make(url, error="l").terminal(out=drawn, compact=True)
    return drawn.getvalue()
