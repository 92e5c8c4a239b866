"""Which port the web app gets: the same one every time, because browsers keep what they know of a device by address."""

import socket

from agentd.errors import ConfigError

PREFERRED = 8787
TRIED = 50


def choose(asked: int | None, last: int) -> int:
    """Returns the port asked for (0: any), else the last one, else 8787 or the next free; ConfigError when taken."""
    if asked is not None:
        if asked and not is_free(asked):
            raise ConfigError(f"Port {asked} is taken by another program. Stop it, or give --port another number.")
        return asked
    candidates = list(range(PREFERRED, PREFERRED + TRIED))
    if last:
        candidates.insert(0, last)
    for port in candidates:
        if is_free(port):
            return port
    raise ConfigError(f"All ports from {PREFERRED} to {PREFERRED + TRIED - 1} are taken. Give one with --port.")


def is_free(port: int) -> bool:
    """Returns whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        # As servers do it: a connection of a former server that is still closing does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
