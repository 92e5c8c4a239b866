"""A real agentd whose agent is OpenCode's event stream without OpenCode: frames go through the adapter's decoder and
mirror into the journal, the log and the link. Benches start it and tell it on stdin what to do.

Lines in: "admit SIGN_KEY AGREE_KEY", "work SESSION TURNS OUTPUT_BYTES LINES DELTAS", "ask SESSION" (for a permission),
"delete SESSION", "weigh", end of file to stop. Lines out: JSON, one for each line in; the first says that it is ready.
"""

import asyncio
import gc
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from agentd.agents.agent import Agent, Journal
from agentd.agents.opencode.event_schema import Durable, PartDelta, SessionDeleted, StatusChanged, decode_frame
from agentd.agents.opencode.mirror import Mirror, Moment
from agentd.agents.opencode.translate import AGENT_ID
from agentd.config import Config, RelayAddress
from agentd.daemon import Daemon, running
from bench.opencode_words import Session
from bench.weight import weight
from halyard.agent.v1 import workstation_pb2 as workstation
from tests.fakes.scripted_agent import ScriptedAgent
from wire.identity import PublicKeys


def clock_ms() -> int:
    """The time of day in Unix milliseconds."""
    return time.time_ns() // 1_000_000


class StreamedAgent(ScriptedAgent):
    """An agent that says what frames of OpenCode's stream say."""

    def __init__(self) -> None:
        super().__init__(AGENT_ID)
        self.sessions_said: dict[str, Session] = {}
        self.events = 0

    async def run(self, journal: Journal) -> None:
        self.mirror = Mirror(journal)
        await super().run(journal)

    def take(self, frame: bytes) -> None:
        """One frame of the stream."""
        self.events += 1
        match decode_frame(frame).event:
            case Durable(session_id=session_id, seq=seq, change=change):
                if change is not None:
                    self.mirror.apply(change, Moment(clock_ms()))
                self.journal.save(f"opencode/seq/{session_id}", str(seq).encode())
            case PartDelta() as delta:
                self.mirror.grow(delta)
            case StatusChanged() as status:
                self.mirror.status(status)

    def forget_session(self, session_id: str) -> None:
        """The session is gone."""
        del self.sessions_said[session_id]
        # What the fake behind this writes down for tests.
        self.asked.clear()
        self.prompts.clear()
        self.mirror.apply(SessionDeleted(sessionID=session_id), Moment(clock_ms()))
        self.journal.save(f"opencode/seq/{session_id}", b"")


async def work(
    daemon: Daemon, agent: StreamedAgent, session_id: str, turns: int, size: int, lines: int, deltas: int
) -> None:
    """Turns of one session, as fast as the disk takes them."""
    session = agent.sessions_said.get(session_id)
    if session is None:
        session = agent.sessions_said[session_id] = Session(session_id, at_ms=clock_ms())
        for frame in session.begin():
            agent.take(frame)
    for _ in range(turns):
        for frame in session.turn(size, lines=lines, deltas=deltas):
            agent.take(frame)
            await asyncio.sleep(0)
        await daemon.log.flush()


async def _admit(daemon: Daemon, keys: PublicKeys) -> None:
    daemon.devices.add(keys, "Bench", "linux", workstation.DEVICE_ROLE_OPERATOR)
    await daemon.log.flush()
    own = daemon.identity.public
    _tell(sign_key=own.sign.hex(), agree_key=own.agree.hex())


async def _obey(daemon: Daemon, agent: StreamedAgent) -> None:
    assert daemon.uplink is not None
    while line := await asyncio.to_thread(sys.stdin.readline):
        match line.split():
            case ["admit", sign_key, agree_key]:
                await _admit(daemon, PublicKeys(bytes.fromhex(sign_key), bytes.fromhex(agree_key)))
            case ["work", session_id, *numbers]:
                began = time.perf_counter()
                await work(daemon, agent, session_id, *map(int, numbers))
                written = time.perf_counter() - began
                await daemon.uplink.level()
                seconds = time.perf_counter() - began
                _tell(events=agent.events, head=daemon.log.head.seq, written_s=written, level_s=seconds)
            case ["ask", session_id]:
                agent.ask(f"sessions/{session_id}/permissions/per_{agent.events}")
                await daemon.uplink.level()
                _tell(asked=session_id)
            case ["delete", session_id]:
                agent.forget_session(session_id)
                await daemon.uplink.level()
                _tell(deleted=session_id)
            case ["weigh"]:
                gc.collect()
                _tell(**weight(), objects=len(gc.get_objects()))


async def _serve(config: Config) -> None:
    agent = StreamedAgent()

    def agents(_: Config) -> Sequence[Agent]:
        return [agent]

    async with running(config, agents) as daemon:
        await agent.started()
        _tell(ready=True)
        await _obey(daemon, agent)


def _tell(**said: object) -> None:
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    folder, origin, grpc = sys.argv[1:]
    asyncio.run(_serve(Config(state_dir=Path(folder), relay=RelayAddress(origin, grpc))))
