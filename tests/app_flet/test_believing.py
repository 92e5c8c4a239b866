"""What a device believes of its relay, from heads, cursors and digests."""

from app_flet.attendance import ANSWERS_MS, RENEWS_MS
from app_flet.believing import ASLEEP_AFTER_MS, LEFT_OUT, SILENT, SILENT_AFTER_MS, UNPROVEN, Belief
from app_flet.tally import FIRST_WAIT_MS
from wire.log import Head


def at(belief: Belief, seq: int, now_ms: int, *, fits: bool | None, is_whole: bool = True) -> bool:
    """A relay hands out all up to `seq`, and the head there. Whether the log must be read again."""
    belief.offered(seq, has_records=True, now_ms=now_ms)
    belief.head(Head(seq, now_ms), b"", (lambda _head, _sealed: fits) if is_whole else None, seq, now_ms)
    return belief.compare(seq, seq, lambda _head, _sealed: fits, now_ms, is_whole=is_whole)


def linked(*, is_counted: bool, let_go_through: int = 0, now_ms: int = 0) -> Belief:
    belief = Belief(is_counted=is_counted)
    belief.began(online=True, offered=0, let_go_through=let_go_through, now_ms=now_ms)
    return belief


def test_what_fits_is_dated_and_what_does_not_is_said_and_read_again() -> None:
    belief = linked(is_counted=True)
    assert not at(belief, 5, 1_000, fits=True)
    assert (belief.doubt(5, 1_000), belief.as_of_ms) == ("", 1_000)
    assert at(belief, 6, 2_000, fits=False)
    assert (belief.doubt(6, 2_000), belief.as_of_ms) == (LEFT_OUT, 0)
    belief.caught_up(6, 0, 3_000)
    assert not at(belief, 7, 3_000, fits=False), "not so soon"
    assert at(belief, 8, 2_000 + FIRST_WAIT_MS, fits=False)
    belief.caught_up(8, 0, 4_000)
    assert not at(belief, 9, 5_000 + FIRST_WAIT_MS, fits=True)
    assert (belief.doubt(9, 5_000 + FIRST_WAIT_MS), belief.as_of_ms) == ("", 5_000 + FIRST_WAIT_MS)


def test_a_replica_of_an_earlier_release_is_read_again_before_anything_is_said() -> None:
    belief = linked(is_counted=False)
    assert at(belief, 5, 1_000, fits=False)
    assert belief.doubt(5, 1_000) == ""
    belief.caught_up(5, 0, 2_000)
    assert not at(belief, 6, 2_000, fits=False)
    assert belief.doubt(6, 2_000) == LEFT_OUT


def test_nor_is_it_held_against_a_relay_that_lacks_what_it_let_go_of() -> None:
    belief = linked(is_counted=False, let_go_through=3)
    assert not at(belief, 5, 1_000, fits=False)
    assert (belief.doubt(5, 1_000), belief.as_of_ms) == ("", 1_000)
    assert not at(belief, 6, 2_000, fits=True), "what fits once is whole"
    assert at(belief, 7, 3_000, fits=False)
    assert belief.doubt(7, 3_000) == LEFT_OUT


def test_a_replica_with_a_known_gap_and_a_workstation_of_an_earlier_release_are_believed_as_before() -> None:
    for fits, is_whole in ((False, False), (None, True)):
        belief = linked(is_counted=True)
        assert not at(belief, 5, 1_000, fits=fits, is_whole=is_whole)
        assert (belief.doubt(5, 1_000), belief.as_of_ms) == ("", 1_000)


def test_only_what_the_relay_had_when_it_handed_out_a_head_is_compared() -> None:
    belief = linked(is_counted=True)
    # The head is ahead of what the relay has: until then, values that it speaks of may have been replaced.
    belief.head(Head(9, 1_000), b"", lambda _head, _sealed: False, 4, 1_000)
    belief.offered(9, has_records=True, now_ms=2_000)
    belief.reached(9, 2_000)
    assert not belief.compare(9, 9, lambda _head, _sealed: False, 2_000, is_whole=True)
    assert (belief.doubt(9, 2_000), belief.as_of_ms) == ("", 0)
    # Nor when something newer is held.
    belief.head(Head(9, 3_000), b"", lambda _head, _sealed: False, 9, 3_000)
    assert not belief.compare(10, 10, lambda _head, _sealed: False, 3_000, is_whole=True)


