from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wire.errors import Malformed, PairingExpired, PairingFailed
from wire.pairing import (
    ABORT,
    LIFE_MS,
    MAX_STEP_BYTES,
    BurntCodes,
    Code,
    Guest,
    Host,
    Link,
    Phase,
    Secrets,
    draw_secrets,
    parse_code,
    parse_link,
)

SHOWN = Secrets("482913", b"0123456789abcdef")
DESK, PHONE = b"I am the workstation", b"I am the phone"
DIGITS = st.from_regex(r"[0-9]{6}", fullmatch=True)
Change = Callable[[int, bytes], bytes]


def untouched(number: int, step: bytes) -> bytes:
    del number
    return step


class Meeting:
    """A host and a guest, and a line between them that may change the steps 1 to 4."""

    def __init__(self, guest: Guest, host: Host, change: Change = untouched) -> None:
        self.guest, self.host, self.change = guest, host, change
        self.learned: dict[str, bytes] = {}
        self.failed: set[str] = set()

    def run(self) -> "Meeting":
        step: bytes | None = self.guest.first_step
        sides: tuple[Host | Guest, ...] = (self.host, self.guest, self.host, self.guest)
        for number, side in enumerate(sides, 1):
            step = self._take(number, side, step)
            if step is None:
                break
        return self

    def _take(self, number: int, side: Host | Guest, step: bytes | None) -> bytes | None:
        assert step is not None
        try:
            turn = side.receive(self.change(number, step), now_ms=number)
        except PairingFailed as failure:
            self._fail(side, failure)
            return None
        if turn.introduction is not None:
            self.learned[type(side).__name__] = turn.introduction
            return self.host.welcome(DESK) if side is self.host else None
        return turn.send

    def _fail(self, side: Host | Guest, failure: PairingFailed) -> None:
        self.failed.add(type(side).__name__)
        other = self.guest if side is self.host else self.host
        assert failure.last_words is not None
        try:
            other.receive(failure.last_words, now_ms=9)
        except PairingFailed:
            self.failed.add(type(other).__name__)


def meeting(secret: str | bytes, change: Change = untouched, nameplate: str = "7") -> Meeting:
    return Meeting(Guest(nameplate, secret, PHONE, 0), Host("7", SHOWN, 0), change).run()


# --- the exchange -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", [SHOWN.digits, SHOWN.link], ids=["digits", "link"])
def test_who_shares_the_secret_learns_who_the_other_is(secret: str | bytes) -> None:
    met = meeting(secret)
    assert met.learned == {"Host": PHONE, "Guest": DESK}
    assert (met.host.phase, met.guest.phase) == (Phase.PAIRED, Phase.PAIRED)


WRONG = st.one_of(DIGITS.filter(lambda digits: digits != SHOWN.digits), st.binary(min_size=16, max_size=16))


@settings(max_examples=10)
@given(WRONG)
def test_a_wrong_secret_fails_on_both_sides_and_nobody_learns_anything(secret: str | bytes) -> None:
    met = meeting(secret)
    assert met.failed == {"Host", "Guest"}
    assert met.learned == {}
    assert (met.host.phase, met.guest.phase) == (Phase.BURNT, Phase.BURNT)


def test_digits_do_not_pass_for_the_secret_of_the_link() -> None:
    def relabelled(number: int, step: bytes) -> bytes:
        return b"l" + step[1:] if number == 1 else step

    assert meeting(SHOWN.digits, relabelled).failed == {"Host", "Guest"}


def test_a_slot_is_part_of_what_is_proven() -> None:
    assert meeting(SHOWN.digits, nameplate="8").failed == {"Host", "Guest"}


@settings(max_examples=20)
@given(st.data())
def test_any_change_of_steps_1_to_3_fails_both_sides(data: st.DataObject) -> None:
    target = data.draw(st.integers(1, 3))

    def changed(number: int, step: bytes) -> bytes:
        return mangle(data, step) if number == target else step

    met = meeting(SHOWN.digits, changed)
    assert met.failed == {"Host", "Guest"}
    assert "Host" not in met.learned
    assert "Guest" not in met.learned


def mangle(data: st.DataObject, step: bytes) -> bytes:
    at = data.draw(st.integers(0, len(step) - 1))
    flipped = step[:at] + bytes([step[at] ^ 1 << data.draw(st.integers(0, 7))]) + step[at + 1 :]
    return data.draw(st.sampled_from([flipped, step[:at], step + b"\0", b"", ABORT, bytes(len(step))]))


