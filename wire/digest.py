"""The digest of a log: one value that says which records it holds, so that a reader notices one that was left out.

    digest  =  XOR over all live records of  HMAC-SHA256(digest key, seq (8 bytes, big endian) ‖ key)[:16]

Live is what a reader holds: of every key its newest record, tombstones too. Not grants, of which a reader sees only its
own, and not what lies inside a deleted session and is older than the session's tombstone: both ends let go of that.

XOR knows no order and needs no past: whoever replaces a record takes the old one out and puts the new one in. Without
the key nobody can tell what a set of records adds up to, so none can be left out unnoticed. The workstation says its
digest with every head (`sealing.seal_head`).
"""

import hashlib
import hmac

DIGEST_BYTES = 16
NOTHING = 0
"""In place of a seq: no record."""


class Digest:
    """What one end of a log adds up to; renewed with every change, whatever the order."""

    __slots__ = ("_key", "_sum")

    def __init__(self, key: bytes, value: bytes = bytes(DIGEST_BYTES)) -> None:
        """`key`: `KeyRing.digest_key`. `value`: where it was left; all zero is the digest of an empty log."""
        self._key = key
        self._sum = int.from_bytes(value)

    @property
    def value(self) -> bytes:
        """16 bytes."""
        return self._sum.to_bytes(DIGEST_BYTES)

    def swap(self, name: bytes, out: int, into: int) -> None:
        """The log key `name` has its record at seq `into` and no longer at `out`; either may be `NOTHING`."""
        for seq in (out, into):
            if seq != NOTHING:
                weight = hmac.digest(self._key, seq.to_bytes(8) + name, hashlib.sha256)
                self._sum ^= int.from_bytes(weight[:DIGEST_BYTES])
