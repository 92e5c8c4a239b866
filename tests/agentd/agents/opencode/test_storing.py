"""A prompt counts as taken when OpenCode has stored it, not when it says yes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import cast

import pytest
from pydantic import JsonValue

from agentd.agents.agent import AgentRefusedError, AgentUnavailableError, PromptOrder, ResourceNotFoundError
from agentd.agents.opencode import calls, schema
from agentd.agents.opencode.calls import OpenCodeCalls
from agentd.agents.opencode.catalogue_schema import CommandInfo
from agentd.agents.opencode.client import Client
from agentd.agents.opencode.clock import Clock
from agentd.agents.opencode.life import AgentError, Life
from agentd.agents.opencode.mirror import Mirror
from tests.agentd.agents.opencode import shapes
from tests.agentd.agents.opencode.shapes import LIVE, SESSION
from tests.fakes.journal import MemoryJournal

ORDER = PromptOrder(SESSION, "m1", "Hoist it")
COMMAND = PromptOrder(SESSION, "m1", "/tidy the deck")


class Storing(Client):
    """A server that says yes at once; `looks` then say what it has stored so far, the last one again and again."""

    def __init__(self, *looks: list[schema.Part] | None) -> None:
        super().__init__("http://127.0.0.1:1", "")
        self.looks = list(looks)
        self.handed_over = 0
        self.refusal: AgentError | None = None

    async def prompt(self, session_id: str, body: Mapping[str, JsonValue]) -> None:
        self.handed_over += 1

    async def command(self, session_id: str, body: Mapping[str, JsonValue]) -> None:
        if self.refusal is not None:
            raise self.refusal
        await asyncio.Event().wait()

    async def commands(self, directory: str) -> list[CommandInfo]:
        return [CommandInfo(name="tidy")]

    async def message(self, session_id: str, message_id: str) -> schema.MessageWithParts:
        parts = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if parts is None:
            raise ResourceNotFoundError(message_id)
        return schema.MessageWithParts(info=shapes.prompt(message_id, 1).info, parts=parts)


class Asking(OpenCodeCalls):
    """The asking half, of a server that needs no process."""

    def __init__(self, client: Storing, background: asyncio.TaskGroup) -> None:
        super().__init__(Clock())
        self.background = background
        self.client, self.mirror = client, Mirror(MemoryJournal())
        self.running: asyncio.Task[AgentError | None] | None = None
        self.mirror.apply(shapes.session(), LIVE)

    def _life(self) -> Life:
        return cast(Life, self)

    def start(self, call: Coroutine[object, object, None], what: str) -> asyncio.Task[AgentError | None]:
        self.running = Life.start(self._life(), call, what)
        return self.running


@asynccontextmanager
async def asking(client: Storing) -> AsyncIterator[Asking]:
    async with asyncio.TaskGroup() as background:
        half = Asking(client, background)
        yield half
        if half.running is not None:
            half.running.cancel()
    await client.close()


async def test_a_prompt_is_taken_once_its_message_and_then_its_text_are_stored() -> None:
    async with asking(Storing(None, None, [], [shapes.ended("p1", "Hoist it").part], None)) as half:
        await half.prompt(ORDER)
        assert (half.client.handed_over, half.client.looks) == (1, [None])


@pytest.mark.parametrize("order", [ORDER, COMMAND], ids=["prompt", "command"])
async def test_what_is_never_stored_is_not_taken(order: PromptOrder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_STORED_SECONDS", 0.01)
    async with asking(Storing([])) as half:
        with pytest.raises(AgentUnavailableError, match="has not stored it"):
            await half.prompt(order)


async def test_a_command_that_is_refused_before_it_is_stored_says_why() -> None:
    async with asking(Storing(None)) as half:
        half.client.refusal = AgentRefusedError("no such model")
        with pytest.raises(AgentRefusedError, match="no such model"):
            await half.prompt(COMMAND)