@settings(max_examples=10)
@given(st.data())
def test_a_changed_last_step_tells_the_guest_nothing(data: st.DataObject) -> None:
    def changed(number: int, step: bytes) -> bytes:
        return mangle(data, step) if number == 4 else step

    met = meeting(SHOWN.digits, changed)
    assert met.guest.phase is Phase.BURNT
    assert "Guest" not in met.learned


def test_a_relay_in_the_middle_that_guesses_wrong_is_found_out_by_both() -> None:
    guest, host = Guest("7", SHOWN.digits, PHONE, 0), Host("7", SHOWN, 0)
    towards_guest, towards_host = Host("7", Secrets("000000", bytes(16)), 0), Guest("7", "000000", b"evil", 0)
    answer = towards_guest.receive(guest.first_step, 1).send
    reply = host.receive(towards_host.first_step, 1).send
    assert answer is not None
    assert reply is not None
    with pytest.raises(PairingFailed):
        guest.receive(answer, 2)
    with pytest.raises(PairingFailed):
        towards_host.receive(reply, 2)
    with pytest.raises(PairingFailed):
        host.receive(bytes(32) + bytes(40), 3)


def test_a_step_sent_back_to_its_sender_is_refused() -> None:
    guest, host = Guest("7", SHOWN.digits, PHONE, 0), Host("7", SHOWN, 0)
    with pytest.raises(PairingFailed):
        guest.receive(guest.first_step, 1)
    answer = host.receive(Guest("7", SHOWN.digits, PHONE, 0).first_step, 1).send
    assert answer is not None
    with pytest.raises(PairingFailed):
        host.receive(answer, 2)


@settings(max_examples=30)
@given(st.binary(max_size=80), st.booleans())
def test_noise_burns_the_code_and_nothing_else(noise: bytes, from_guest: bool) -> None:
    side = Host("7", SHOWN, 0) if from_guest else Guest("7", SHOWN.digits, PHONE, 0)
    with pytest.raises(PairingFailed):
        side.receive(noise, 1)
    assert side.phase is Phase.BURNT


@pytest.mark.parametrize("element", [bytes(32), (1).to_bytes(32, "little"), b"\xff" * 32, (2).to_bytes(32, "little")])
def test_a_weak_or_false_element_is_refused(element: bytes) -> None:
    with pytest.raises(PairingFailed):
        Host("7", SHOWN, 0).receive(b"dB" + element, 1)


def test_an_element_of_the_own_side_is_refused() -> None:
    element = Guest("7", SHOWN.digits, PHONE, 0).first_step[2:]
    with pytest.raises(PairingFailed):
        Host("7", SHOWN, 0).receive(b"dA" + element, 1)


def test_a_burnt_code_takes_no_second_guess() -> None:
    host = Host("7", SHOWN, 0)
    with pytest.raises(PairingFailed):
        host.receive(ABORT, 1)
    with pytest.raises(PairingFailed):
        host.receive(Guest("7", SHOWN.digits, PHONE, 0).first_step, 2)
    assert host.phase is Phase.BURNT


def test_a_guest_that_leaves_has_burnt_the_code() -> None:
    host = Host("7", SHOWN, 0)
    host.receive(Guest("7", "000000", PHONE, 0).first_step, 1)
    host.left()
    assert host.phase is Phase.BURNT


def test_a_pairing_that_is_complete_stays_so() -> None:
    met = meeting(SHOWN.digits)
    met.host.left()
    with pytest.raises(PairingFailed):
        met.host.receive(ABORT, 9)
    with pytest.raises(PairingFailed):
        met.guest.receive(bytes(40), 9)
    assert (met.host.phase, met.guest.phase) == (Phase.PAIRED, Phase.PAIRED)


def test_a_host_introduces_itself_to_a_proven_guest_only() -> None:
    host = Host("7", SHOWN, 0)
    with pytest.raises(PairingFailed):
        host.welcome(DESK)
    host = Host("7", SHOWN, 0)
    host.receive(Guest("7", SHOWN.digits, PHONE, 0).first_step, 1)
    with pytest.raises(PairingFailed):
        host.welcome(DESK)


def test_an_oversized_step_is_refused() -> None:
    guest, host = Guest("7", SHOWN.digits, bytes(MAX_STEP_BYTES), 0), Host("7", SHOWN, 0)
    answer = host.receive(guest.first_step, 1).send
    assert answer is not None
    third = guest.receive(answer, 2).send
    assert third is not None
    with pytest.raises(PairingFailed):
        host.receive(third, 3)


# --- five minutes -----------------------------------------------------------------------------------------------------


