"""Prometheus' text form."""

from relay.metrics import Metrics, exposition


def test_counters_and_gauges() -> None:
    lines = exposition(Metrics(frames_sent=3), {"apps_online": 2}).splitlines()
    assert "# TYPE halyard_relay_frames_sent_total counter" in lines
    assert "halyard_relay_frames_sent_total 3" in lines
    assert "# TYPE halyard_relay_apps_online gauge" in lines
    assert "halyard_relay_apps_online 2" in lines


def test_large_numbers_keep_their_digits() -> None:
    assert "halyard_relay_frames_sent_total 123456789" in exposition(Metrics(frames_sent=123_456_789), {})
