"""What the relay carries and cannot read: ChaCha20-Poly1305 (RFC 8439) over keys from HKDF-SHA256 (RFC 5869).

    what            key from                                  associated data (after the label)
    record          epoch key, "record"                       workstation, log epoch, key epoch, seq, key
    volatile        epoch key, "volatile"                     workstation, log epoch, key epoch, focus key
    head            epoch key, "head"                         workstation, log epoch, key epoch
    grant           X25519(workstation, device), "grant"      workstation, device, log epoch, key epoch
    call, reply     X25519(both), "call" | "reply", from, to  from, to, call id, expiry in Unix ms

    sealed record, volatile, head, grant  =  key epoch (4 bytes, big endian) ‖ nonce (12) ‖ ciphertext ‖ tag (16)
    sealed call, reply                    =  nonce (12) ‖ ciphertext ‖ tag (16)

So content opens only where it was put: under its own key, place, log, workstation, direction and call. Associated data
and HKDF info are a label and fields, each behind its length (4 bytes, big endian), numbers as 8 bytes big endian: no
two lists of fields give the same bytes. Nonces are random, or as good (`digest.word`); an epoch key retires in time.

No primitive of its own. Composed here and nowhere else; docs/test-vectors.md has known answers.
"""

import secrets
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from wire.digest import speaks_of, word
from wire.errors import KeyMissing, KeyRetired, Malformed, SealBroken
from wire.identity import Identity, PublicKeys
from wire.log import EPOCH_BYTES, Head
from wire.names import NAME_KEY_BYTES

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
KEY_EPOCH_BYTES = 4
OVERHEAD_BYTES = KEY_EPOCH_BYTES + NONCE_BYTES + TAG_BYTES
"""What sealing adds to a record, volatile, head or grant."""
MAX_SEALS = 2**24
MAX_KEY_AGE_MS = 7 * 24 * 3600 * 1000
MAX_RING_KEYS = 4096
"""Epoch keys in one ring: 78 years of weekly turns. The bound is for the parser."""

Random = Callable[[int], bytes]
"""A source of random bytes; tests and vectors pass a fixed one."""

_RING_VERSION = 1
_EIGHT = (8).to_bytes(4)
_MAX_BEGINNINGS = 64


def bound(label: str, *fields: bytes | str | int) -> bytes:
    """Associated data or HKDF info: label and fields, each behind its length; see the module docstring."""
    return b"".join(map(_field, (f"halyard {label} v1", *fields)))


def _field(value: bytes | str | int) -> bytes:
    if isinstance(value, int):
        if not 0 <= value < 1 << 64:
            raise Malformed("A seq or time is out of range; it must fit 64 bits without a sign.")
        return _EIGHT + value.to_bytes(8)
    data = value.encode() if isinstance(value, str) else value
    return len(data).to_bytes(4) + data


def derive(secret: bytes, info: bytes) -> bytes:
    """32 bytes of HKDF-SHA256 from a uniformly random or agreed `secret`, without salt."""
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=info).derive(secret)


def _seal(key: bytes, data: bytes, plaintext: bytes, random: Random) -> bytes:
    return _seal_with(ChaCha20Poly1305(key), data, plaintext, random)


def _seal_with(cipher: ChaCha20Poly1305, data: bytes, plaintext: bytes, random: Random) -> bytes:
    nonce = random(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plaintext, data)


def _open(key: bytes, data: bytes, sealed: bytes) -> bytes:
    return _open_with(ChaCha20Poly1305(key), data, sealed)


def _open_with(cipher: ChaCha20Poly1305, data: bytes, sealed: bytes) -> bytes:
    if len(sealed) < NONCE_BYTES + TAG_BYTES:
        raise SealBroken("Sealed content is cut short; ask for it again.")
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], data)
    except InvalidTag:
        raise SealBroken("Sealed content was altered, moved, or not sealed for this device; do not use it.") from None


def seal_once(key: bytes, data: bytes, plaintext: bytes) -> bytes:
    """Ciphertext ‖ tag under a `key` that seals this one message and never another: its nonce is zero."""
    return ChaCha20Poly1305(key).encrypt(bytes(NONCE_BYTES), plaintext, data)


def open_once(key: bytes, data: bytes, sealed: bytes) -> bytes:
    """What `seal_once` sealed; SealBroken when anything differs."""
    return _open(key, data, bytes(NONCE_BYTES) + sealed)


