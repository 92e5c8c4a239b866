"""Node.js programs that baselines run: `bench/baselines/*.mjs`, each prints its port once it listens."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

_BASELINES = Path(__file__).parent / "baselines"


@contextmanager
def node_server(program: Path) -> Iterator[tuple[str, psutil.Process]]:
    """URL and process of a WebSocket server that runs until the block ends."""
    node = shutil.which("node")
    if node is None:
        raise SystemExit("The baseline needs Node.js: install it (Debian: nodejs).")
    process = subprocess.Popen([node, str(_BASELINES / program)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"ws://127.0.0.1:{json.loads(process.stdout.readline())['port']}", psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=20)
