"""A process whose parent never asks how it ended, as the first process of many containers: it stays a zombie."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

_PARENT = """
import os, sys, time
child = os.fork()
if not child:
    sys.stdout.close()
    exec(sys.argv[1])
    os._exit(0)
print(child, flush=True)
sys.stdin.read()
"""


@contextmanager
def unasked(script: str) -> Iterator[psutil.Process]:
    """Yields a process that runs `script`, as a child of one that only waits until this is left."""
    command = (sys.executable, "-I", "-c", _PARENT, script)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        process = psutil.Process(int(parent.stdout.readline()))
        try:
            yield process
        finally:
            process.kill()
