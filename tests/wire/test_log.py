import pytest

from wire.errors import LogGap, LogRolledBack, Malformed
from wire.log import WITHHELD_AFTER_MS, Cursor, Freshness, Head, Log, Record, Replica, Verdict, new_epoch, relay_lost

A, B = b"a" * 16, b"b" * 16


def written(*keys: bytes) -> Log[int]:
    log: Log[int] = Log(A)
    for value, key in enumerate(keys, 1):
        log.put(key, value)
    return log


def seqs(records: list[Record[int]]) -> list[int]:
    return [record.seq for record in records]


# --- the writer -------------------------------------------------------------------------------------------------------


def test_seqs_count_from_one_and_only_the_newest_of_a_key_is_kept() -> None:
    log = written(b"x", b"y", b"x")
    assert log.after(0) == [Record(2, b"y", 2), Record(3, b"x", 3)]
    assert log.head == Cursor(A, 3)
    assert len(log) == 2
    assert log.get(b"x") == Record(3, b"x", 3)
    assert log.get(b"z") is None


def test_reading_is_everything_above_n_in_order() -> None:
    log = written(b"x", b"y", b"z", b"x")
    assert seqs(log.after(2)) == [3, 4]
    assert seqs(log.after(0, limit=2)) == [2, 3]
    assert log.after(4) == []


def test_a_restored_log_goes_on_counting_and_stays_in_order() -> None:
    log = Log(A, [Record(5, b"x", 0), Record(2, b"y", 0)], head=9)
    assert log.put(b"y", 1).seq == 10
    assert seqs(log.after(0)) == [5, 10]


def test_a_peer_is_owed_what_it_has_not_stored() -> None:
    log = written(b"x", b"y", b"z")
    assert seqs(log.owed(None)) == [1, 2, 3]
    assert seqs(log.owed(Cursor(A, 1))) == [2, 3]
    assert seqs(log.owed(Cursor(A, 0), limit=1)) == [1]


def test_a_peer_with_another_epoch_is_owed_everything() -> None:
    assert seqs(written(b"x").owed(Cursor(B, 700))) == [1]


def test_a_store_restored_from_an_old_copy_must_not_go_on() -> None:
    with pytest.raises(LogRolledBack):
        written(b"x").owed(Cursor(A, 2))


@pytest.mark.parametrize(("epoch", "seq"), [(b"short", 0), (A, -1)])
def test_a_cursor_has_16_bytes_and_a_seq(epoch: bytes, seq: int) -> None:
    with pytest.raises(Malformed):
        Cursor(epoch, seq)


# --- the reader -------------------------------------------------------------------------------------------------------


def test_a_batch_is_applied_once() -> None:
    replica: Replica[int] = Replica(A)
    batch = written(b"x", b"y").after(0)
    assert replica.apply(batch) == batch
    assert replica.apply(batch) == []
    assert replica.cursor == Cursor(A, 2)


def test_a_straggler_does_not_roll_a_value_back() -> None:
    replica: Replica[int] = Replica(A)
    replica.apply([Record(3, b"x", 30)])
    assert replica.apply([Record(1, b"x", 10), Record(2, b"y", 20)]) == [Record(2, b"y", 20)]
    assert list(replica) == [Record(2, b"y", 20), Record(3, b"x", 30)]
    assert len(replica) == 2


def test_through_reaches_over_compacted_ends() -> None:
    replica: Replica[int] = Replica(A)
    replica.apply([Record(2, b"x", 1)], through=5)
    assert replica.through == 5
    replica.apply([], through=4)
    assert replica.through == 5


def test_a_batch_that_does_not_join_on_changes_nothing() -> None:
    replica: Replica[int] = Replica(A, through=4)
    with pytest.raises(LogGap, match="5 to 6"):
        replica.apply([Record(7, b"x", 1)], after=6)
    assert (replica.through, len(replica)) == (4, 0)
    with pytest.raises(LogGap):
        replica.caught_up(9, after=6)
    assert replica.through == 4


def test_another_epoch_is_another_replica() -> None:
    replica: Replica[int] = Replica(A, [Record(1, b"x", 1)], through=1)
    anew = replica.reset(B)
    assert (anew.epoch, anew.through, len(anew)) == (B, 0, 0)
    assert replica.reset(A) is replica
    assert len(replica) == 1


def test_a_reader_goes_up_from_epoch_to_epoch_only() -> None:
    with pytest.raises(LogRolledBack, match="pair again"):
        Replica[int](B).reset(A)


def test_a_later_log_has_a_higher_epoch_whatever_the_clock_says() -> None:
    first = new_epoch(1000, b"\xff" * 10)
    assert len(first) == len(A)
    assert new_epoch(1001, bytes(10)) > first
    assert new_epoch(1000, bytes(10), after=first) > first
    assert new_epoch(5, bytes(10), after=first) > first


def test_what_may_have_changed_in_a_gap_is_unsure() -> None:
    replica: Replica[int] = Replica(A, [Record(1, b"x", 1), Record(2, b"y", 2)], through=2)
    replica.resume()
    replica.peer_let_go(4)
    replica.apply([Record(5, b"y", 5)], through=5)
    assert replica.is_unsure(b"x")
    assert not replica.is_unsure(b"y")
    assert replica.is_unsure(b"never seen")


