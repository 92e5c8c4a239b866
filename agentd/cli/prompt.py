"""`agentd prompt`: says something to an agent and prints what it answers, while it answers."""

import sys
from collections.abc import AsyncIterable

from agentd.cli.answer import Noted, Said, Turn
from agentd.cli.options import Options
from agentd.cli.outcome import CommandError, Exit
from agentd.cli.printing import print_json
from agentd.cli.profile import daemon, session_name, workspace
from agentd.cli.socket_client import CALL_SECONDS, Daemon
from halyard.agent.v1 import agent_service_pb2 as service
from halyard.agent.v1 import session_pb2 as session


async def run(options: Options) -> Exit:
    """Sends the prompt; unless told not to wait, prints the turn and ends with it."""
    text = sys.stdin.read() if options.text == "-" else options.text
    if not text.strip():
        raise CommandError(Exit.USAGE, "There is nothing to say: the prompt is empty.")
    async with daemon(options) as agentd:
        if not options.wait:
            turn = await _send(agentd, text, options)
        else:
            # Followed from before the prompt, so that a quick answer cannot be missed.
            events = agentd.agents.Watch(service.WatchRequest(include_deltas=True, only_new=True))
            await _caught_up(events)
            turn = await _send(agentd, text, options)
            await _print_turn(turn, events, quiet=options.json)
    _print_outcome(turn, options)
    return Exit.FAILED if options.wait and turn.failed else Exit.OK


async def _caught_up(events: AsyncIterable[service.WatchResponse]) -> None:
    async for event in events:
        if event.HasField("caught_up"):
            return


async def _send(agentd: Daemon, text: str, options: Options) -> Turn:
    added = await agentd.agents.AddProject(service.AddProjectRequest(path=str(workspace(options))))
    name = await _chosen_session(agentd, added.project.name, options)
    if name:
        request = service.PromptRequest(session=name, text=text, model=options.model, mode=options.mode)
        return Turn(name, (await agentd.agents.Prompt(request, timeout=CALL_SECONDS)).message)
    start = service.StartSessionRequest(project=added.project.name, prompt=text, model=options.model, mode=options.mode)
    started = await agentd.agents.StartSession(start, timeout=CALL_SECONDS)
    return Turn(started.session.name, started.message)


async def _chosen_session(agentd: Daemon, project: str, options: Options) -> str:
    """Returns the session that is meant, "" for a new one."""
    if options.session:
        return await session_name(agentd, options.session)
    if options.new:
        return ""
    newest = await agentd.agents.ListSessions(service.ListSessionsRequest(project=project, page_size=1))
    return newest.sessions[0].name if newest.sessions else ""


async def _print_turn(turn: Turn, events: AsyncIterable[service.WatchResponse], *, quiet: bool) -> None:
    async for event in events:
        for output in turn.take(event):
            match output:
                case Said(text) if not quiet:
                    sys.stdout.write(text)
                    sys.stdout.flush()
                case Noted(line):
                    sys.stderr.write(f"· {line}\n")
        if turn.ended:
            return
    raise CommandError(
        Exit.UNAVAILABLE, "agentd stopped before the turn ended; the session is kept. See `agentd sessions`."
    )


def _print_outcome(turn: Turn, options: Options) -> None:
    if options.json:
        said = {"session": turn.session_name, "message": turn.message, "text": turn.text, "error": turn.error}
        print_json({**said, "state": session.SessionState.Name(turn.state)})
    elif not options.wait:
        print(f"{turn.session_name} has it.")
