"""The web app served over a harbour in this process: every screen without an agent, a relay or a workstation."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn

from app_flet.web import create_app
from tests.app_flet.harbour import Harbour


@asynccontextmanager
async def served(harbour: Harbour, data: Path) -> AsyncIterator[str]:
    """Serves the app on a free port; its origin."""
    app = create_app(relay_url=harbour.origin, data_dir=data)
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", ws="websockets-sansio", lifespan="on")
    server = uvicorn.Server(config)
    started = asyncio.Event()
    startup = server.startup

    async def told(*arguments: object, **more: object) -> None:
        await startup(*arguments, **more)  # type: ignore[arg-type]  # handed on as they came
        started.set()

    server.startup = told  # type: ignore[method-assign]  # uvicorn has no event for "listening"
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server.serve())
        await started.wait()
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            await serving
