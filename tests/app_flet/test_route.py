import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_flet.route import NOW, Page, Place, address, parent, parse

ids = st.text("abcdefghijklmnopqrstuvwxyz0123456789._~-", min_size=1, max_size=20).filter(lambda s: s[0] != ".")
paths = st.lists(st.text(min_size=1, max_size=8).filter(lambda s: "/" not in s), min_size=1, max_size=3).map("/".join)
places = st.one_of(
    st.sampled_from(
        [Place(p) for p in (Page.NOW, Page.SESSIONS, Page.NEW, Page.WORKSTATIONS, Page.SETTINGS, Page.PAIR)]
    ),
    st.builds(lambda w: Place(Page.WORKSTATION, w), ids),
    st.builds(lambda w, s: Place(Page.SESSION, w, session=f"sessions/{s}"), ids, ids),
    st.builds(
        lambda w, s, m: Place(Page.REVIEW, w, session=f"sessions/{s}", message=f"sessions/{s}/messages/{m}"),
        ids,
        ids,
        ids,
    ),
    st.builds(lambda w, p, path: Place(Page.FILES, w, project=f"projects/{p}", path=path), ids, ids, paths),
)


@given(places)
def test_every_place_has_an_address_that_leads_back_to_it(place: Place) -> None:
    assert parse(address(place)) == place


@pytest.mark.parametrize("nonsense", ["", "/", "/nowhere", "/w", "/w/a/x/y", "/w/a/s/b/c/d", "//", "/?x=1", "//["])
def test_an_address_that_names_nothing_is_now(nonsense: str) -> None:
    assert parse(nonsense) == NOW


@given(places)
def test_going_back_always_ends_at_now(place: Place) -> None:
    steps = 0
    while place != NOW:
        place, steps = parent(place), steps + 1
        assert steps < 12


def test_a_review_leads_back_to_its_session() -> None:
    review = Place(Page.REVIEW, "w", session="sessions/s")
    assert parent(review) == Place(Page.SESSION, "w", session="sessions/s")
