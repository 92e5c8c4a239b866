"""A real relay process for benches: started on free loopback ports, watched from outside, stopped by its pid."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil


@dataclass(frozen=True)
class RelayProcess:
    """Where a running relay is reached, and what it costs."""

    http: str
    grpc: str
    origin: str
    process: psutil.Process

    def rss_mb(self) -> float:
        """Resident memory in MB (10⁶ bytes)."""
        return float(self.process.memory_info().rss) / 1e6

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def relay_process(*arguments: str) -> Iterator[RelayProcess]:
    """A relay without the web app, with a store of its own, until the block ends."""
    with TemporaryDirectory(prefix="halyard-bench-") as folder:
        command = [sys.executable, "-m", "relay.main", "serve", "--json", "--no-web-app", "--data", folder]
        command += ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", *arguments]
        with Path(folder, "stderr.log").open("w") as log:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            yield _ready(process, Path(folder, "stderr.log"))
        finally:
            process.terminate()
            process.wait(timeout=20)


def _ready(process: subprocess.Popen[str], log: Path) -> RelayProcess:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"The relay did not start:\n{log.read_text()}")
    told = json.loads(line)
    return RelayProcess(told["http"], told["grpc"], told["origin"], psutil.Process(process.pid))
