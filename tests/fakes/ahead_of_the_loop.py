"""A store whose writes have reached the disk while the event loop, which is held up here, has not heard of it yet."""

import time

from agentd.store import Store

COMMIT_SECONDS = 30.0


def on_disk(store: Store) -> None:
    """Returns once everything that was written is committed; TimeoutError when the disk does not take it."""
    until = time.monotonic() + COMMIT_SECONDS
    while store.committed < store._queued:
        if time.monotonic() > until:
            raise TimeoutError("The store's writer does not get on.")
        time.sleep(0.0005)
