"""A real agentd whose agent does nothing but stream: `bench.path` starts it and tells it on stdin what to do.

Lines in: "admit SIGN_KEY AGREE_KEY", "stream RATE SECONDS", end of file to stop. Lines out: JSON. Every hint is the
time at which the agent said it, padded to STAMP_BYTES, so that a reader can tell how long it took.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from agentd.agents.agent import Agent
from agentd.config import Config, RelayAddress
from agentd.daemon import Daemon, running
from halyard.agent.v1 import session_pb2 as session
from halyard.agent.v1 import workstation_pb2 as workstation
from tests.fakes.scripted_agent import ScriptedAgent
from wire.identity import PublicKeys

STAMP_BYTES = 24


def stamp() -> str:
    """Now, in nanoseconds of the system-wide monotonic clock, as text of STAMP_BYTES bytes."""
    return f"{time.monotonic_ns():<{STAMP_BYTES}}"


def stamps(text: str) -> list[int]:
    """The times in a text of stamps."""
    return [int(text[at : at + STAMP_BYTES]) for at in range(0, len(text), STAMP_BYTES)]


async def stream(agent: ScriptedAgent, session_id: str, rate: float, seconds: float) -> None:
    """Says `rate` hints a second in a new part of the session, then closes the part."""
    part = f"sessions/{session_id}/messages/m{time.monotonic_ns()}/parts/p1"
    agent.open_part(part)
    text = ""
    begin = time.monotonic()
    for count in range(round(rate * seconds)):
        await asyncio.sleep(begin + count / rate - time.monotonic())
        said = stamp()
        agent.grow(part, text, said)
        text += said
    agent.close_part(part, text)


async def _admit(daemon: Daemon, keys: PublicKeys) -> None:
    """Lets an app in without a code: the relay allows only so many pairings a minute."""
    daemon.devices.add(keys, "Bench", "linux", workstation.DEVICE_ROLE_OPERATOR)
    await daemon.log.flush()
    own = daemon.identity.public
    _tell(sign_key=own.sign.hex(), agree_key=own.agree.hex())


async def _serve(config: Config, sessions: int) -> None:
    agent = ScriptedAgent()

    def agents(_: Config) -> Sequence[Agent]:
        return [agent]

    async with running(config, agents) as daemon:
        await agent.started()
        begun = [agent.begin_session(f"s{n}", "projects/bench") for n in range(sessions)]
        _tell(ready=[value.name for value in begun])
        await _obey(daemon, agent, [_id(value) for value in begun])


async def _obey(daemon: Daemon, agent: ScriptedAgent, sessions: list[str]) -> None:
    while line := await asyncio.to_thread(sys.stdin.readline):
        match line.split():
            case ["admit", sign_key, agree_key]:
                await _admit(daemon, PublicKeys(bytes.fromhex(sign_key), bytes.fromhex(agree_key)))
            case ["stream", rate, seconds]:
                async with asyncio.TaskGroup() as streams:
                    for session_id in sessions:
                        streams.create_task(stream(agent, session_id, float(rate), float(seconds)))
                _tell(streamed=True)


def _id(value: session.Session) -> str:
    return value.name.removeprefix("sessions/")


def _tell(**said: object) -> None:
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    folder, origin, grpc, count = sys.argv[1:]
    asyncio.run(_serve(Config(state_dir=Path(folder), relay=RelayAddress(origin, grpc)), int(count)))
