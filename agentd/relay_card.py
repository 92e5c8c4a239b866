"""What a relay says of itself at CARD_PATH (docs/link-protocol.md) and of its time, as facts. Pure.

Whatever answers at an address may be no relay at all: what cannot be shown, dialled or kept is an error in words.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from agentd.verdicts import CardFacts

CARD_PATH = "/.well-known/halyard-relay"
_FIELDS = "origin", "grpc", "version"
_LONGEST = 256


def read(origin: str, body: bytes, date: str, our_time: datetime) -> CardFacts:
    """Returns what the relay at `origin` answered; `date` is the header of that name, `our_time` when it came."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        return CardFacts(origin, error=f"its card is no JSON ({error})")
    if not isinstance(told, dict) or not all(_is_text(told.get(field, "")) for field in _FIELDS):
        return CardFacts(origin, error="its card is of another kind")
    announced, grpc, version = (str(told.get(field, "")) for field in _FIELDS)
    if announced and not (announced.startswith(("https://", "http://")) and _is_address(announced.partition("//")[2])):
        return CardFacts(origin, error=f"it calls itself {announced}, which is no relay's address")
    if grpc and not _is_address(grpc):
        return CardFacts(origin, error=f"its card names {grpc} for gRPC, which is no HOST:PORT")
    facts = CardFacts(origin, announced_origin=announced, grpc=grpc, version=version)
    relay_time = _time(date)
    return replace(facts, relay_time=relay_time, our_time=our_time) if relay_time else facts


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and len(value) <= _LONGEST


def _is_address(text: str) -> bool:
    """Returns whether it is a host, with or without a port, and nothing else."""
    try:
        where = urlsplit(f"//{text}")
        return bool(where.hostname) and where.port != 0 and where.netloc == text and "@" not in text
    except ValueError:
        return False


def _time(date: str) -> datetime | None:
    """Returns the time of a Date header; None when it tells none."""
    try:
        told = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    # RFC 5322 writes "-0000" for a time whose zone is not told; a Date header is in GMT.
    return told if told.tzinfo else told.replace(tzinfo=UTC)