@pytest.mark.parametrize(("let_go", "newest", "unsure"), [(0, 1, False), (5, 1, True), (5, 6, False)])
def test_it_is_known_whether_anything_held_is_unsure(let_go: int, newest: int, *, unsure: bool) -> None:
    replica: Replica[int] = Replica(A, [Record(1, b"x", 1)], through=1)
    replica.resume()
    replica.peer_let_go(let_go)
    replica.apply([Record(newest, b"x", newest)])
    assert replica.has_unsure is unsure


def test_what_the_peer_let_go_below_the_cursor_makes_nothing_unsure() -> None:
    replica: Replica[int] = Replica(A, [Record(1, b"x", 1)], through=4)
    replica.resume()
    replica.caught_up(4, truncated_through=4)
    assert not replica.is_unsure(b"x")


def test_an_older_copy_does_not_make_sure_again_what_is_unsure() -> None:
    replica: Replica[int] = Replica(A, [Record(1, b"x", 1)], through=1)
    replica.resume()
    replica.peer_let_go(5)
    replica.peer_let_go(3)
    assert replica.unsure_through == 5


def test_what_came_live_counts_once_the_reader_asks_anew() -> None:
    replica: Replica[int] = Replica(A)
    replica.apply([Record(1, b"x", 1), Record(5, b"y", 5)])
    replica.resume()
    replica.peer_let_go(4)
    assert not replica.is_unsure(b"x")


def test_a_new_reader_starts_above_what_is_gone() -> None:
    replica: Replica[int] = Replica(A)
    assert replica.resume() == Cursor(A, 0)
    replica.caught_up(7, truncated_through=7)
    assert (replica.through, replica.unsure_through) == (7, 7)


def test_a_store_that_let_go_of_a_value_does_not_take_it_back() -> None:
    store: Replica[int] = Replica(A)
    batch = written(b"x", b"y", b"z").after(0)
    store.apply(batch)
    assert seqs(store.let_go(2)) == [1, 2]
    assert store.truncated_through == 2
    assert store.apply(batch) == []
    assert seqs(list(store)) == [3]


def test_a_relay_that_has_less_than_it_acknowledged_lost_something() -> None:
    assert relay_lost(Cursor(A, 5), Cursor(A, 4))
    assert relay_lost(Cursor(A, 5), None)
    assert not relay_lost(Cursor(A, 5), Cursor(A, 5))
    assert not relay_lost(Cursor(A, 5), Cursor(B, 0))
    assert not relay_lost(Cursor(A, 0), None)
    assert not relay_lost(None, None)


# --- freshness --------------------------------------------------------------------------------------------------------


def test_without_a_head_nothing_is_known() -> None:
    assert Freshness().note(None, 3, 0).verdict(through=3, offered=3, now_ms=0) is Verdict.UNKNOWN


def test_a_covered_head_dates_the_screen() -> None:
    known = Freshness().note(Head(5, 1000), 5, 0).note(Head(7, 2000), 5, 10)
    assert known.covered == Head(5, 1000)
    assert known.verdict(through=5, offered=7, now_ms=10) is Verdict.BEHIND
    level = known.note(None, 7, 20)
    assert level.covered == Head(7, 2000)
    assert level.verdict(through=7, offered=7, now_ms=20) is Verdict.LEVEL


def test_the_same_seq_at_a_later_time_is_a_newer_head() -> None:
    assert Freshness().note(Head(5, 1000), 5, 0).note(Head(5, 2000), 5, 0).covered == Head(5, 2000)


def test_a_straggling_head_changes_nothing() -> None:
    known = Freshness().note(Head(5, 1000), 5, 0)
    assert known.note(Head(4, 900), 5, 0) == known
    assert known.note(Head(5, 900), 5, 0) == known


def test_what_stays_away_for_a_minute_is_withheld() -> None:
    known = Freshness().note(Head(7, 1000), 5, 100)
    assert known.verdict(5, 7, 100 + WITHHELD_AFTER_MS - 1) is Verdict.BEHIND
    assert known.verdict(5, 7, 100 + WITHHELD_AFTER_MS) is Verdict.WITHHELD


def test_newer_heads_do_not_excuse_an_old_debt_but_payment_does() -> None:
    known = Freshness().note(Head(7, 1000), 5, 0).note(Head(9, 2000), 5, 50_000)
    assert known.verdict(5, 9, WITHHELD_AFTER_MS) is Verdict.WITHHELD
    assert known.note(None, 7, 59_000).verdict(7, 9, WITHHELD_AFTER_MS) is Verdict.BEHIND


def test_a_relay_that_offers_less_than_it_gave_was_rolled_back() -> None:
    assert Freshness().note(Head(5, 1000), 5, 0).verdict(through=5, offered=4, now_ms=0) is Verdict.ROLLED_BACK


def test_what_went_with_something_else_is_forgotten_and_the_cursor_stays() -> None:
    replica: Replica[str] = Replica(A, [Record(1, b"a", "x"), Record(2, b"b", "y")], through=2)
    replica.forget([b"a", b"unknown"])
    assert list(replica) == [Record(2, b"b", "y")]
    assert replica.cursor.seq == 2
