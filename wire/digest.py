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
WORD_BYTES, MARK_BYTES = 12, 4
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


def word(key: bytes, said: bytes, digest: bytes) -> bytes:
    """12 bytes on `digest`, for a head that says `said`: the nonce of its seal. `key`: `EpochKey.word_key`.

    4 bytes mark it as a word; a drawn nonce begins with them once in 2**32 heads.
    """
    mark, rest = hmac.digest(key, said, hashlib.sha256), hmac.digest(key, said + digest, hashlib.sha256)
    return mark[:MARK_BYTES] + rest[: WORD_BYTES - MARK_BYTES]


def speaks_of(key: bytes, said: bytes, nonce: bytes, digest: bytes) -> bool | None:
    """Whether `nonce` is the word on `digest`; None when it is no word at all."""
    meant = word(key, said, digest)
    return meant == nonce if meant[:MARK_BYTES] == nonce[:MARK_BYTES] else None
