"""`python -m tests.chaos.model_process JOURNAL`: the scripted model in a process of its own, which nobody kills.

Every request for an answer goes to JOURNAL as a line of JSON: {"token", "turn"}. Prints {"base_url"} once it listens.
"""

import asyncio
import json
import signal
import sys
from pathlib import Path

from agentd.demo.scenarios import SCENARIOS
from agentd.demo.script import Conversation
from agentd.demo.server import ModelServer
from tests.chaos.words import token_in


async def serve(journal: Path) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with journal.open("a", buffering=1) as lines:

        def note(asked: Conversation) -> None:
            # Titles are asked for without tools.
            if asked.tools:
                lines.write(json.dumps({"token": token_in(asked.prompt), "turn": asked.turn_index}) + "\n")

        async with ModelServer(SCENARIOS, note).serving() as server:
            sys.stdout.write(json.dumps({"base_url": server.base_url}) + "\n")
            sys.stdout.flush()
            await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
