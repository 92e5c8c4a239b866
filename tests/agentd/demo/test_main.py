from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_it_tells_where_it_listens_and_stops_when_asked() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "agentd.demo"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert (told["model"], told["pid"]) == ("scripted", process.pid)
        with urllib.request.urlopen(f"{told['base_url']}/models") as answer:
            assert json.load(answer)["data"][0]["id"] == "scripted"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
