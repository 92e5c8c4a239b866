"""A prompt counts as taken when OpenCode has stored it, not when it says yes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pytest
from pydantic import JsonValue

from agentd.agents.agent import AgentUnavailableError, PromptOrder, ResourceNotFoundError
from agentd.agents.opencode import calls, schema
from agentd.agents.opencode.calls import OpenCodeCalls
from agentd.agents.opencode.client import Client
from agentd.agents.opencode.clock import Clock
from agentd.agents.opencode.life import Life
from agentd.agents.opencode.mirror import Mirror
from tests.agentd.agents.opencode import shapes
from tests.agentd.agents.opencode.shapes import LIVE, SESSION
from tests.fakes.journal import MemoryJournal

ORDER = PromptOrder(SESSION, "m1", "Hoist it")


class Storing(Client):
    """A server that says yes at once; `looks` then say what it has stored so far, the last one again and again."""

    def __init__(self, *looks: list[schema.Part] | None) -> None:
        super().__init__("http://127.0.0.1:1", "")
        self.looks = list(looks)
        self.handed_over = 0

    async def prompt(self, session_id: str, body: Mapping[str, JsonValue]) -> None:
        self.handed_over += 1

    async def message(self, session_id: str, message_id: str) -> schema.MessageWithParts:
        parts = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if parts is None:
            raise ResourceNotFoundError(message_id)
        return schema.MessageWithParts(info=shapes.prompt(message_id, 1).info, parts=parts)


class Asking(OpenCodeCalls):
    """The asking half, of a server that needs no process."""

    def __init__(self, client: Client) -> None:
        super().__init__(Clock())
        self.client, self.mirror = client, Mirror(MemoryJournal())
        self.mirror.apply(shapes.session(), LIVE)

    def _life(self) -> Life:
        return cast(Life, self)


async def test_a_prompt_is_taken_once_its_message_and_then_its_text_are_stored() -> None:
    client = Storing(None, None, [], [shapes.ended("p1", "Hoist it").part], None)
    await Asking(client).prompt(ORDER)
    assert (client.handed_over, client.looks) == (1, [None])
    await client.close()


async def test_a_prompt_that_is_never_stored_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_STORED_SECONDS", 0.01)
    client = Storing([])
    with pytest.raises(AgentUnavailableError, match="has not stored it"):
        await Asking(client).prompt(ORDER)
    await client.close()
