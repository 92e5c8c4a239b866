"""`agentd stop`: the same orderly end as Ctrl+C, from another shell. Returns once the process is gone."""

import asyncio

import psutil

from agentd.cli.options import Options
from agentd.cli.outcome import CommandError, Exit
from agentd.cli.printing import print_json
from agentd.cli.profile import daemon
from halyard.agent.v1 import workstation_service_pb2 as service

# The agent gets its own grace to finish what it is writing; see agentd/agents.
STOP_SECONDS = 30.0


async def run(options: Options) -> Exit:
    """Stops agentd and says so."""
    pid = await stop(options)
    if options.json:
        print_json({"stopped": pid})
    else:
        print(f"agentd (pid {pid}) has stopped.")
    return Exit.OK


async def stop(options: Options) -> int:
    """Asks agentd to stop and waits for its end; returns the pid it had."""
    async with daemon(options) as agentd:
        pid = (await agentd.workstation.GetStatus(service.GetStatusRequest())).pid
        process = psutil.Process(pid)
        await agentd.workstation.Shutdown(service.ShutdownRequest())
    try:
        await asyncio.to_thread(process.wait, STOP_SECONDS)
    except psutil.TimeoutExpired as error:
        message = (
            f"agentd (pid {pid}) is still stopping after {STOP_SECONDS:.0f} seconds. Wait, or end it with `kill {pid}`."
        )
        raise CommandError(Exit.UNAVAILABLE, message) from error
    return pid