# --- epoch keys: what a workstation tells all its readers -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose log something belongs to: the workstation's device id and the log epoch (16 bytes)."""

    workstation: str
    log_epoch: bytes

    def __post_init__(self) -> None:
        if len(self.log_epoch) != EPOCH_BYTES:
            raise Malformed(f"A log epoch has {EPOCH_BYTES} bytes.")


@dataclass(frozen=True)
class EpochKey:
    """One key of a workstation: its number, from 1 upwards, 32 random bytes, and the first seq that it seals."""

    number: int
    secret: bytes = field(repr=False)
    first_seq: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.number < 1 << 32 or len(self.secret) != KEY_BYTES or not 0 <= self.first_seq < 1 << 64:
            raise Malformed(f"An epoch key is a number from 1, {KEY_BYTES} bytes, and the first seq that it seals.")

    @cached_property
    def record_key(self) -> bytes:
        """Seals records."""
        return derive(self.secret, bound("record key"))

    @cached_property
    def volatile_key(self) -> bytes:
        """Seals volatile batches."""
        return derive(self.secret, bound("volatile key"))

    # What seals thousands of times is set up once: that takes nearly as long as opening a short record.

    @cached_property
    def record_cipher(self) -> ChaCha20Poly1305:
        """Under `record_key`."""
        return ChaCha20Poly1305(self.record_key)

    @cached_property
    def volatile_cipher(self) -> ChaCha20Poly1305:
        """Under `volatile_key`."""
        return ChaCha20Poly1305(self.volatile_key)

    @cached_property
    def head_key(self) -> bytes:
        """Seals heads."""
        return derive(self.secret, bound("head key"))

    @cached_property
    def word_key(self) -> bytes:
        """Makes the nonces of heads."""
        return derive(self.secret, bound("head word key"))


@dataclass(frozen=True)
class KeyRing:
    """All that a member is granted: the name key and every epoch key, in ascending order, at least one.

    A key seals from its `first_seq` on, until the next one does. Readers hold to that: all members share these keys,
    and a device that was revoked still has the old ones.
    """

    name_key: bytes = field(repr=False)
    keys: tuple[EpochKey, ...]

    def __post_init__(self) -> None:
        numbers, seqs = [key.number for key in self.keys], [key.first_seq for key in self.keys]
        if len(self.name_key) != NAME_KEY_BYTES or not 1 <= len(numbers) <= MAX_RING_KEYS:
            raise Malformed(f"A key ring is a name key of {NAME_KEY_BYTES} bytes and 1 to {MAX_RING_KEYS} epoch keys.")
        if sorted(set(numbers)) != numbers or sorted(seqs) != seqs:
            raise Malformed("The epoch keys of a ring ascend.")

    @cached_property
    def digest_key(self) -> bytes:
        """Weighs records (`wire.digest`); lives as long as the name key."""
        return derive(self.name_key, bound("digest key"))

    @property
    def newest(self) -> EpochKey:
        """The key that seals from now on."""
        return self.keys[-1]

    def turned(self, secret: bytes, first_seq: int) -> "KeyRing":
        """The ring with one more key, after a revocation or when KeyUse says so.

        `secret`: 32 random bytes; `first_seq`: the log's next seq. Records below it stay with the keys before, so that
        a live reader, who gets its grant in log order, never meets a key that it does not hold yet.
        """
        return replace(self, keys=(*self.keys, EpochKey(self.newest.number + 1, secret, first_seq)))

    def key_for(self, seq: int) -> EpochKey:
        """The key that seals the record at `seq`."""
        return self.keys[max(bisect_right(self.keys, seq, key=lambda key: key.first_seq) - 1, 0)]

    def key(self, number: int, *, not_before: EpochKey) -> EpochKey:
        """The epoch key with this number.

        KeyMissing when it is not in the ring, KeyRetired when it is older than `not_before`.
        """
        for key in reversed(self.keys):
            if key.number == number:
                if number < not_before.number:
                    raise KeyRetired(number)
                return key
        raise KeyMissing(number)

    def pack(self) -> bytes:
        """Version 1 (1 byte) ‖ name key (32) ‖ count (2) ‖ count x (number (4) ‖ first seq (8) ‖ secret (32)).

        Numbers are big endian.
        """
        keys = b"".join(key.number.to_bytes(4) + key.first_seq.to_bytes(8) + key.secret for key in self.keys)
        return bytes([_RING_VERSION]) + self.name_key + len(self.keys).to_bytes(2) + keys

    @classmethod
    def unpack(cls, packed: bytes) -> "KeyRing":
        """The ring that `pack` wrote; Malformed when it is of another version or length."""
        start, step = 1 + NAME_KEY_BYTES + 2, 4 + 8 + KEY_BYTES
        count = int.from_bytes(packed[start - 2 : start])
        if packed[:1] != bytes([_RING_VERSION]) or len(packed) != start + step * count:
            raise Malformed("This key ring has a layout that this release does not know; update the app.")
        entries = (packed[at : at + step] for at in range(start, len(packed), step))
        return cls(
            packed[1 : start - 2],
            tuple(EpochKey(int.from_bytes(e[:4]), e[12:], int.from_bytes(e[4:12])) for e in entries),
        )


