"""When a link that somebody looks at is asked, and when it is given up."""

from hypothesis import given
from hypothesis import strategies as st

from wire.vigil import (
    LEAST_PATIENCE_LOOKS,
    LOOK_SECONDS,
    MOST_PATIENCE_LOOKS,
    QUIET_LOOKS,
    ROUND_TRIPS,
    SLOW_BYTES,
    Finding,
    Vigil,
)

LIVES, ASK, DEAD = Finding.LIVES, Finding.ASK, Finding.DEAD
SECONDS = st.floats(0, 1_000)


def silence(vigil: Vigil, sent: int = 0) -> tuple[list[Finding], Vigil]:
    """What is found until the link is given up."""
    findings: list[Finding] = []
    while DEAD not in findings:
        finding, vigil = vigil.looked(vigil.heard, sent)
        findings.append(finding)
    return findings, vigil


def patience(vigil: Vigil, sent: int = 0) -> int:
    """Looks from the question to giving up."""
    return len(silence(vigil, sent)[0]) - QUIET_LOOKS


def answered_question(vigil: Vigil) -> Vigil:
    """The relay was silent until it was asked, and answered."""
    for _ in range(QUIET_LOOKS):
        _, vigil = vigil.looked(vigil.heard, vigil.sent)
    return vigil.looked(vigil.heard + 1, vigil.sent)[1]


def test_a_silent_relay_is_asked_once_and_then_given_up() -> None:
    findings, _ = silence(Vigil())
    assert findings == [*[LIVES] * (QUIET_LOOKS - 1), ASK, *[LIVES] * (LEAST_PATIENCE_LOOKS - 1), DEAD]


def test_whatever_comes_is_life_and_nobody_who_speaks_is_asked() -> None:
    vigil, findings = Vigil(), []
    for heard in range(1, 50):
        for _ in range(QUIET_LOOKS - 1):
            finding, vigil = vigil.looked(heard, 0)
            findings.append(finding)
    assert set(findings) == {LIVES}


def test_an_answer_at_the_last_look_keeps_the_link_and_the_relay_is_asked_again() -> None:
    vigil, findings = Vigil(), []
    for heard in range(4):
        for _ in range(QUIET_LOOKS + LEAST_PATIENCE_LOOKS):
            finding, vigil = vigil.looked(heard + 1, 0)
            findings.append(finding)
    assert DEAD not in findings
    assert findings.count(ASK) == 4


def test_a_slow_link_gets_the_time_that_what_was_sent_needs() -> None:
    assert patience(Vigil(), sent=20 * SLOW_BYTES) == LEAST_PATIENCE_LOOKS + 20


def test_what_was_sent_before_the_relay_was_heard_counts_no_more() -> None:
    _, vigil = Vigil().looked(1, 20 * SLOW_BYTES)
    assert patience(vigil, sent=20 * SLOW_BYTES) == LEAST_PATIENCE_LOOKS


def test_a_network_that_takes_two_seconds_there_and_back_gets_ten() -> None:
    assert patience(Vigil().answered(2.0)) * LOOK_SECONDS == 10.0


@given(st.lists(SECONDS, min_size=1))
def test_patience_is_many_times_the_last_answer_and_never_less_than_the_least_nor_more_than_the_most(
    answers: list[float],
) -> None:
    vigil = Vigil()
    for seconds in answers:
        vigil = vigil.answered(seconds)
    assert LEAST_PATIENCE_LOOKS <= vigil.patience <= MOST_PATIENCE_LOOKS
    assert vigil.patience == MOST_PATIENCE_LOOKS or vigil.patience * LOOK_SECONDS >= ROUND_TRIPS * answers[-1]


@given(SECONDS)
def test_one_slow_answer_is_forgotten_after_many_quick_ones(seconds: float) -> None:
    vigil = Vigil().answered(seconds)
    before = vigil.patience
    for _ in range(100):
        vigil = vigil.answered(0.01)
        assert vigil.patience <= before
        before = vigil.patience
    assert before == LEAST_PATIENCE_LOOKS


def test_one_link_that_died_makes_nobody_patient_and_more_in_a_row_do_until_a_relay_answers() -> None:
    vigil, lengths = Vigil(), []
    for _ in range(7):
        lengths.append(patience(vigil))
        _, vigil = silence(vigil)
        vigil = vigil.begun(0, 0)
    assert lengths == [4, 4, 8, 16, 32, 64, MOST_PATIENCE_LOOKS]
    _, vigil = vigil.looked(1, 0)
    assert vigil.patience == MOST_PATIENCE_LOOKS, "what comes unasked may be the beginning of what is too slow"
    assert answered_question(vigil).patience == LEAST_PATIENCE_LOOKS


def test_what_was_measured_outlives_the_link() -> None:
    _, vigil = silence(Vigil().answered(1.0))
    assert vigil.begun(0, 0).patience == Vigil().answered(1.0).patience


def test_whoever_begins_to_look_again_begins_to_count_again() -> None:
    vigil = Vigil()
    for _ in range(QUIET_LOOKS + LEAST_PATIENCE_LOOKS - 1):
        _, vigil = vigil.looked(0, 0)
    assert patience(vigil.begun(0, 0)) == LEAST_PATIENCE_LOOKS
