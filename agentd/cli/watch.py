"""`agentd watch`: follows the log in a terminal; with --json, every record and hint as one line."""

from agentd.cli.options import Options
from agentd.cli.outcome import Exit
from agentd.cli.printing import as_json, one_line, print_json, short_id, word
from agentd.cli.profile import daemon, session_name
from halyard.agent.v1 import agent_service_pb2 as service
from halyard.agent.v1 import decision_pb2 as decision
from halyard.agent.v1 import resource_pb2 as resource
from halyard.agent.v1 import session_pb2 as session


async def run(options: Options) -> Exit:
    """Prints what is and what comes, until Ctrl+C or until agentd stops."""
    async with daemon(options) as agentd:
        named = await session_name(agentd, options.session) if options.session else ""
        request = service.WatchRequest(session=named, include_deltas=options.json, only_new=options.only_new)
        async for event in agentd.agents.Watch(request):
            if options.json:
                print_json(as_json(event))
            elif event.HasField("resource") and (line := describe(event.resource)):
                print(line, flush=True)
    return Exit.OK


def describe(value: resource.Resource) -> str:
    """Returns what happened as one line, "" for what a person need not see."""
    text = _describe(value)
    where = short_id(value.name.split("/messages/")[0].split("/permissions/")[0].split("/questions/")[0])
    return f"{where}  {text}" if text else ""


def _describe(value: resource.Resource) -> str:
    match value.WhichOneof("value"):
        case "session":
            state = word(session.SessionState.Name(value.session.state))
            detail = f" ({value.session.state_detail})" if value.session.state_detail else ""
            return f"session {state}{detail}: {one_line(value.session.title or 'untitled')}"
        case "part":
            return describe_part(value.part)
        case "permission":
            return f"permission {_settled(value.permission)}: {one_line(value.permission.title)}"
        case "question":
            asked = "; ".join(prompt.text for prompt in value.question.prompts)
            return f"question {_settled(value.question)}: {one_line(asked)}"
        case "message" if value.message.error:
            return f"error: {one_line(value.message.error)}"
        case "deleted":
            return f"{value.name} deleted"
        case _:
            return ""


def describe_part(part: session.Part) -> str:
    """Returns a closed part as one line; "" while it is still being written."""
    if part.state == session.PART_STATE_OPEN and part.WhichOneof("content") != "tool_call":
        return ""
    match part.WhichOneof("content"):
        case "text":
            return one_line(part.text.text)
        case "tool_call":
            call = part.tool_call
            what = one_line(call.command or call.path or call.title)
            return f"{call.tool} {word(session.ToolState.Name(call.state))}: {what}"
        case "notice":
            return one_line(part.notice.text)
        case _:
            return ""


def _settled(asked: decision.Permission | decision.Question) -> str:
    state = word(decision.DecisionState.Name(asked.state))
    by = f" by {asked.decision.decided_by}" if asked.decision.decided_by else ""
    return f"{short_id(asked.name)} {state}{by}"
