import hashlib
import hmac
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count, permutations

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st

from wire.errors import KeyMissing, KeyRetired, Malformed, SealBroken
from wire.identity import Identity
from wire.log import Head
from wire.sealing import (
    MAX_KEY_AGE_MS,
    MAX_RING_KEYS,
    MAX_SEALS,
    OVERHEAD_BYTES,
    Channel,
    EpochKey,
    KeyRing,
    KeyUse,
    Origin,
    bound,
    derive,
    open_head,
    open_once,
    open_record,
    open_volatile,
    seal_head,
    seal_once,
    seal_record,
    seal_volatile,
    sealed_under,
)

DESK, PHONE, OTHER = (Identity.from_bytes(hashlib.sha512(name).digest()) for name in (b"desk", b"phone", b"other"))
EPOCH, OTHER_EPOCH = b"e" * 16, b"f" * 16
ORIGIN = Origin(DESK.device_id, EPOCH)
FIRST, SECOND = EpochKey(1, b"1" * 32), EpochKey(2, b"2" * 32, first_seq=5)
RING = KeyRing(b"n" * 32, (FIRST, SECOND))
# The same numbers, other secrets: another workstation's ring.
STRANGE = KeyRing(b"n" * 32, (EpochKey(1, b"x" * 32), EpochKey(2, b"y" * 32, first_seq=5)))
KEY, FOCUS, CALL = b"k" * 16, b"s" * 16, b"c" * 16
TEXT = b"what the agent said"
DESK_TO_PHONE, PHONE_TO_DESK = Channel(DESK, PHONE.public), Channel(PHONE, DESK.public)
DESK_TO_OTHER, OTHER_TO_DESK = Channel(DESK, OTHER.public), Channel(OTHER, DESK.public)

Seal = Callable[[], bytes]
Open = Callable[[bytes], object]

SEALED: dict[str, tuple[Seal, Open, object]] = {
    "record": (
        lambda: seal_record(SECOND, ORIGIN, 7, KEY, TEXT),
        lambda sealed: open_record(RING, ORIGIN, 7, KEY, sealed),
        TEXT,
    ),
    "volatile": (
        lambda: seal_volatile(SECOND, ORIGIN, FOCUS, TEXT),
        lambda sealed: open_volatile(RING, ORIGIN, FOCUS, sealed),
        TEXT,
    ),
    "head": (
        lambda: seal_head(SECOND, ORIGIN, Head(7, 1000)),
        lambda sealed: open_head(RING, ORIGIN, sealed),
        Head(7, 1000),
    ),
    "call": (
        lambda: PHONE_TO_DESK.seal_call(CALL, 5000, TEXT),
        lambda sealed: DESK_TO_PHONE.open_call(CALL, 5000, sealed),
        TEXT,
    ),
    "reply": (
        lambda: DESK_TO_PHONE.seal_reply(CALL, 5000, TEXT),
        lambda sealed: PHONE_TO_DESK.open_reply(CALL, 5000, sealed),
        TEXT,
    ),
    "grant": (
        lambda: DESK_TO_PHONE.seal_grant(EPOCH, RING),
        lambda sealed: PHONE_TO_DESK.open_grant(EPOCH, sealed),
        RING,
    ),
}

