"""`agentd status`: what runs, and how it is."""

from agentd import config
from agentd.cli.options import Options
from agentd.cli.outcome import Exit
from agentd.cli.printing import ago, as_json, now, print_json, word
from agentd.cli.profile import daemon
from halyard.agent.v1 import workstation_pb2 as workstation
from halyard.agent.v1 import workstation_service_pb2 as service


async def run(options: Options) -> Exit:
    """Prints the state of the workstation, its link and its agents."""
    async with daemon(options) as agentd:
        status = await agentd.workstation.GetStatus(service.GetStatusRequest())
    if options.json:
        # For other tools: `grpcurl -unix`, `buf curl --unix-socket`.
        print_json({**as_json(status), "socket": str(config.load(options.profile).socket_path)})
    else:
        print("\n".join(lines(status)))
    return Exit.OK


def lines(status: service.GetStatusResponse) -> list[str]:
    """Returns the status as a person reads it."""
    link = service.LinkState.Name(status.link_state).removeprefix("LINK_STATE_").lower()
    behind = status.head_seq - status.stored_through
    told = [
        f"{workstation_line(status)}, started {ago(status.workstation.start_time, now())}",
        f"relay    {status.relay_origin or 'none'}: {link}"
        + (f" ({status.link_detail})" if status.link_detail else ""),
        f"log      {status.head_seq} written, "
        + ("all of it at the relay" if behind <= 0 else f"{behind} on the way to the relay"),
        f"devices  {status.devices} paired, {status.apps_watching} following right now",
        *(_agent(item) for item in status.workstation.agents),
    ]
    if status.store_detail:
        told.append(f"store    {status.store_detail}")
    if status.app_url:
        told.append(f"app      {status.app_url}")
    if status.workstation.demo_model:
        told.append("The scripted demo model answers: configure a provider with `opencode auth login` for a real one.")
    return told


def workstation_line(status: service.GetStatusResponse) -> str:
    """Returns which agentd this is."""
    return f"{status.workstation.display_name}: agentd {status.workstation.version}, pid {status.pid}"


def _agent(agent: workstation.Agent) -> str:
    detail = f" ({agent.state_detail})" if agent.state_detail else ""
    model = f", model {agent.default_model}" if agent.default_model else ""
    state = word(workstation.AgentState.Name(agent.state))
    return f"agent    {agent.display_name} {agent.version}: {state}{detail}{model}"
