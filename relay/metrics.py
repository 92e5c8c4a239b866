"""What the relay counts, in Prometheus' text form. Numbers only: no ids, so that a graph tells nobody who is here."""

from dataclasses import dataclass, fields


@dataclass(slots=True)
class Metrics:
    """Counters since the start. A field is a metric: `halyard_relay_{field}_total`."""

    frames_received: int = 0
    frames_sent: int = 0
    records_published: int = 0
    hints_published: int = 0
    batches_fanned_out: int = 0
    batches_built: int = 0
    readers_fallen_behind: int = 0
    values_rotted: int = 0
    hints_dropped: int = 0
    calls_stored: int = 0
    calls_refused: int = 0
    replies_routed: int = 0
    links_attached: int = 0
    links_refused: int = 0
    rates_hit: int = 0
    pairings_joined: int = 0


def exposition(metrics: Metrics, gauges: dict[str, float]) -> str:
    """The text of `/metrics`: every counter, and `gauges` by name."""
    lines: list[str] = []
    for field in fields(metrics):
        lines += _family(f"{field.name}_total", "counter", getattr(metrics, field.name))
    for name, value in gauges.items():
        lines += _family(name, "gauge", value)
    return "\n".join(lines) + "\n"


def _family(name: str, kind: str, value: float) -> tuple[str, str]:
    return f"# TYPE halyard_relay_{name} {kind}", f"halyard_relay_{name} {value:.15g}"