MOVED: list[tuple[str, str, Open]] = [
    ("record", "another seq", lambda s: open_record(RING, ORIGIN, 8, KEY, s)),
    ("record", "another key", lambda s: open_record(RING, ORIGIN, 7, b"j" * 16, s)),
    ("record", "another workstation", lambda s: open_record(RING, replace(ORIGIN, workstation="w"), 7, KEY, s)),
    ("record", "another log epoch", lambda s: open_record(RING, Origin(DESK.device_id, OTHER_EPOCH), 7, KEY, s)),
    ("record", "another key epoch", lambda s: open_record(RING, ORIGIN, 7, KEY, (1).to_bytes(4) + s[4:])),
    ("record", "another ring", lambda s: open_record(STRANGE, ORIGIN, 7, KEY, s)),
    ("volatile", "another session", lambda s: open_volatile(RING, ORIGIN, b"t" * 16, s)),
    ("volatile", "another workstation", lambda s: open_volatile(RING, replace(ORIGIN, workstation="w"), FOCUS, s)),
    ("volatile", "another log epoch", lambda s: open_volatile(RING, Origin(DESK.device_id, OTHER_EPOCH), FOCUS, s)),
    ("volatile", "another key epoch", lambda s: open_volatile(RING, ORIGIN, FOCUS, (1).to_bytes(4) + s[4:])),
    ("head", "another workstation", lambda s: open_head(RING, replace(ORIGIN, workstation="w"), s)),
    ("head", "another log epoch", lambda s: open_head(RING, Origin(DESK.device_id, OTHER_EPOCH), s)),
    ("head", "another key epoch", lambda s: open_head(RING, ORIGIN, (1).to_bytes(4) + s[4:])),
    ("call", "another call id", lambda s: DESK_TO_PHONE.open_call(b"d" * 16, 5000, s)),
    ("call", "a later expiry", lambda s: DESK_TO_PHONE.open_call(CALL, 5001, s)),
    ("call", "another sender", lambda s: DESK_TO_OTHER.open_call(CALL, 5000, s)),
    ("call", "another workstation", lambda s: Channel(OTHER, PHONE.public).open_call(CALL, 5000, s)),
    ("call", "back to its sender", lambda s: PHONE_TO_DESK.open_call(CALL, 5000, s)),
    ("call", "as a reply", lambda s: DESK_TO_PHONE.open_reply(CALL, 5000, s)),
    ("reply", "another call id", lambda s: PHONE_TO_DESK.open_reply(b"d" * 16, 5000, s)),
    ("reply", "another expiry", lambda s: PHONE_TO_DESK.open_reply(CALL, 4999, s)),
    ("reply", "another device", lambda s: OTHER_TO_DESK.open_reply(CALL, 5000, s)),
    ("reply", "back to its sender", lambda s: DESK_TO_PHONE.open_reply(CALL, 5000, s)),
    ("reply", "as a call", lambda s: PHONE_TO_DESK.open_call(CALL, 5000, s)),
    ("grant", "another device", lambda s: OTHER_TO_DESK.open_grant(EPOCH, s)),
    ("grant", "another workstation", lambda s: Channel(PHONE, OTHER.public).open_grant(EPOCH, s)),
    ("grant", "another log epoch", lambda s: PHONE_TO_DESK.open_grant(OTHER_EPOCH, s)),
    ("grant", "another key epoch", lambda s: PHONE_TO_DESK.open_grant(EPOCH, (1).to_bytes(4) + s[4:])),
    ("grant", "back to its sender", lambda s: DESK_TO_PHONE.open_grant(EPOCH, s)),
]


@pytest.mark.parametrize("kind", SEALED)
def test_what_was_sealed_opens_where_it_belongs(kind: str) -> None:
    seal, unseal, content = SEALED[kind]
    assert unseal(seal()) == content


@pytest.mark.parametrize(
    ("kind", "unseal"), [pytest.param(kind, unseal, id=f"{kind} to {where}") for kind, where, unseal in MOVED]
)
def test_moved_it_does_not_open(kind: str, unseal: Open) -> None:
    sealed = SEALED[kind][0]()
    with pytest.raises(SealBroken):
        unseal(sealed)


@pytest.mark.parametrize(("kind", "place"), list(permutations(SEALED, 2)))
def test_one_kind_does_not_pass_for_another(kind: str, place: str) -> None:
    sealed = SEALED[kind][0]()
    with pytest.raises(SealBroken):
        SEALED[place][1](sealed)


@pytest.mark.parametrize("kind", SEALED)
@given(data=st.data())
def test_a_flipped_bit_does_not_open(kind: str, data: st.DataObject) -> None:
    seal, unseal, _ = SEALED[kind]
    sealed = bytearray(seal())
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(SealBroken):
        unseal(bytes(sealed))


@pytest.mark.parametrize("kind", SEALED)
@given(data=st.data(), more=st.binary(max_size=3))
def test_cut_or_lengthened_it_does_not_open(kind: str, data: st.DataObject, more: bytes) -> None:
    seal, unseal, _ = SEALED[kind]
    sealed = seal()
    for changed in (sealed[: data.draw(st.integers(0, len(sealed) - 1))], sealed + b"\0" + more):
        with pytest.raises(SealBroken):
            unseal(changed)


