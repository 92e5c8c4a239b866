"""What every door of the relay needs; built once, by server.py."""

from collections.abc import Callable
from dataclasses import dataclass, field

from relay.errors import RateLimited
from relay.hub import Hub
from relay.limits import Limits
from relay.metrics import Metrics
from relay.pairing_slots import SlotTable
from relay.rates import Buckets
from relay.roster import Roster
from relay.store import Store
from relay.tokens import OperatorGate, TokenGate


class Rates:
    """How often devices and addresses may come."""

    def __init__(self, limits: Limits, metrics: Metrics, *, count_local: bool) -> None:
        self._metrics = metrics
        self._count_local = count_local
        self._addresses = Buckets(limits.attach_per_address)
        self._devices = Buckets(limits.attach_per_device)
        self._calls = Buckets(limits.calls_per_device)

    def connect(self, address: str, now: float, *, is_local: bool) -> None:
        """A connection from an address. On a relay for this machine alone all share one, which says nothing."""
        if self._count_local or not is_local:
            self._take(self._addresses, address, now, "Too many connections from this address; wait a little.")

    def attach(self, device_id: str, now: float) -> None:
        """A link of a device."""
        self._take(self._devices, device_id, now, "This device connects too often; wait a little.")

    def call(self, device_id: str, now: float) -> None:
        """A call of a device."""
        self._take(self._calls, device_id, now, "Too many calls from this device; wait a little.")

    def sweep(self, now: float) -> None:
        """Forgets who was quiet."""
        for buckets in (self._addresses, self._devices, self._calls):
            buckets.sweep(now)

    def _take(self, buckets: Buckets, key: str, now: float, message: str) -> None:
        if wait := buckets.take(key, now):
            self._metrics.rates_hit += 1
            raise RateLimited(message, wait)


@dataclass(slots=True)
class Services:
    """The parts, by what they do."""

    version: str
    origin: str
    limits: Limits
    now: Callable[[], float]
    """Unix seconds."""
    store: Store
    hub: Hub
    metrics: Metrics
    tokens: TokenGate
    operators: OperatorGate
    rates: Rates
    slots: SlotTable
    invited_only: bool
    """Whether an unknown workstation needs an invite."""
    roster: Roster
    """Workstations that need none any more."""
    started: float
    greeting: int = field(default=0)
    """Connections that have not said who they are yet."""
    stopping: bool = False
