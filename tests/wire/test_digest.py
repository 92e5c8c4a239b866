"""The digest of a log says which records it holds, and nothing to anybody who lacks the key."""

from hypothesis import given
from hypothesis import strategies as st

from tests.wire.test_sealing import ORIGIN, RING
from wire.digest import DIGEST_BYTES, NOTHING, Digest
from wire.log import Head, Log, Record
from wire.sealing import seal_head, vouches

KEY = b"k" * 32


def digest_of(records: list[Record[None]]) -> bytes:
    digest = Digest(KEY)
    for record in records:
        digest.swap(record.key, NOTHING, record.seq)
    return digest.value


@given(st.lists(st.integers(0, 5), max_size=30), st.randoms())
def test_it_is_the_same_however_the_log_came_to_be_what_it_is(written: list[int], random: object) -> None:
    log, running = Log[None](bytes(16)), Digest(KEY)
    for number in written:
        key = bytes([number]) * 16
        known = log.get(key)
        running.swap(key, known.seq if known else NOTHING, log.put(key, None).seq)
    records = log.after(0)
    random.shuffle(records)  # type: ignore[attr-defined]  # Hypothesis types it as object
    assert digest_of(records) == running.value


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.data())
def test_a_record_more_or_less_or_older_makes_it_another(written: list[int], data: st.DataObject) -> None:
    log = Log[None](bytes(16))
    for number in written:
        log.put(bytes([number]) * 16, None)
    records = log.after(0)
    at = data.draw(st.integers(0, len(records) - 1))
    without = records[:at] + records[at + 1 :]
    older = [*without, Record(records[at].seq - 1, records[at].key, None)] if records[at].seq > 1 else without
    assert len({digest_of(records), digest_of(without), digest_of(older)}) == 3 - (older == without)


def test_another_key_makes_another_digest_and_an_empty_log_has_none() -> None:
    one, other = Digest(KEY), Digest(b"l" * 32)
    assert one.value == other.value == bytes(DIGEST_BYTES)
    for digest in (one, other):
        digest.swap(b"x" * 16, NOTHING, 1)
    assert one.value != other.value
    one.swap(b"x" * 16, 1, NOTHING)
    assert one.value == bytes(DIGEST_BYTES)


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16), st.integers(0, 2**40))
def test_a_head_vouches_for_one_digest(digest: bytes, other: bytes, seq: int) -> None:
    head = Head(seq, 1_000)
    sealed = seal_head(RING.newest, ORIGIN, head, digest)
    assert vouches(RING, ORIGIN, sealed, head, digest)
    assert vouches(RING, ORIGIN, sealed, head, other) is (digest == other)
    assert sealed == seal_head(RING.newest, ORIGIN, head, digest), "the same head under the same nonce, and no other"
    assert sealed[4:16] != seal_head(RING.newest, ORIGIN, Head(seq, 1_001), digest)[4:16]


def test_a_head_of_an_earlier_release_vouches_for_nothing() -> None:
    head = Head(7, 1_000)
    assert vouches(RING, ORIGIN, seal_head(RING.newest, ORIGIN, head), head, bytes(16)) is None
