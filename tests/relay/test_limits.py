"""Published limits, and a test for every one of them."""

from dataclasses import fields
from pathlib import Path

import pytest

from relay.limits import Limits, reconnect_ceiling_seconds

FOLDER = Path(__file__).parent
DEFAULTS_IN_THE_PROTOCOL = {
    "max_frame_bytes": 1024 * 1024,
    "max_record_bytes": 256 * 1024,
    "max_items": 512,
    "max_waiting_calls": 256,
    "log_bytes": 64 * 1024 * 1024,
    "first_frame_seconds": 5.0,
    "heartbeat_seconds": 25,
    "queue_bytes": 1024 * 1024,
    "max_slots_per_workstation": 4,
    "slot_seconds": 300.0,
    "max_step_bytes": 4096,
}


def test_defaults_are_those_of_the_protocol_text() -> None:
    limits = Limits()
    assert {name: getattr(limits, name) for name in DEFAULTS_IN_THE_PROTOCOL} == DEFAULTS_IN_THE_PROTOCOL
    assert limits.joins_per_address.burst == 10
    assert limits.joins_per_address.per_second * 60 == 10


def test_what_peers_must_keep_to_is_published() -> None:
    published = Limits(max_frame_bytes=1, max_record_bytes=2, max_items=3, max_waiting_calls=4, heartbeat_seconds=5)
    message = published.published(2_000)
    assert [value for _, value in message.ListFields()] == [1, 2, 3, 4, 5, 20]
    assert published.dead_after_seconds == 12.5


@pytest.mark.parametrize(("devices", "seconds"), [(0, 4), (3, 4), (599, 5), (2_000, 20), (1_000_000, 30)])
def test_the_more_devices_the_more_patient_each_must_be(devices: int, seconds: int) -> None:
    assert reconnect_ceiling_seconds(devices) == seconds


def test_every_limit_is_hit_by_a_test() -> None:
    tests = "".join(path.read_text() for path in FOLDER.glob("test_*.py") if path != Path(__file__))
    assert [field.name for field in fields(Limits) if field.name not in tests] == []