def test_a_code_that_nobody_used_expires_and_is_not_burnt() -> None:
    host = Host("7", SHOWN, now_ms=1000)
    for _ in range(2):
        with pytest.raises(PairingExpired):
            host.receive(Guest("7", SHOWN.digits, PHONE, 0).first_step, 1000 + LIFE_MS)
    host.left()
    assert host.phase is Phase.EXPIRED


def test_an_exchange_that_takes_too_long_is_burnt() -> None:
    guest, host = Guest("7", SHOWN.digits, PHONE, 0), Host("7", SHOWN, 0)
    answer = host.receive(guest.first_step, LIFE_MS - 1).send
    assert answer is not None
    third = guest.receive(answer, LIFE_MS - 1).send
    assert third is not None
    with pytest.raises(PairingExpired):
        host.receive(third, LIFE_MS)
    assert host.phase is Phase.BURNT


def test_three_burnt_codes_stop_pairing_until_a_person_starts_it_again() -> None:
    codes = BurntCodes().burnt().burnt()
    assert codes.may_show_another
    assert not codes.burnt().may_show_another
    assert codes.burnt().cleared().may_show_another


# --- codes and links --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["7-482913", " 7 - 482 913 ", "7–482913", "7.482913", "7_482913\n", "7−482913"])
def test_a_code_is_read_as_people_type_it(typed: str) -> None:
    assert parse_code(typed) == Code("7", "482913")
    assert str(parse_code(typed)) == "7-482913"


@pytest.mark.parametrize(
    "typed", ["", "7482913", "7-48291", "7-4829131", "12345-482913", "x-482913", "7-٤٨٢٩١٣", "7--482913"]
)
def test_what_is_no_code_is_refused_with_an_example(typed: str) -> None:
    with pytest.raises(Malformed, match="7-482913"):
        parse_code(typed)


@given(st.from_regex(r"[0-9]{1,4}", fullmatch=True), st.binary(min_size=16, max_size=16))
def test_a_link_comes_back_as_it_was_shown(nameplate: str, secret: bytes) -> None:
    link = Link("https://relay.example:8443", nameplate, secret)
    assert parse_link(str(link)) == link
    assert parse_link(str(link) + "&later=1") == link


def test_the_secret_of_a_link_stays_behind_the_hash() -> None:
    before, _, behind = str(Link("https://relay.example", "7", SHOWN.link)).partition("#")
    assert before == "https://relay.example/pair"
    assert behind == "n=7&k=MDEyMzQ1Njc4OWFiY2RlZg"


def test_a_link_without_its_origin_names_no_relay() -> None:
    assert parse_link("/pair#n=7&k=MDEyMzQ1Njc4OWFiY2RlZg") == Link("", "7", SHOWN.link)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://relay.example/",
        "https://relay.example/pair",
        "https://relay.example/pair#",
        "https://relay.example/pair#n=7",
        "https://relay.example/pair#n=7&k=",
        "https://relay.example/pair#n=7&k=MDEyMzQ1",
        "https://relay.example/pair#n=7&k=!!!!",
        "https://relay.example/pair#n=7&k=ä",
        "https://relay.example/pair#n=77777&k=MDEyMzQ1Njc4OWFiY2RlZg",
        "https://relay.example/app/pair#n=7&k=MDEyMzQ1Njc4OWFiY2RlZg",
        "https://user@relay.example/pair#n=7&k=MDEyMzQ1Njc4OWFiY2RlZg",
        "javascript:alert(1)/pair#n=7&k=MDEyMzQ1Njc4OWFiY2RlZg",
        "https://" + "r" * 256 + "/pair#n=7&k=MDEyMzQ1Njc4OWFiY2RlZg",
    ],
)
def test_what_is_no_link_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_link(text)


@given(st.text(max_size=60))
def test_any_text_is_a_link_or_a_code_or_refused(text: str) -> None:
    for parse in (parse_code, parse_link):
        with pytest.raises(Malformed):
            parse(text)


def test_secrets_are_drawn_whole() -> None:
    drawn = count()
    secrets = draw_secrets(lambda size: next(drawn).to_bytes(size))
    assert secrets == Secrets("000000", (1).to_bytes(16))
    assert draw_secrets(lambda size: b"\xff" * size).digits == f"{(2**64 - 1) % 10**6:06d}"
    assert len({draw_secrets().digits for _ in range(50)}) > 40


def test_secrets_do_not_show() -> None:
    shown = repr([SHOWN, Code("7", "482913"), Link("https://relay.example", "7", SHOWN.link)])
    assert "482913" not in shown
    assert "0123456789abcdef" not in shown
