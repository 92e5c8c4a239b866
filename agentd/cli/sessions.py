"""`agentd sessions`: what the agents are at, newest first."""

from agentd.cli.options import Options
from agentd.cli.outcome import Exit
from agentd.cli.printing import ago, as_json, now, one_line, print_json, print_table, short_id, word
from agentd.cli.profile import daemon
from halyard.agent.v1 import agent_service_pb2 as service
from halyard.agent.v1 import session_pb2 as session


async def run(options: Options) -> Exit:
    """Prints the sessions."""
    request = service.ListSessionsRequest(include_archived=options.all, include_children=options.all, page_size=200)
    async with daemon(options) as agentd:
        sessions = (await agentd.agents.ListSessions(request)).sessions
        known = (await agentd.agents.ListProjects(service.ListProjectsRequest())).projects
    if options.json:
        print_json({"sessions": [as_json(item) for item in sessions]})
    elif not sessions:
        print("No sessions yet. Begin one with `agentd prompt TEXT`, or from the app.")
    else:
        names = {project.name: project.display_name for project in known}
        rows = ([*_columns(item), names.get(item.project, "")] for item in sessions)
        print_table(rows, ("ID", "STATE", "UPDATED", "TITLE", "PROJECT"))
    return Exit.OK


def _columns(item: session.Session) -> list[str]:
    state = word(session.SessionState.Name(item.state))
    return [short_id(item.name), state, ago(item.update_time, now()), one_line(item.title or "-", 60)]
