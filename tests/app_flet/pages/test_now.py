from app_flet.device import Device
from app_flet.route import Page, Place
from halyard_client.halyard.agent import v1
from halyard_client.halyard.link import v1 as link
from tests.app_flet.harbour import Harbour
from tests.app_flet.harness import staged
from tests.app_flet.scenes import Scene
from tests.app_flet.workstation import Workstation, resource


async def test_now_shows_what_needs_you_first_then_sessions(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    async with staged(paired, served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "decision:q1" in stage.ids())
        ids = stage.ids()
        assert ids.index("decision:e1") < ids.index("decision:c1") < ids.index("decision:q1") < ids.index("session:s1")
        assert "Needs you · 3" in stage.text()
        assert "Done since you last looked" in stage.text()
        await harbour.presence(bench, online=False)
        await stage.until(lambda: "bench · last seen now" in stage.text())


async def test_a_decision_made_elsewhere_leaves_with_a_word_of_what_came_of_it(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    scene = Scene()
    decided = scene.edit_permission(v1.DecisionState.DENIED)
    assert decided.permission is not None
    decided.permission.decision = v1.Decision(decided_by="Mira's iPad", decide_time=scene.at, message="not now")
    async with staged(paired, served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "decision:e1" in stage.ids())
        await harbour.publish(bench, decided)
        await stage.until(lambda: "decision:e1" not in stage.ids())
        assert "Denied by Mira's iPad" in stage.text()
        assert not stage.screen.is_steady(), "the cards moved up just now"


async def test_opening_a_session_makes_it_seen(paired: Device, harbour: Harbour) -> None:
    async with staged(paired, served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "session:s4" in stage.ids())
        await stage.tap("session:s4")
        await stage.tap("back")
    key = next(key for key in paired.model.seen if key[1] == "sessions/s4")
    assert paired.store.seen()[key] > 0


async def test_an_empty_screen_teaches_the_next_step(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    async with staged(paired, served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "session:s1" in stage.ids())
        gone = [resource(f"sessions/s{n}", deleted=v1.Deleted()) for n in range(1, 6)]
        await harbour.publish(bench, *gone)
        await stage.until(lambda: "No sessions yet" in stage.text())
        await stage.tap("session-new")
        assert "prompt" in stage.ids()


async def test_being_taken_off_the_list_is_said_and_what_is_here_stays(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    async with staged(paired, served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "session:s1" in stage.ids())
        await harbour.broadcast(bench, link.AttachAppResponse(removed=link.Removed(workstation_id=bench.id)))
        bench.members.clear()
        await harbour.cut()
        await stage.until(lambda: "no longer lists this device" in stage.text())
        assert "session:s1" in stage.ids()
        assert "allow-once" not in stage.ids()


async def test_a_relay_that_may_have_forgotten_is_told_from_being_taken_off(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    async with staged(paired, served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "allow-once" in stage.ids())
        bench.members.clear()
        await harbour.cut()
        await stage.until(lambda: "The relay does not know yet" in stage.text())
        assert "allow-once" in stage.ids()
        stage.screen.go(Place(Page.WORKSTATION, bench.id))
        await stage.until(lambda: "The relay does not know yet" in stage.text())
