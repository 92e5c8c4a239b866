"""The scripted model, for tests of adapters."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from agentd.demo.scenarios import SCENARIOS
from agentd.demo.server import ModelServer


@pytest_asyncio.fixture
async def model_server() -> AsyncIterator[ModelServer]:
    """The scripted model, on a free port."""
    async with ModelServer(SCENARIOS).serving() as server:
        yield server
