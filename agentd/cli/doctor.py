"""`agentd doctor`: asks the running agentd, or looks from outside while none runs, and prints what to do.

The examination itself is agentd/doctor.py.
"""

from collections.abc import Sequence

from agentd import clipboard, config, verdicts
from agentd.agents.agent import AgentUnavailableError
from agentd.agents.opencode.version import detect, require_supported
from agentd.cli.options import Options
from agentd.cli.outcome import CommandError, Exit
from agentd.cli.printing import as_json, now, print_json, word
from agentd.cli.profile import daemon
from agentd.cli.socket_client import is_listening
from agentd.doctor import Place, examine_from_outside, report
from agentd.errors import ConfigError
from agentd.opencode_binary import CHECKOUT, find
from agentd.workstation_record import RELEASE
from halyard.agent.v1 import workstation_service_pb2 as pb

DIAGNOSE_SECONDS = 30.0
_EXITS = {
    pb.CHECK_STATE_OK: Exit.OK,
    pb.CHECK_STATE_WARNING: Exit.WARNINGS,
    pb.CHECK_STATE_FAILED: Exit.FAILED,
}


async def run(options: Options) -> Exit:
    """Examines everything and prints one report without secrets."""
    told = await diagnose(options)
    level = verdicts.worst(told.checks)
    text = report(told, RELEASE)
    if options.json:
        print_json({"state": word(pb.CheckState.Name(level)), **as_json(told)})
    else:
        print(text, end="", flush=True)
    if options.copy:
        taken = await clipboard.put(text, config.environment())
        if not taken:
            message = "No clipboard is within reach (pbcopy, wl-copy, xclip); the report stands above."
            raise CommandError(Exit.MISSING, message)
    return _EXITS[level]


async def diagnose(options: Options) -> pb.DiagnoseResponse:
    """What the running agentd finds; without one, or with one that does not answer, what is seen from outside."""
    try:
        profile = config.load(options.profile)
        listening = is_listening(profile.socket_path)
    except ConfigError as error:
        return _told([verdicts.failed("config", str(error), "Then run `agentd doctor` again.")])
    place = Place(profile, config.environment())
    if not listening:
        no_daemon = "agentd is not running for this profile."
        return await _from_outside(place, options, no_daemon, "Start it with `agentd up`.")
    try:
        async with daemon(options) as agentd:
            return await agentd.workstation.Diagnose(pb.DiagnoseRequest(), timeout=DIAGNOSE_SECONDS)
    except CommandError as error:
        advice = "Stop it with `agentd stop`, or end its process, and start it again."
        return await _from_outside(place, options, f"agentd runs and does not answer: {error.message}", advice)


async def _from_outside(place: Place, options: Options, problem: str, advice: str) -> pb.DiagnoseResponse:
    meanwhile = [verdicts.failed("daemon", problem, advice), await _opencode(options, place)]
    return _told(await examine_from_outside(place, meanwhile))


def _told(checks: Sequence[pb.Check]) -> pb.DiagnoseResponse:
    told = pb.DiagnoseResponse(checks=checks)
    told.diagnose_time.FromDatetime(now())
    return told


async def _opencode(options: Options, place: Place) -> pb.Check:
    try:
        binary = find(options.opencode, place.environment, CHECKOUT)
        version = await detect(binary, place.environment)
        require_supported(version)
    except (ConfigError, AgentUnavailableError) as error:
        return verdicts.failed("opencode", str(error), "Then run `agentd doctor` again.")
    return verdicts.ok("opencode", f"{version.text} ({binary})")
