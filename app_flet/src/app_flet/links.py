"""All links of one device: one to every relay that it needs, and what time does to them while none stands."""

import asyncio
import logging
import sqlite3

from app_flet.device import Device
from app_flet.link import Link
from app_flet.whereabouts import TICK_SECONDS, Whereabouts

log = logging.getLogger(__name__)


async def keep_links(device: Device) -> None:
    """One link for every relay that the device needs, for as long as it needs it, until cancelled."""
    while True:
        with device.relays_changed.listening() as changed:
            async with asyncio.TaskGroup() as group:
                owned = [group.create_task(Link(device, relay).run()) for relay in device.relays]
                owned.append(group.create_task(_tick(device)))
                await changed.wait()
                for task in owned:
                    task.cancel()


async def _tick(device: Device) -> None:
    """Ends what ran out of time, also while no link stands; notices that the device slept, or is elsewhere."""
    whereabouts = Whereabouts(device.relays, device.now_ms.own_ms)
    while True:
        _expire(device)
        if whereabouts.changed():
            device.hurry()
        await asyncio.sleep(TICK_SECONDS)


def _expire(device: Device) -> None:
    try:
        device.outgoing.expire()
    except sqlite3.Error as error:
        log.warning("The store refused a change: %s", error)
        device.outgoing.recover()