def test_a_relay_whose_heads_can_never_be_compared_is_as_good_as_silent() -> None:
    belief, now, seq = linked(is_counted=True), 0, 0
    while now <= SILENT_AFTER_MS:
        assert belief.doubt(seq, now) == ""
        now, seq = now + 30_000, seq + 1
        belief.head(Head(seq, now), b"", lambda _head, _sealed: False, seq - 1, now)
        belief.offered(seq, has_records=False, now_ms=now)
        belief.reached(seq, now)
    assert (belief.doubt(seq, now), belief.as_of_ms) == (SILENT, 0)


def test_a_log_that_nobody_proves_is_waited_for_once_whatever_the_relay_does_meanwhile() -> None:
    belief, now = linked(is_counted=True), 1_000
    while now <= 1_000 + SILENT_AFTER_MS:
        belief.began(online=False, offered=0, let_go_through=0, now_ms=now)
        assert belief.doubt(0, now, is_proven=False) == ""
        now += 30_000
    assert belief.doubt(0, now, is_proven=False) == UNPROVEN
    assert belief.doubt(0, now, is_proven=True) == ""
    assert belief.doubt(0, now, is_proven=False) == "", "it was withdrawn, and is spoken of anew"


def test_nor_is_it_held_against_a_relay_that_the_device_slept() -> None:
    belief = linked(is_counted=True)
    assert belief.doubt(0, 1_000, is_proven=False) == ""
    now = 1_000 + SILENT_AFTER_MS + ASLEEP_AFTER_MS
    assert belief.doubt(0, now, is_proven=False) == ""


def test_a_workstation_that_does_not_answer_who_looks_is_silent_and_one_that_nobody_looks_at_is_not() -> None:
    belief = linked(is_counted=True)
    assert not belief.is_silent(1_000_000)
    belief.looked_at(1_000, somebody=True)
    assert not belief.is_silent(1_000 + ANSWERS_MS - 1)
    assert belief.is_silent(1_000 + ANSWERS_MS)
    belief.present(online=False, now_ms=6_000)
    assert not belief.is_silent(1_000_000), "it is offline: nobody waits for its answer"
    belief.present(online=True, now_ms=7_000)
    assert not belief.is_silent(7_000)
    assert belief.is_silent(7_000 + ANSWERS_MS)
    belief.looked_at(20_000, somebody=False)
    assert not belief.is_silent(1_000_000)


def test_only_a_head_that_was_never_seen_is_an_answer() -> None:
    belief = linked(is_counted=True)
    stored = Head(5, 900)
    belief.head(stored, b"", None, 5, 1_000)
    belief.looked_at(2_000, somebody=True)
    for again in (stored, Head(5, 800), Head(4, 950)):
        belief.head(again, b"", None, 5, 3_000)
    assert belief.is_silent(2_000 + ANSWERS_MS)
    belief.head(Head(5, 2_500), b"", None, 5, 7_000)
    assert not belief.is_silent(7_000)
    assert belief.is_silent(7_000 + RENEWS_MS)


def test_a_workstation_whose_clock_was_set_back_is_heard_with_what_it_writes() -> None:
    belief = linked(is_counted=True)
    belief.head(Head(5, 90_000), b"", None, 5, 90_000)
    belief.looked_at(91_000, somebody=True)
    belief.head(Head(6, 30_000), b"", None, 6, 92_000)
    assert not belief.is_silent(91_000 + ANSWERS_MS)


def test_a_device_that_slept_gives_the_time_of_an_answer_anew() -> None:
    belief = linked(is_counted=True)
    belief.looked_at(1_000, somebody=True)
    assert belief.doubt(0, 1_000) == ""
    now = 1_000 + ASLEEP_AFTER_MS + 1
    assert belief.doubt(0, now) == ""
    assert not belief.is_silent(now)
    assert belief.is_silent(now + ANSWERS_MS)