def sealed_under(sealed: bytes) -> int:
    """The number of the epoch key in front of a sealed record, volatile, head or grant."""
    if len(sealed) < OVERHEAD_BYTES:
        raise SealBroken("Sealed content is cut short; ask for it again.")
    return int.from_bytes(sealed[:KEY_EPOCH_BYTES])


def seal_record(
    key: EpochKey, origin: Origin, seq: int, name: bytes, plaintext: bytes, *, random: Random = secrets.token_bytes
) -> bytes:
    """The value of a record, for its place `seq` and its log key `name` only."""
    data = _in_log("record", origin, key.number, seq, name)
    return key.number.to_bytes(KEY_EPOCH_BYTES) + _seal_with(key.record_cipher, data, plaintext, random)


def open_record(ring: KeyRing, origin: Origin, seq: int, name: bytes, sealed: bytes) -> bytes:
    """The plaintext.

    KeyMissing when its key was not granted, KeyRetired when another key had replaced it before `seq`, SealBroken when
    anything is not as it was sealed.
    """
    key = ring.key(sealed_under(sealed), not_before=ring.key_for(seq))
    return _open_with(key.record_cipher, _in_log("record", origin, key.number, seq, name), sealed[KEY_EPOCH_BYTES:])


def seal_volatile(
    key: EpochKey, origin: Origin, focus: bytes, plaintext: bytes, *, random: Random = secrets.token_bytes
) -> bytes:
    """A batch of hints for the session whose focus key is `focus`."""
    data = _in_log("volatile", origin, key.number, focus)
    return key.number.to_bytes(KEY_EPOCH_BYTES) + _seal_with(key.volatile_cipher, data, plaintext, random)


def open_volatile(ring: KeyRing, origin: Origin, focus: bytes, sealed: bytes) -> bytes:
    """The plaintext; refusals as in `open_record`, and only the newest key will do.

    A batch may be a replay: its deltas carry offsets, and a record always has the last word.
    """
    key = ring.key(sealed_under(sealed), not_before=ring.newest)
    return _open_with(key.volatile_cipher, _in_log("volatile", origin, key.number, focus), sealed[KEY_EPOCH_BYTES:])


def seal_head(
    key: EpochKey, origin: Origin, head: Head, digest: bytes | None = None, *, random: Random = secrets.token_bytes
) -> bytes:
    """The freshness mark: seq (8 bytes) ‖ Unix ms (8), sealed; its nonce is the word on `digest`, the log's there.

    None: the nonce is drawn, as in release 0.1. docs/decisions/0100-a-digest-under-every-head.md.
    """
    data, said = _in_log("head", origin, key.number), _in_log("head word", origin, key.number, head.seq, head.time_ms)
    draw = random if digest is None else lambda _: word(key.word_key, said, digest)
    plaintext = head.seq.to_bytes(8) + head.time_ms.to_bytes(8)
    return key.number.to_bytes(KEY_EPOCH_BYTES) + _seal(key.head_key, data, plaintext, draw)


def open_head(ring: KeyRing, origin: Origin, sealed: bytes) -> Head:
    """The freshness mark; refusals as in `open_volatile`. Whether it is the newest is for `log.Freshness` to say."""
    key = ring.key(sealed_under(sealed), not_before=ring.newest)
    plaintext = _open(key.head_key, _in_log("head", origin, key.number), sealed[KEY_EPOCH_BYTES:])
    return Head(int.from_bytes(plaintext[:8]), int.from_bytes(plaintext[8:]))


def vouches(ring: KeyRing, origin: Origin, sealed: bytes, head: Head, digest: bytes) -> bool | None:
    """Whether `sealed`, opened as `head`, says that the log's digest was `digest`; None: it says nothing of it."""
    key = ring.key(sealed_under(sealed), not_before=ring.newest)
    said = _in_log("head word", origin, key.number, head.seq, head.time_ms)
    return speaks_of(key.word_key, said, sealed[KEY_EPOCH_BYTES:][:NONCE_BYTES], digest)


