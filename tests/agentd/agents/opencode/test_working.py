"""What no event tells is asked for."""

from agentd.agents.opencode.client import Client
from agentd.agents.opencode.mirror import Mirror
from agentd.agents.opencode.working import renew_session
from tests.agentd.agents.opencode import shapes
from tests.agentd.agents.opencode.shapes import LIVE, SESSION
from tests.fakes.canned_http import CannedServer
from tests.fakes.journal import MemoryJournal


async def renewed(mirror: Mirror, server: CannedServer) -> None:
    async with server.serving():
        client = Client(server.url, "secret")
        try:
            await renew_session(client, mirror, SESSION)
        finally:
            await client.close()


async def test_what_the_last_step_used_is_taken_over_when_the_turn_is_over() -> None:
    journal = MemoryJournal()
    mirror = Mirror(journal)
    mirror.apply(shapes.session(tokens={"output": 20}), LIVE)
    now = shapes.session(tokens={"output": 50}).info.model_dump_json(by_alias=True).encode()
    await renewed(mirror, CannedServer(200, now))
    assert journal.session(SESSION).usage.output_tokens == 50


async def test_a_session_that_is_gone_meanwhile_stays_as_it_is() -> None:
    journal = MemoryJournal()
    mirror = Mirror(journal)
    server = CannedServer(404, b'{"message":"its words"}')
    await renewed(mirror, server)
    assert server.asked == []
    mirror.apply(shapes.session(tokens={"output": 20}), LIVE)
    await renewed(mirror, server)
    assert journal.session(SESSION).usage.output_tokens == 20
