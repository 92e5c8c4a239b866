"""What this relay accepts: one value object, published in Welcome and enforced everywhere. Sizes in bytes, times in
seconds. docs/link-protocol.md §5 lists the defaults.
"""

from dataclasses import dataclass

from halyard.link.v1 import record_pb2
from wire.backoff import CEILING_SECONDS, LEAST_CEILING_SECONDS

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket's shape: `burst` at once, then `per_second`."""

    burst: float
    per_second: float


@dataclass(frozen=True, slots=True)
class Limits:
    """Every limit of the relay. Tests make a value with the one limit lowered that they hit."""

    max_frame_bytes: int = 1024 * 1024
    """Largest frame either way. The transports cut off at twice this, before memory is spent on it."""
    max_first_frame_bytes: int = 64 * 1024
    """Largest frame from a peer that has not said who it is."""
    max_record_bytes: int = 256 * 1024
    """Largest sealed value of a record, hint, call or reply."""
    max_items: int = 512
    """Most records, hints, calls, cursors or members in one frame."""
    max_waiting_calls: int = 256
    """Most calls of one device waiting for one workstation."""
    inbox_bytes: int = 16 * 1024 * 1024
    """Calls waiting for one workstation, all devices together."""
    max_call_ttl_seconds: float = 7 * DAY
    """Furthest expiry of a call; it bounds the inbox in time. A workstation's memory has the same bound."""
    queue_bytes: int = 1024 * 1024
    """Frames waiting for one peer. Over it a reader is fed from the store instead."""
    max_in_flight: int = 64
    """Frames of one link that wait for a commit; then the link is not read on."""
    log_bytes: int = 64 * 1024 * 1024
    """Stored log of one workstation; the oldest records fall out first."""
    log_age_seconds: float = 90 * DAY
    """Records that were not renewed for so long fall out."""
    max_workstations: int = 10_000
    """Workstations known to the relay."""
    max_links: int = 20_000
    """Links of all kinds at once."""
    max_greeting: int = 512
    """Connections that have not said who they are yet."""
    first_frame_seconds: float = 5.0
    """A peer must say who it is within this."""
    heartbeat_seconds: int = 25
    """How often a silent peer must send a Ping. Silence of two and a half times this is death."""
    stuck_seconds: float = 2.0
    """How long a write may still take when its link is to end."""
    drain_seconds: float = 5.0
    """How long links may take to leave when the relay stops."""
    attach_per_address: Rate = Rate(burst=100, per_second=10)
    """New connections of one address. Not counted for loopback peers of a loopback relay: all share one address."""
    attach_per_device: Rate = Rate(burst=30, per_second=1)
    """New links of one device."""
    frames_per_workstation: Rate = Rate(burst=10_000, per_second=2_000)
    """Frames of one workstation's link."""
    frames_per_app: Rate = Rate(burst=1_000, per_second=100)
    """Frames of one app's link."""
    calls_per_device: Rate = Rate(burst=100, per_second=20)
    """Calls of one device."""
    max_slots: int = 1_000
    """Open pairing slots in all."""
    max_slots_per_workstation: int = 4
    """Open pairing slots of one workstation."""
    slots_per_workstation: Rate = Rate(burst=20, per_second=0.2)
    """Pairing slots that one workstation opens."""
    joins_per_address: Rate = Rate(burst=10, per_second=10 / 60)
    """Attempts of one address to enter pairing slots: each may burn somebody's code. Loopback counts too."""
    slot_seconds: float = 300.0
    """Life of a pairing slot."""
    max_step_bytes: int = 4096
    """Largest step of a pairing exchange."""
    max_steps: int = 8
    """Most steps of each side of a pairing exchange."""

    @property
    def dead_after_seconds(self) -> float:
        """Silence that ends a link."""
        return 2.5 * self.heartbeat_seconds

    @property
    def late_heartbeat_seconds(self) -> float:
        """When the relay speaks up by itself: later than a peer does, because an answer wakes nobody once more."""
        return 1.5 * self.heartbeat_seconds

    @property
    def hard_frame_bytes(self) -> int:
        """Where the transport itself cuts off, without a word."""
        return 2 * self.max_frame_bytes

    def published(self, devices: int = 0) -> record_pb2.Limits:
        """The part that peers of a relay that knows so many `devices` must keep to."""
        return record_pb2.Limits(
            max_frame_bytes=self.max_frame_bytes,
            max_record_bytes=self.max_record_bytes,
            max_items=self.max_items,
            max_waiting_calls=self.max_waiting_calls,
            heartbeat_seconds=self.heartbeat_seconds,
            reconnect_ceiling_seconds=reconnect_ceiling_seconds(devices),
        )


def reconnect_ceiling_seconds(devices: int) -> int:
    """How long a device may wait before it dials a relay again that was away: a hundred devices a second at most.

    A person who looks sees the truth within 5 s on a relay of their own; 2,000 workstations take 20 s and no herd.
    """
    return min(int(CEILING_SECONDS), max(int(LEAST_CEILING_SECONDS), devices // 100))
