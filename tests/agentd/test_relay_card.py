"""What is taken for a relay's card, and what is told of everything else."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from agentd.relay_card import read

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ORIGIN = "https://relay.example"
CARD = b'{"origin": "https://relay.example", "grpc": "relay.example:443", "version": "1.2", "more": [1]}'


def test_a_card_is_what_the_relay_says() -> None:
    facts = read(ORIGIN, CARD, "Sat, 21 Nov 2026 11:00:00 GMT", NOW)
    assert (facts.error, facts.announced_origin, facts.grpc, facts.version) == (
        ("", ORIGIN, "relay.example:443", "1.2")
    )
    assert (facts.relay_time, facts.our_time) == (NOW - timedelta(hours=1), NOW)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"<p>hi</p>", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "another kind"),
        (b'{"origin": 7}', "another kind"),
        (b'{"version": "1\\n2"}', "another kind"),
        (b'{"origin": "\\ud800"}', "another kind"),
        (b'{"origin": "' + b"x" * 300 + b'"}', "another kind"),
        (b'{"origin": "https://["}', "no relay's address"),
        (b'{"origin": "ftp://relay.example"}', "no relay's address"),
        (b'{"origin": "https://relay.example/path"}', "no relay's address"),
        (b'{"grpc": "["}', "no HOST:PORT"),
        (b'{"grpc": "relay.example:99999"}', "no HOST:PORT"),
        (b'{"grpc": "unix:/run/other.sock"}', "no HOST:PORT"),
        (b'{"grpc": "you@relay.example:443"}', "no HOST:PORT"),
    ],
)
def test_what_is_no_card_is_told_in_words(body: bytes, error: str) -> None:
    assert error in read(ORIGIN, body, "", NOW).error


@pytest.mark.parametrize("grpc", ["relay.example", "127.0.0.1:8461", "[::1]:8461", ""])
def test_a_target_is_a_host_with_or_without_a_port(grpc: str) -> None:
    facts = read(ORIGIN, b'{"grpc": "%s"}' % grpc.encode(), "", NOW)
    assert (facts.error, facts.grpc) == ("", grpc)


@pytest.mark.parametrize(
    ("date", "told"),
    [
        ("Sat, 21 Nov 2026 11:00:00 -0000", datetime(2026, 11, 21, 11, tzinfo=UTC)),
        ("Sat, 21 Nov 2026 11:00:00 +0100", datetime(2026, 11, 21, 11, tzinfo=timezone(timedelta(hours=1)))),
        ("Sat, 21 Nov 2026 99999999999:00:00 GMT", None),
        ("tomorrow", None),
        ("", None),
    ],
)
def test_the_time_beside_ours_is_told_where_it_is_one(date: str, told: datetime | None) -> None:
    facts = read(ORIGIN, CARD, date, NOW)
    assert (facts.error, facts.relay_time, facts.our_time) == ("", told, NOW if told else None)