def _in_log(label: str, origin: Origin, key_epoch: int, *fields: bytes | int) -> bytes:
    return _beginning(label, origin, key_epoch) + b"".join(map(_field, fields))


@lru_cache(_MAX_BEGINNINGS)
def _beginning(label: str, origin: Origin, key_epoch: int) -> bytes:
    """What all associated data of one key in one log begins with."""
    return bound(label, origin.workstation, origin.log_epoch, key_epoch)


@dataclass(frozen=True, slots=True)
class KeyUse:
    """How much an epoch key was used; when `is_worn`, turn the ring. A value to keep on disk."""

    born_ms: int
    seals: int = 0

    def sealed(self, count: int = 1) -> "KeyUse":
        """After `count` more seals. Write it ahead in steps (say of 1,000), so that a crash never counts too few."""
        return replace(self, seals=self.seals + count)

    def is_worn(self, now_ms: int) -> bool:
        """After 2**24 seals, where random nonces collide with a probability below 2**-48, or after a week."""
        return self.seals >= MAX_SEALS or now_ms - self.born_ms >= MAX_KEY_AGE_MS


# --- pairwise: what two devices tell each other -----------------------------------------------------------------------


@dataclass(frozen=True)
class Channel:
    """One device's side of what it shares with one other. Keep it: making one costs a key agreement.

    Only these two devices can seal what it opens. Calls and replies have different keys in each direction.
    """

    own: Identity
    peer: PublicKeys
    random: Random = field(default=secrets.token_bytes, repr=False)

    def seal_call(self, call_id: bytes, expires_ms: int, plaintext: bytes) -> bytes:
        """A call to the peer."""
        return self._seal_to_peer("call", call_id, expires_ms, plaintext)

    def open_call(self, call_id: bytes, expires_ms: int, sealed: bytes) -> bytes:
        """A call from the peer, as its frame names it; SealBroken when anything differs."""
        return self._open_from_peer("call", call_id, expires_ms, sealed)

    def seal_reply(self, call_id: bytes, expires_ms: int, plaintext: bytes) -> bytes:
        """The answer to the peer's call with this id and expiry."""
        return self._seal_to_peer("reply", call_id, expires_ms, plaintext)

    def open_reply(self, call_id: bytes, expires_ms: int, sealed: bytes) -> bytes:
        """The peer's answer to the own call with this id and expiry."""
        return self._open_from_peer("reply", call_id, expires_ms, sealed)

    def seal_grant(self, log_epoch: bytes, ring: KeyRing) -> bytes:
        """The workstation gives its ring to the peer; filed as the record `grants/{peer}`."""
        number = ring.newest.number
        key, data = self._direction("grant", self._own_id, self._peer_id, log_epoch, number)
        return number.to_bytes(KEY_EPOCH_BYTES) + _seal(key, data, ring.pack(), self.random)

    def open_grant(self, log_epoch: bytes, sealed: bytes) -> KeyRing:
        """The ring that the peer, a workstation, granted to this device. Refuse one with fewer keys than you hold."""
        number = sealed_under(sealed)
        key, data = self._direction("grant", self._peer_id, self._own_id, log_epoch, number)
        return KeyRing.unpack(_open(key, data, sealed[KEY_EPOCH_BYTES:]))

    def _seal_to_peer(self, label: str, call_id: bytes, expires_ms: int, plaintext: bytes) -> bytes:
        key, data = self._direction(label, self._own_id, self._peer_id, call_id, expires_ms)
        return _seal(key, data, plaintext, self.random)

    def _open_from_peer(self, label: str, call_id: bytes, expires_ms: int, sealed: bytes) -> bytes:
        key, data = self._direction(label, self._peer_id, self._own_id, call_id, expires_ms)
        return _open(key, data, sealed)

    def _direction(self, label: str, sender: str, receiver: str, *fields: bytes | int) -> tuple[bytes, bytes]:
        key = derive(self._shared, bound(f"{label} key", sender, receiver))
        return key, bound(label, sender, receiver, *fields)

    @cached_property
    def _shared(self) -> bytes:
        return self.own.agree(self.peer)

    @cached_property
    def _own_id(self) -> str:
        return self.own.device_id

    @cached_property
    def _peer_id(self) -> str:
        return self.peer.device_id