@pytest.mark.parametrize("kind", SEALED)
@given(sealed=st.binary(max_size=80))
def test_noise_does_not_open(kind: str, sealed: bytes) -> None:
    with pytest.raises(SealBroken):
        SEALED[kind][1](sealed)


@pytest.mark.parametrize("kind", SEALED)
def test_the_same_content_is_sealed_differently_each_time(kind: str) -> None:
    seal = SEALED[kind][0]
    assert len({seal() for _ in range(20)}) == 20


def test_a_passive_relay_sees_the_key_epoch_and_a_length() -> None:
    sealed = seal_record(SECOND, ORIGIN, 7, KEY, TEXT)
    assert sealed_under(sealed) == 2
    assert len(sealed) == len(TEXT) + OVERHEAD_BYTES
    assert TEXT not in sealed


def test_a_reader_without_the_key_is_told_which_one_it_lacks() -> None:
    with pytest.raises(KeyMissing) as refusal:
        open_record(KeyRing(RING.name_key, (FIRST,)), ORIGIN, 7, KEY, seal_record(SECOND, ORIGIN, 7, KEY, TEXT))
    assert refusal.value.key_epoch == 2


@pytest.mark.parametrize("number", [-1, 1 << 64])
def test_a_place_that_no_frame_can_hold_is_refused(number: int) -> None:
    with pytest.raises(Malformed):
        DESK_TO_PHONE.open_call(CALL, number, bytes(40))


# --- composition, checked by hand -------------------------------------------------------------------------------------


