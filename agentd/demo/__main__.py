"""`python -m agentd.demo`: the scripted model as a process of its own.

Prints one line of JSON once it listens: {"base_url": "http://127.0.0.1:PORT/v1", "model": "scripted", "pid": …}.
"""

import argparse
import asyncio
import json
import os
import signal
import sys

from agentd.demo.provider import MODEL_ID
from agentd.demo.scenarios import SCENARIOS
from agentd.demo.server import ModelServer


async def _serve(port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with ModelServer(SCENARIOS).serving(port) as server:
        sys.stdout.write(json.dumps({"base_url": server.base_url, "model": MODEL_ID, "pid": os.getpid()}) + "\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    """Serves until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="python -m agentd.demo", description="Serves the scripted demo model on 127.0.0.1."
    )
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes any free one")
    asyncio.run(_serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
