"""`agentd approve`: lists what agents wait for, and decides. agentd refuses unless started with --local-decisions."""

from collections.abc import Sequence

from agentd.cli.options import Options
from agentd.cli.outcome import CommandError, Exit
from agentd.cli.printing import as_json, one_line, print_json, print_table, short_id, word
from agentd.cli.profile import daemon
from agentd.cli.socket_client import Daemon
from halyard.agent.v1 import agent_service_pb2 as service
from halyard.agent.v1 import decision_pb2 as decision

OUTCOMES = {
    "once": decision.DECISION_STATE_ALLOWED_ONCE,
    "always": decision.DECISION_STATE_ALLOWED_ALWAYS,
    "deny": decision.DECISION_STATE_DENIED,
}


async def run(options: Options) -> Exit:
    """Lists what waits, or decides the one that is named."""
    async with daemon(options) as agentd:
        asked = await _asked(agentd)
        if options.permission:
            await _decide(agentd, find(asked, options.permission), options)
        else:
            waiting = [item for item in asked if item.state == decision.DECISION_STATE_PENDING]
            _print_waiting(waiting, as_lines=not options.json)
    return Exit.OK


async def _asked(agentd: Daemon) -> list[decision.Permission]:
    # The log tells all of them at once; asking session by session would miss those of subagents.
    asked: list[decision.Permission] = []
    stream = agentd.agents.Watch(service.WatchRequest())
    async for event in stream:
        if event.HasField("caught_up"):
            break
        if event.resource.HasField("permission"):
            asked.append(event.resource.permission)
    stream.cancel()
    return asked


def find(asked: Sequence[decision.Permission], typed: str) -> str:
    """Returns the name of what was typed, which may be the beginning of an id; CommandError unless it is just one.

    What waits comes first. What was settled is named too: agentd knows by whom, and says so.
    """
    if "/" in typed:
        return typed
    named = [item for item in asked if short_id(item.name).startswith(typed)]
    found = [item for item in named if item.state == decision.DECISION_STATE_PENDING] or named
    if len(found) != 1:
        how_many = "Nothing that waits has" if not found else "More than one has"
        raise CommandError(
            Exit.NOT_FOUND, f"{how_many} an id that begins with {typed!r}. `agentd approve` lists what waits."
        )
    return found[0].name


async def _decide(agentd: Daemon, name: str, options: Options) -> None:
    outcome = OUTCOMES[options.decision]
    request = service.DecideRequest(permission=name, outcome=outcome, message=options.message)
    decided = (await agentd.agents.Decide(request)).permission
    if options.json:
        print_json({"permission": as_json(decided)})
    else:
        print(f"{word(decision.DecisionState.Name(decided.state)).capitalize()}: {one_line(decided.title)}")


def _print_waiting(waiting: Sequence[decision.Permission], *, as_lines: bool) -> None:
    if not as_lines:
        print_json({"permissions": [as_json(item) for item in waiting]})
    elif not waiting:
        print("No agent waits for a decision.")
    else:
        rows = ((short_id(item.name), item.action, one_line(item.command or item.title)) for item in waiting)
        print_table(rows, ("ID", "WHAT", "EXACTLY"))
