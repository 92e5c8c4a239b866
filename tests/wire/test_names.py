from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire import names
from wire.errors import Malformed
from wire.names import Kind, Name

NAME_KEY = bytes(range(32))
IDS = st.from_regex(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,127}", fullmatch=True)

BUILT = [
    (names.WORKSTATION, Name(Kind.WORKSTATION, ())),
    (names.project("p"), Name(Kind.PROJECT, ("p",))),
    (names.session("s"), Name(Kind.SESSION, ("s",))),
    (names.message("s", "m"), Name(Kind.MESSAGE, ("s", "m"))),
    (names.part("s", "m", "p"), Name(Kind.PART, ("s", "m", "p"))),
    (names.permission("s", "p"), Name(Kind.PERMISSION, ("s", "p"))),
    (names.question("s", "q"), Name(Kind.QUESTION, ("s", "q"))),
    (names.todos("s"), Name(Kind.TODOS, ("s",))),
    (names.device("d"), Name(Kind.DEVICE, ("d",))),
    (names.grant("d"), Name(Kind.GRANT, ("d",))),
]


@pytest.mark.parametrize(("text", "name"), BUILT)
def test_what_is_built_parses_to_the_same(text: str, name: Name) -> None:
    assert names.parse(text) == name
    assert str(name) == text


def test_every_kind_can_be_built() -> None:
    assert {name.kind for _, name in BUILT} == set(Kind)


def test_the_patterns_are_the_contract() -> None:
    assert names.part("ses_1", "msg_2", "prt_3") == "sessions/ses_1/messages/msg_2/parts/prt_3"
    assert names.todos("ses_1") == "sessions/ses_1/todos"


@given(IDS, IDS, IDS)
def test_any_ids_come_back_as_they_were(session_id: str, message_id: str, part_id: str) -> None:
    assert names.parse(names.part(session_id, message_id, part_id)).ids == (session_id, message_id, part_id)


@pytest.mark.parametrize("bad", ["", ".", "..", ".hidden", "a/b", "a b", "ä", "a\n", "x" * 129, "a%2F", "a\x00"])
def test_a_bad_id_is_refused_wherever_it_stands(bad: str) -> None:
    builders: list[Callable[[], str]] = [
        lambda: names.session(bad),
        lambda: names.part("s", "m", bad),
        lambda: names.grant(bad),
    ]
    for build in builders:
        with pytest.raises(Malformed):
            build()


@pytest.mark.parametrize(
    "text",
    ["", "workstations", "sessions", "sessions/", "sessions/s/", "sessions/s/todos/t", "parts/p", "/workstation"],
)
def test_what_follows_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        names.parse(text)


@given(st.text(max_size=200))
def test_any_text_parses_or_is_refused(text: str) -> None:
    try:
        parsed = names.parse(text)
    except Malformed:
        return
    assert str(parsed) == text


@pytest.mark.parametrize(("text", "name"), BUILT)
def test_what_belongs_to_a_session_knows_it(text: str, name: Name) -> None:
    assert names.session_of(text) == ("sessions/s" if text.startswith("sessions/") else None)
    assert (name.ids[:1] == ("s",)) == (names.session_of(text) is not None)


def test_opaque_keys_depend_on_the_name_and_on_the_key() -> None:
    keys = [names.opaque_key(NAME_KEY, text) for text, name in BUILT if name.kind is not Kind.GRANT]
    assert {len(key) for key in keys} == {names.OPAQUE_KEY_BYTES}
    assert len(set(keys)) == len(keys)
    assert names.opaque_key(bytes(32), names.session("s")) not in keys


def test_only_a_grant_is_in_clear() -> None:
    key = names.opaque_key(NAME_KEY, names.grant("gym6oufc3vjlvf4ia6zkadpvnw"))
    assert key == b"grants/gym6oufc3vjlvf4ia6zkadpvnw"
    assert names.granted_device(key) == "gym6oufc3vjlvf4ia6zkadpvnw"
    assert names.granted_device(names.opaque_key(NAME_KEY, names.session("s"))) is None


def test_sixteen_bytes_that_happen_to_read_as_a_grant_are_an_opaque_key() -> None:
    assert names.granted_device(b"grants/123456789") is None


@pytest.mark.parametrize("key", [b"grants/" + b"\xff" * 20, b"grants/../../../etc/x"])
def test_a_grant_of_no_possible_device_is_refused(key: bytes) -> None:
    with pytest.raises(Malformed):
        names.granted_device(key)


def test_a_short_grant_name_could_be_taken_for_an_opaque_key_and_is_refused() -> None:
    with pytest.raises(Malformed):
        names.opaque_key(NAME_KEY, names.grant("short"))


def test_a_name_key_has_32_bytes() -> None:
    with pytest.raises(Malformed):
        names.opaque_key(b"short", names.WORKSTATION)
