"""When a link that somebody looks at is asked, and when it is given up."""

from wire.vigil import MOST_PATIENCE_LOOKS, PATIENCE_LOOKS, QUIET_LOOKS, SLOW_BYTES, Finding, Vigil

LIVES, ASK, DEAD = Finding.LIVES, Finding.ASK, Finding.DEAD


def silence(vigil: Vigil, sent: int = 0) -> tuple[list[Finding], Vigil]:
    """What is found until the link is given up."""
    findings: list[Finding] = []
    while DEAD not in findings:
        finding, vigil = vigil.looked(vigil.heard, sent)
        findings.append(finding)
    return findings, vigil


def test_a_silent_relay_is_asked_once_and_then_given_up() -> None:
    findings, _ = silence(Vigil())
    assert findings == [*[LIVES] * (QUIET_LOOKS - 1), ASK, *[LIVES] * (PATIENCE_LOOKS - 1), DEAD]


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
        for _ in range(QUIET_LOOKS + PATIENCE_LOOKS):
            finding, vigil = vigil.looked(heard + 1, 0)
            findings.append(finding)
    assert DEAD not in findings
    assert findings.count(ASK) == 4


def test_a_slow_link_gets_the_time_that_what_was_sent_needs() -> None:
    findings, _ = silence(Vigil(), sent=20 * SLOW_BYTES)
    assert len(findings) == QUIET_LOOKS + PATIENCE_LOOKS + 20


def test_what_was_sent_before_the_relay_was_heard_counts_no_more() -> None:
    _, vigil = Vigil().looked(1, 20 * SLOW_BYTES)
    findings, _ = silence(vigil, sent=20 * SLOW_BYTES)
    assert len(findings) == QUIET_LOOKS + PATIENCE_LOOKS


def test_each_link_given_up_makes_more_patient_until_a_relay_answers() -> None:
    vigil, lengths = Vigil(), []
    for _ in range(6):
        findings, vigil = silence(vigil)
        lengths.append(len(findings) - QUIET_LOOKS)
        vigil = vigil.begun(0, 0)
    assert lengths == [5, 10, 20, 40, MOST_PATIENCE_LOOKS, MOST_PATIENCE_LOOKS]
    _, vigil = vigil.looked(1, 0)
    assert vigil.patience == MOST_PATIENCE_LOOKS, "what comes unasked may be the beginning of what is too slow"
    for _ in range(QUIET_LOOKS):
        _, vigil = vigil.looked(1, 0)
    _, vigil = vigil.looked(2, 0)
    assert vigil.patience == PATIENCE_LOOKS


def test_whoever_begins_to_look_again_begins_to_count_again() -> None:
    vigil = Vigil()
    for _ in range(QUIET_LOOKS + PATIENCE_LOOKS - 1):
        _, vigil = vigil.looked(0, 0)
    findings, _ = silence(vigil.begun(0, 0))
    assert len(findings) == QUIET_LOOKS + PATIENCE_LOOKS
