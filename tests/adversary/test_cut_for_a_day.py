"""The network is away for a day and an hour, by everybody's clock: what was done and said meanwhile arrives, in order
and once; what was said too long ago says that it was not sent.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from app_flet import intents
from app_flet.calling import UNSENT
from app_flet.intents import PROMPT_TTL_MS
from app_flet.model import LinkState
from halyard.agent.v1 import workstation_service_pb2 as ws
from relay.config import Address, ServeConfig
from relay.limits import Limits
from relay.server import running
from tests.adversary.scene import PATIENCE_SECONDS
from tests.adversary.test_clocks import Both, paired
from tests.chaos.proxy import Proxy
from tests.chaos.rig import free_port
from tests.fakes.clocks import Clocks
from tests.fakes.relay_process import RunningRelay
from wire.calls import CallState

HOUR_SECONDS = 3_600.0
BACKLOG = 300


@asynccontextmanager
async def at_one_time(folder: Path, clocks: Clocks) -> AsyncIterator[tuple[Both, list[Proxy]]]:
    """A relay, a desk and a phone that share their clocks; and what lies between them."""
    http, door = free_port(), free_port()
    async with Proxy("127.0.0.1", http).serving() as phone_link, Proxy("127.0.0.1", door).serving() as desk_link:
        origin = f"http://127.0.0.1:{phone_link.port}"
        config = ServeConfig(
            http=Address("127.0.0.1", http),
            grpc=Address("127.0.0.1", door),
            data_dir=folder / "relay",
            database=folder / "relay" / "relay.db",
            limits=Limits(),
            public_url=origin,
            web_app=False,
        )
        seen = RunningRelay(origin, f"127.0.0.1:{desk_link.port}", origin, pid=0)
        async with running(config, lambda: clocks().wall):
            async with paired(folder, seen, desk=clocks, phone=clocks) as both:
                both.phone.now_ms._elapsed = clocks.elapsed
                yield both, [phone_link, desk_link]


async def test_after_a_day_without_a_network_all_is_right_in_order_and_once(tmp_path: Path) -> None:
    clocks = Clocks()
    async with at_one_time(tmp_path, clocks) as (both, links):
        uplink = both.daemon.uplink
        assert uplink is not None
        await both.works()
        session, phone = "sessions/s1", both.phone
        phone.open_session(both.desk, session)
        both.agent.asked.clear()
        for link in links:
            link.cut()
        await both.until(lambda model: all(one.state is LinkState.OFFLINE for one in model.links.values()))
        stale = phone.call(both.desk, intents.prompt(session, "said when the cut began"))
        clocks.sleep(2 * HOUR_SECONDS)
        parts = [f"{session}/messages/m/parts/{number:03}" for number in range(BACKLOG)]
        for part in parts:
            both.agent.close_part(part, f"text of {part}")
        clocks.sleep(22 * HOUR_SECONDS)
        fresh = [phone.call(both.desk, intents.prompt(session, text)) for text in ("first", "second")]
        clocks.sleep(HOUR_SECONDS)
        for link in links:
            link.clear()
        uplink.redial("The network is back.")
        phone.hurry()
        for call in (stale, *fresh):
            await both.over(call)
        await both.until(lambda model: set(parts) <= set(model.workstations[both.desk].transcripts[session].held))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await uplink.until(ws.LINK_STATE_UP)
        known = phone.model.workstations[both.desk]
        held = [known.transcripts[session].held[part] for part in parts]
        assert [one.seq for one in held] == sorted({one.seq for one in held}), "in the order in which they were written"
        assert [one.resource.part.text.text for one in held if one.resource.part and one.resource.part.text] == [
            f"text of {part}" for part in parts
        ]
        assert known.online
        assert phone.model.clock_offset_ms == 0
        assert [phone.model.calls[call].state for call in fresh] == [CallState.DONE] * 2
        assert [asked[:2] for asked in both.agent.asked if asked[0] == "prompt"] == [
            ("prompt", "first"),
            ("prompt", "second"),
        ]
        assert phone.model.calls[stale].state is CallState.EXPIRED
        assert phone.model.calls[stale].error == UNSENT
        assert 25 * HOUR_SECONDS * 1000 > PROMPT_TTL_MS > HOUR_SECONDS * 1000
