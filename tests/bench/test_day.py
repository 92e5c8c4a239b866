"""What of a day counts as growth."""

from typing import Any

import pytest

from bench.day import grown

HALF: dict[str, Any] = {
    "agentd_rss_mb": 87.1, "agentd_peak_mb": 90.0, "agentd_descriptors": 22,
    "relay_rss_mb": 40.0, "relay_descriptors": 24, "files_mb": {"agentd.db": 16.1, "agentd.db-wal": 4.8},
}  # fmt: skip


def test_a_day_that_ends_as_it_went_on_is_well() -> None:
    noise = {"agentd_rss_mb": 91.0, "agentd_peak_mb": 120.0, "relay_rss_mb": 42.9, "relay_descriptors": 23}
    assert grown(HALF, HALF | noise | {"files_mb": {"agentd.db": 16.8, "agentd.db-wal": 5.7}}) == []


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ({"agentd_rss_mb": 91.6}, "agentd grew from 87.1 to 91.6 MB after half-way."),
        ({"relay_rss_mb": 43.1}, "relay grew from 40.0 to 43.1 MB after half-way."),
        ({"relay_descriptors": 25}, "relay had 24 descriptors half-way and 25 at the end."),
        ({"files_mb": {"agentd.db-wal": 5.9}}, "agentd.db-wal grew from 4.8 to 5.9 MB after half-way."),
        ({"files_mb": {"new.db": 1.1}}, "new.db grew from 0.0 to 1.1 MB after half-way."),
    ],
)
def test_what_grew_is_named(end: dict[str, Any], said: str) -> None:
    assert grown(HALF, HALF | end) == [said]
