"""The killer: wounds a part or a link as the plan says, and mends it."""

import asyncio
import shutil
import signal
from collections import Counter
from contextlib import suppress

import psutil

from tests.chaos.parts import Part
from tests.chaos.plan import Break, Fault
from tests.chaos.rig import Rig

_SIGNALS = {Fault.KILL: signal.SIGKILL, Fault.TERM: signal.SIGTERM, Fault.FREEZE: signal.SIGSTOP}


class Wounds:
    """What was done to a stage, and how to heal it."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.kills: Counter[str] = Counter()
        """Signals by part: "relay SIGKILL" …"""
        self.faults: Counter[str] = Counter()
        self._frozen: list[psutil.Process] = []

    async def inflict(self, one: Break) -> None:
        """Breaks something at its time, and mends it after its time."""
        await asyncio.sleep(one.at)
        if one.target.startswith("link"):
            self.faults[one.fault.value] += 1
            await self._on_link(one)
        elif one.target in ("opencode", "warden"):
            await self._on_agent(one, self._rig.opencode if one.target == "opencode" else self._rig.warden)
        else:
            await self._on_part(one, self._rig.part(one.target))

    async def heal(self) -> None:
        """Mends everything that is still broken."""
        for proxy in self._rig.proxies.values():
            proxy.clear()
        self._rig.disk.free()
        self._thaw()
        for part in self._rig.parts():
            part.signal(signal.SIGCONT)
            await self._rig.start(part)

    # --- links ---

    async def _on_link(self, one: Break) -> None:
        proxy = self._rig.proxies[one.target]
        match one.fault:
            case Fault.CUT:
                proxy.cut()
            case Fault.HALF_OPEN:
                proxy.silence()
            case Fault.DELAY:
                proxy.weather.delay = one.amount
            case Fault.THROTTLE:
                proxy.weather.bytes_a_second = one.amount
            case Fault.REORDER:
                proxy.reorder(one.seconds)
        await asyncio.sleep(one.seconds)
        proxy.clear()

    # --- processes ---

    async def _on_part(self, one: Break, part: Part) -> None:
        if one.fault is Fault.FILL_DISK:
            await self._fill_disk(one, part)
            return
        if one.fault is Fault.FREEZE:
            self._count(one, part.signal(signal.SIGSTOP))
            await asyncio.sleep(one.seconds)
            part.signal(signal.SIGCONT)
            return
        deadly = signal.SIGTERM if one.fault is Fault.TERM else signal.SIGKILL
        self._count(one, part.signal(deadly))
        await part.gone()
        if one.fault is Fault.LOSE_DATABASE:
            shutil.rmtree(self._rig.relay_data, ignore_errors=True)
        await asyncio.sleep(one.seconds)
        await self._rig.start(part)

    async def _fill_disk(self, one: Break, relay: Part) -> None:
        """Counts when a relay met it: one that ran, or one that was started meanwhile."""
        lives = relay.starts
        self._rig.fill_disk()
        was_met = self._rig.disk.hinders(relay.pid) and relay.is_running
        await asyncio.sleep(one.seconds)
        was_met = was_met or (self._rig.disk.hinders() and relay.starts > lives)
        self.faults[one.fault.value] += int(was_met)
        self._rig.disk.free()

    async def _on_agent(self, one: Break, server: psutil.Process | None) -> None:
        """agentd starts again what dies here."""
        if server is None:
            return
        with suppress(psutil.Error):
            server.send_signal(_SIGNALS[one.fault])
            self._count(one, True)
            if one.fault is Fault.FREEZE:
                self._frozen.append(server)
                await asyncio.sleep(one.seconds)
                self._thaw()

    def _thaw(self) -> None:
        while self._frozen:
            with suppress(psutil.Error):
                self._frozen.pop().send_signal(signal.SIGCONT)

    def _count(self, one: Break, happened: bool) -> None:
        if not happened:
            return
        if one.fault in _SIGNALS:
            self.kills[f"{one.target.rstrip('0123456789')} {one.fault.value}"] += 1
        else:
            self.faults[one.fault.value] += 1
            self.kills["relay SIGKILL"] += 1
