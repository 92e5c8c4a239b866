"""One stack for all flows: OpenCode takes seconds to start. Each test begins sessions of its own."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.fakes.app_link import AppLink
from tests.flows.stack import Stack, running_stack


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with running_stack(tmp_path_factory.mktemp("flows")) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def phone(stack: Stack) -> AppLink:
    return await stack.workstation.pair("Phone")
