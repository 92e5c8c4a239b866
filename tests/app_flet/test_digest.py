"""What a person is told after an absence: figures over the replica and the time of the last look."""

from datetime import UTC, datetime, timedelta

import pytest

from app_flet.digest import ABSENCE_MS, Absence, Digests, absence, digest, figures
from app_flet.model import Held, Model, Transcript, WorkstationView, frozen
from halyard_client.halyard.agent import v1

NOW = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1000)
SEEN_MS = NOW_MS - 3_600_000
AWAY = Absence(SEEN_MS, NOW_MS)
S = "sessions/s1"


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def said(name: str, minutes: float, **more: object) -> v1.Resource:
    message = v1.Message(name=f"{S}/messages/{name}", role=v1.Role.PERSON, create_time=ago(minutes), **more)  # type: ignore[arg-type]
    return v1.Resource(name=message.name, message=message)


def done(name: str, answers: str, began: float, ended: float | None = None, **more: object) -> v1.Resource:
    message = v1.Message(
        name=f"{S}/messages/{name}",
        role=v1.Role.AGENT,
        create_time=ago(began),
        complete_time=ago(ended) if ended is not None else None,
        answers=f"{S}/messages/{answers}",
        usage=v1.Usage(cost_micro_usd=120_000),
        **more,  # type: ignore[arg-type]
    )
    return v1.Resource(name=message.name, message=message)


def part(of: str, index: int, **content: object) -> v1.Resource:
    value = v1.Part(name=f"{S}/messages/{of}/parts/p{index}", index=index, **content)  # type: ignore[arg-type]
    return v1.Resource(name=value.name, part=value)


def changed(*diffs: tuple[str, int, int]) -> v1.ChangeSet:
    return v1.ChangeSet(diffs=[v1.FileDiff(path=path, additions=plus, deletions=minus) for path, plus, minus in diffs])


def decided(name: str, minutes: float, state: v1.DecisionState, **more: object) -> v1.Resource:
    decision = v1.Decision(decided_by=str(more.pop("by", "Mira's phone")), decide_time=ago(minutes))
    decision.note = str(more.pop("note", ""))
    permission = v1.Permission(name=f"{S}/permissions/{name}", state=state, decision=decision, **more)  # type: ignore[arg-type]
    return v1.Resource(name=permission.name, permission=permission)


def model(*resources: v1.Resource, older: int = 0) -> Model:
    held = {value.name: Held(seq, value) for seq, value in enumerate(resources, 1)}
    inside = {name: record for name, record in held.items() if "/messages/" in name}
    beside = {name: record for name, record in held.items() if "/messages/" not in name}
    transcript = Transcript(frozen(inside), older=older)
    known = WorkstationView("w", "bench", "r", "operator", held=frozen(beside), transcripts=frozen({S: transcript}))
    return Model(workstations=frozen({"w": known}), seen=frozen({("w", S): SEEN_MS}))


OLD = (said("m1", 90), done("m2", "m1", 89, 80))
NEWS = (
    said("m3", 50),
    done("m4", "m3", 49, 45),
    done("m5", "m3", 44, 40),
    part("m4", 0, changes=changed(("app.py", 10, 2), ("b.py", 1, 0))),
    part("m5", 0, changes=changed(("app.py", 3, 3))),
    said("m6", 30),
    done("m7", "m6", 29, 20, state=v1.MessageState.INTERRUPTED),
)


def test_turns_files_cost_and_where_it_begins() -> None:
    found = digest(model(*OLD, *NEWS), "w", S, AWAY)
    assert found is not None
    assert found.first_new == f"{S}/messages/m3"
    assert (found.turns, found.troubles, found.files, found.additions, found.deletions) == (2, 1, 2, 14, 5)
    assert figures(found) == ("2 turns", "2 files changed (+14 -5)", "1 did not end well", "$0.36")


def test_a_turn_that_ran_when_the_person_left_counts_by_its_end() -> None:
    found = digest(model(*OLD, done("m2b", "m1", 70, 50)), "w", S, AWAY)
    assert found is not None
    assert (found.first_new, found.turns) == (f"{S}/messages/m2b", 1)
    assert figures(found) == ("1 turn", "$0.12")


def test_what_comes_while_the_person_looks_is_no_news() -> None:
    assert digest(model(*OLD, said("m3", -1), done("m4", "m3", -2)), "w", S, AWAY) is None


def test_nothing_new_is_nothing_to_tell() -> None:
    assert digest(model(*OLD), "w", S, AWAY) is None
    assert digest(Model(), "w", S, AWAY) is None


def test_decisions_are_told_with_who_and_by_which_rule() -> None:
    state = v1.DecisionState
    found = digest(
        model(
            *OLD,
            *NEWS,
            decided("p0", 61, state.DENIED, command="too old"),
            decided("p2", 40, state.ALLOWED_ALWAYS, command="npm test", always_rules=["bash: npm test*"]),
            decided("p1", 45, state.ALLOWED_ONCE, command="ls"),
            decided("p3", 30, state.EXPIRED, title="Edit app.py", by="nobody", note="OpenCode was restarted"),
        ),
        "w",
        S,
        AWAY,
    )
    assert found is not None
    assert found.decisions == (
        "Allowed once by Mira's phone: ls",
        "Always allowed by Mira's phone: npm test (bash: npm test*)",
        "Expired by nobody: Edit app.py (OpenCode was restarted)",
    )


def test_many_decisions_are_cut_and_counted() -> None:
    many = [decided(f"p{n}", 40, v1.DecisionState.ALLOWED_ONCE, command=f"c{n}") for n in range(9)]
    found = digest(model(*OLD, *NEWS, *many), "w", S, AWAY)
    assert found is not None
    assert found.decisions[-1] == "and 3 more"
    assert len(found.decisions) == 7


def test_edits_count_where_no_change_sets_are_told() -> None:
    call = v1.ToolCall(tool="edit", diffs=[v1.FileDiff(path="a.py", additions=2, deletions=1)])
    found = digest(model(*OLD, done("m3", "m1", 40, 39), part("m3", 0, tool_call=call)), "w", S, AWAY)
    assert found is not None
    assert (found.files, found.additions, found.deletions) == (1, 2, 1)


def test_when_more_is_new_than_is_loaded_it_says_so() -> None:
    found = digest(model(*NEWS, older=30), "w", S, AWAY)
    assert found is not None
    assert not found.is_whole
    assert figures(found)[0] == "2+ turns"
    whole = digest(model(*OLD, *NEWS, older=30), "w", S, AWAY)
    assert whole is not None
    assert whole.is_whole


@pytest.mark.parametrize(("seen_ms", "is_away"), [(0, False), (NOW_MS - ABSENCE_MS + 1, False), (SEEN_MS, True)])
def test_an_absence_has_a_beginning_and_a_length(seen_ms: int, is_away: bool) -> None:
    of = Model(seen=frozen({("w", S): seen_ms}))
    assert (absence(of, "w", S, NOW_MS) is not None) is is_away


def test_it_is_made_anew_only_when_a_record_changed() -> None:
    digests, before = Digests(), model(*OLD, *NEWS)
    first = digests(before, "w", S, AWAY)
    assert digests(before, "w", S, AWAY) is first
    assert digests(model(*OLD, *NEWS), "w", S, AWAY) is not first
    assert digests(before, "w", S, None) is None
