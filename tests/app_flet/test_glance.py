from dataclasses import replace
from datetime import timedelta

from app_flet import events, intents
from app_flet.glance import (
    Group,
    SessionLines,
    Standing,
    beginnings,
    call_about,
    devices,
    just_decided,
    log_lines,
    needs,
    offline,
    projects,
    session_lines,
    title_of,
    uses_demo_model,
    workstation_name,
)
from app_flet.instants import milliseconds
from app_flet.model import CallView, Held, LinkState, Model
from app_flet.reduce import reduce
from halyard_client.halyard.agent import v1
from tests.app_flet.scenes import Scene
from wire.calls import CallState

W, RELAY = "w1", "http://relay"


def model(scene: Scene | None = None, *more: v1.Resource) -> Model:
    values = [*(scene or Scene()).everything(), *more]
    records = tuple(Held(seq, value) for seq, value in enumerate(values, 1))
    known = reduce(Model(), events.WorkstationKnown(W, "bench", RELAY, "operator"))
    return reduce(known, events.RecordsOpened(W, records))


def test_needs_are_all_that_waits_oldest_first() -> None:
    names = [need.name.rpartition("/")[2] for need in needs(model())]
    assert names == ["e1", "c1", "q1"]
    assert [need.name for need in needs(model(), W, "sessions/s1")] == ["sessions/s1/permissions/e1"]
    assert needs(model(), "nobody") == ()


def test_a_decided_permission_no_longer_waits_and_shows_for_a_while() -> None:
    scene = Scene()
    decided = scene.edit_permission(v1.DecisionState.ALLOWED_ONCE)
    assert decided.permission is not None
    decided.permission.decision = v1.Decision(decided_by="Pixel", decide_time=scene.at, applied=True)
    found = model(scene, decided)
    assert "e1" not in [need.name.rpartition("/")[2] for need in needs(found)]
    now_ms = milliseconds(scene.at)
    assert [need.name for need in just_decided(found, now_ms + 1000)] == ["sessions/s1/permissions/e1"]
    assert just_decided(found, now_ms + 600_000) == ()


def test_lines_of_sessions_are_made_again_only_when_something_that_they_show_changed() -> None:
    lines_of, at = SessionLines(), model()
    found = lines_of(at)
    assert found == session_lines(at)
    streaming = reduce(at, events.DeltasOpened(W, "sessions/s1", (v1.Delta(part="sessions/s1/messages/m/parts/p"),)))
    assert lines_of(replace(streaming, links={})) is found
    for changed in (
        reduce(at, events.SessionSeen(W, "sessions/s2", 1)),
        replace(at, calls={}),
        model(Scene(), v1.Resource(name="sessions/more", session=v1.Session(name="sessions/more"))),
    ):
        assert lines_of(changed) is not found
        assert lines_of(changed) == session_lines(changed)
    assert lines_of(at, archived=True) == session_lines(at, archived=True) != session_lines(at)


def test_sessions_stand_where_they_belong() -> None:
    lines = {line.id: line for line in session_lines(model())}
    assert lines["s1"].standing is Standing.NEEDS_YOU
    assert lines["s1"].group is Group.WAITING
    assert lines["s3"].standing is Standing.FAILED
    assert lines["s3"].group is Group.NEW
    assert (lines["s2"].needs, lines["s2"].files) == (2, 5)


def test_a_session_seen_since_it_changed_is_earlier() -> None:
    seen = reduce(model(), events.SessionSeen(W, "sessions/s4", 2**52))
    assert {line.id: line.group for line in session_lines(seen)}["s4"] is Group.EARLIER


def test_subagents_and_archived_sessions_are_not_listed() -> None:
    scene = Scene()
    child = scene.session("c1", "child", v1.SessionState.WORKING, 0, parent="sessions/s1")
    away = scene.session("a1", "away", v1.SessionState.IDLE, 0, archived=True)
    ids = [line.id for line in session_lines(model(scene, child, away))]
    assert "c1" not in ids
    assert "a1" not in ids
    assert [line.id for line in session_lines(model(scene, child, away), archived=True)] == ["a1"]