def hkdf(secret: bytes, info: bytes) -> bytes:
    """RFC 5869 with an empty salt, for one block of output."""
    extracted = hmac.digest(bytes(32), secret, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


def test_keys_come_from_hkdf() -> None:
    assert derive(b"s" * 32, b"info") == hkdf(b"s" * 32, b"info")
    assert FIRST.record_key == hkdf(FIRST.secret, b"\0\0\0\x15halyard record key v1")


def test_a_record_is_what_the_docstring_says() -> None:
    nonce = b"N" * 12
    sealed = seal_record(FIRST, ORIGIN, 7, KEY, TEXT, random=lambda size: nonce[:size])
    fields = [b"halyard record v1", DESK.device_id.encode(), EPOCH, (1).to_bytes(8), (7).to_bytes(8), KEY]
    data = b"".join(len(field).to_bytes(4) + field for field in fields)
    key = hkdf(FIRST.secret, bound("record key"))
    assert sealed == (1).to_bytes(4) + nonce + ChaCha20Poly1305(key).encrypt(nonce, TEXT, data)


FIELDS = st.lists(st.one_of(st.binary(max_size=9), st.integers(0, 2**64 - 1)), max_size=4)


@given(FIELDS, FIELDS)
def test_other_fields_give_other_bytes(one: list[bytes | int], other: list[bytes | int]) -> None:
    def plain(fields: list[bytes | int]) -> list[bytes]:
        return [value.to_bytes(8) if isinstance(value, int) else value for value in fields]

    assert (bound("label", *one) == bound("label", *other)) == (plain(one) == plain(other))


def test_a_nonce_is_drawn_for_every_seal() -> None:
    drawn: Iterator[int] = count(1)
    desk = Channel(DESK, PHONE.public, random=lambda size: next(drawn).to_bytes(size))
    assert desk.seal_call(CALL, 1, TEXT)[:12] == (1).to_bytes(12)
    assert desk.seal_reply(CALL, 1, TEXT)[:12] == (2).to_bytes(12)


def test_what_is_sealed_once_opens_under_its_key_and_data_only() -> None:
    sealed = seal_once(b"k" * 32, b"data", TEXT)
    assert open_once(b"k" * 32, b"data", sealed) == TEXT
    for key, data, changed in [
        (b"l" * 32, b"data", sealed),
        (b"k" * 32, b"", sealed),
        (b"k" * 32, b"data", sealed[:-1]),
        (b"k" * 32, b"data", b""),
    ]:
        with pytest.raises(SealBroken):
            open_once(key, data, changed)


# --- key rings --------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 2**32 - 1), min_size=1, max_size=9, unique=True).map(sorted))
def test_a_ring_unpacks_as_it_was_packed(numbers: list[int]) -> None:
    ring = KeyRing(b"n" * 32, tuple(EpochKey(n, hashlib.sha256(b"%d" % n).digest(), 3 * n) for n in numbers))
    assert KeyRing.unpack(ring.pack()) == ring


@given(st.data())
def test_a_ring_of_another_length_or_version_is_refused(data: st.DataObject) -> None:
    packed = RING.pack()
    cut = packed[: data.draw(st.integers(0, len(packed) - 1))]
    for changed in (cut, packed + b"\0", b"\x02" + packed[1:], packed + packed[-44:]):
        with pytest.raises(Malformed):
            KeyRing.unpack(changed)


def test_a_key_seals_from_its_place_in_the_log_until_the_next_one_does() -> None:
    turned = RING.turned(b"3" * 32, first_seq=9)
    assert turned.newest == EpochKey(3, b"3" * 32, 9)
    assert [turned.key_for(seq).number for seq in (1, 4, 5, 8, 9, 900)] == [1, 1, 2, 2, 3, 3]


def test_records_from_before_a_turn_open_after_it() -> None:
    turned = RING.turned(b"3" * 32, first_seq=9)
    for seq in (1, 5, 9):
        assert open_record(turned, ORIGIN, seq, KEY, seal_record(turned.key_for(seq), ORIGIN, seq, KEY, TEXT)) == TEXT


def test_a_revoked_device_cannot_write_into_the_log_with_the_key_it_kept() -> None:
    turned = RING.turned(b"3" * 32, first_seq=9)
    with pytest.raises(KeyRetired) as refusal:
        open_record(turned, ORIGIN, 9, KEY, seal_record(SECOND, ORIGIN, 9, KEY, TEXT))
    assert refusal.value.key_epoch == 2
    with pytest.raises(KeyRetired):
        open_volatile(turned, ORIGIN, FOCUS, seal_volatile(SECOND, ORIGIN, FOCUS, TEXT))
    with pytest.raises(KeyRetired):
        open_head(turned, ORIGIN, seal_head(SECOND, ORIGIN, Head(99, 0)))


BAD_RINGS: list[Callable[[], KeyRing]] = [
    lambda: KeyRing(b"n" * 32, ()),
    lambda: KeyRing(b"n" * 31, (FIRST,)),
    lambda: KeyRing(b"n" * 32, (SECOND, FIRST)),
    lambda: KeyRing(b"n" * 32, (FIRST, FIRST)),
    lambda: KeyRing(b"n" * 32, (FIRST, EpochKey(2, bytes(32), 9), EpochKey(3, bytes(32), 8))),
    lambda: KeyRing(b"n" * 32, (EpochKey(1, bytes(32), -1),)),
    lambda: KeyRing(b"n" * 32, tuple(EpochKey(n, bytes(32)) for n in range(1, MAX_RING_KEYS + 2))),
    lambda: KeyRing(b"n" * 32, (EpochKey(0, bytes(32)),)),
    lambda: KeyRing(b"n" * 32, (EpochKey(1, bytes(31)),)),
]


@pytest.mark.parametrize("make", BAD_RINGS)
def test_what_is_no_ring_is_refused(make: Callable[[], KeyRing]) -> None:
    with pytest.raises(Malformed):
        make()


def test_secrets_do_not_show() -> None:
    assert "1111" not in repr(RING)
    assert "nnnn" not in repr(RING)


def test_an_origin_has_an_epoch_of_16_bytes() -> None:
    with pytest.raises(Malformed):
        Origin("w", b"short")


def test_a_key_is_worn_after_a_week_or_many_seals() -> None:
    use = KeyUse(born_ms=1000)
    assert not use.sealed(MAX_SEALS - 1).is_worn(1000 + MAX_KEY_AGE_MS - 1)
    assert use.sealed(MAX_SEALS - 1).sealed().is_worn(1000)
    assert use.is_worn(1000 + MAX_KEY_AGE_MS)
