"""The one kind of key that is in clear: `grants/{device}`, under which a device finds the keys of a log.

The relay hands a device its own grant before anything else, never lets one fall out of a log for age or while other
records can go, and keeps them from other devices: docs/decisions/0002.
"""

_PREFIX = b"grants/"
_OPAQUE_KEY_BYTES = 16

NOT_A_GRANT = "NOT (length(key) > 16 AND substr(key, 1, 7) = X'6772616e74732f')"
"""`is_grant` in SQL, negated; the number is "grants/" in hexadecimal."""


def grant_key(device_id: str) -> bytes:
    """Under which key a device's grant is filed."""
    return _PREFIX + device_id.encode("ascii")


def is_grant(key: bytes) -> bool:
    """Whether a key is in clear: opaque ones have 16 bytes."""
    return len(key) > _OPAQUE_KEY_BYTES and key.startswith(_PREFIX)