def test_a_session_whose_subagent_asks_waits_for_the_person() -> None:
    scene = Scene()
    child = scene.session("c1", "child", v1.SessionState.WORKING, 0, parent="sessions/s4")
    grandchild = scene.session("c2", "grandchild", v1.SessionState.WORKING, 0, parent="sessions/c1")
    asked = scene.question()
    assert asked.question is not None
    asked.name = asked.question.name = "sessions/c2/questions/q9"
    found = model(scene, child, grandchild, asked)
    lines = {line.id: line for line in session_lines(found)}
    assert (lines["s4"].standing, lines["s4"].group, lines["s4"].needs) == (Standing.NEEDS_YOU, Group.WAITING, 1)
    assert [need.name for need in needs(found, W, "sessions/s4")] == ["sessions/c2/questions/q9"]


def test_sessions_that_are_each_others_parent_end_nowhere() -> None:
    scene = Scene()
    one = scene.session("c1", "one", v1.SessionState.WORKING, 0, parent="sessions/c2")
    two = scene.session("c2", "two", v1.SessionState.WORKING, 0, parent="sessions/c1")
    assert session_lines(model(scene, one, two))


def test_lists_of_a_workstation() -> None:
    known = model(Scene(demo=True, display_name="forge")).workstations[W]
    assert workstation_name(known) == "forge"
    assert [project.display_name for project in projects(known)] == ["webshop", "tide-tables"]
    assert devices(known) == []
    assert uses_demo_model(known)
    assert not uses_demo_model(None)


def test_a_session_without_a_title_is_called_something() -> None:
    assert title_of(None, "sessions/x") == "New session"


def call(intent: intents.Intent, state: CallState, error: str = "") -> CallView:
    return CallView(b"i" * 16, W, intent.method, intent.request, state, 5, error=error)


def test_the_newest_call_about_a_permission_is_found() -> None:
    permission = Scene().edit_permission().permission
    assert permission is not None
    decided = call(intents.decide(permission, v1.DecisionState.DENIED, 0, "no"), CallState.AT_RELAY)
    found = reduce(model(), events.CallChanged(decided))
    assert call_about(found, permission.name) is decided
    assert call_about(found, "sessions/s2/permissions/c1") is None


def test_sessions_on_their_way_are_listed_until_they_began() -> None:
    started = call(intents.start_session("projects/webshop", "Do it"), CallState.AT_RELAY)
    waiting = reduce(model(), events.CallChanged(started))
    assert [(one.prompt, one.project) for one in beginnings(waiting)] == [("Do it", "webshop")]
    done = call(intents.start_session("projects/webshop", "Do it"), CallState.DONE)
    assert beginnings(reduce(waiting, events.CallChanged(done))) == ()


def test_a_message_that_was_not_taken_waits_with_its_session() -> None:
    failed = replace(call(intents.prompt("sessions/s4", "Do it"), CallState.EXPIRED), error="Not sent.")
    lines = {line.id: line for line in session_lines(reduce(model(), events.CallChanged(failed)))}
    assert (lines["s4"].failed, lines["s4"].group) == (1, Group.WAITING)
    assert lines["s1"].failed == 0


def test_the_offline_line_says_what_is_missing_and_how_old_the_picture_is() -> None:
    assert offline(model(), W) is None, "no link was tried yet"
    linked = reduce(reduce(model(), events.AsOf(W, 77)), events.LinkChanged(RELAY, LinkState.ONLINE, 1))
    assert offline(reduce(linked, events.PresenceChanged(W, online=True, last_seen_ms=78)), W) is None
    told = reduce(linked, events.PresenceChanged(W, online=False, last_seen_ms=78))
    assert offline(told) is None
    away = offline(told, W)
    assert away is not None
    assert (away.text, away.as_of_ms) == ("bench is offline", 78)
    down = offline(reduce(told, events.LinkChanged(RELAY, LinkState.OFFLINE, 9)))
    assert down is not None
    assert (down.text, down.as_of_ms) == ("offline", 77)


def test_what_is_wrong_with_a_log_is_said_of_that_workstation_and_of_all() -> None:
    known = reduce(model(), events.WorkstationKnown("w2", "forge", RELAY, "viewer"))
    warned = reduce(reduce(known, events.WorkstationWarned(W, "Old.")), events.WorkstationRemoved("w2"))
    assert (log_lines(known), log_lines(warned, W)) == ((), ("Old.",))
    assert "forge no longer lists this device" in log_lines(warned, "w2")[0]
    assert len(log_lines(warned)) == 2


def test_a_decision_in_the_past_is_not_just_decided() -> None:
    scene = Scene()
    decided = scene.edit_permission(v1.DecisionState.DENIED)
    assert decided.permission is not None
    decided.permission.decision = v1.Decision(decide_time=scene.at - timedelta(hours=1))
    assert just_decided(model(scene, decided), milliseconds(scene.at)) == ()
