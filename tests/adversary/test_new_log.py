"""A relay may say that another log began. True or invented: only the workstation proves it, and the phone waits in vain
for so long and no longer.
"""

import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from app_flet.believing import SILENT_AFTER_MS, UNPROVEN
from app_flet.diagnosis import own_checks, worst
from halyard.link.v1 import link_service_pb2 as link
from halyard.link.v1 import record_pb2
from halyard_client.halyard.agent import v1
from tests.adversary.malicious_relay import as_it_is
from tests.adversary.scene import Scene, heartbeats, opened
from wire.identity import Identity
from wire.sealing import Channel, EpochKey, KeyRing

INVENTED = b"\xff" * 16
Announce = Callable[[Scene], Awaitable[None]]


def of_another_log(state: link.WorkstationState) -> link.WorkstationState:
    state.stored.log_epoch = INVENTED
    state.ClearField("grant")
    return state


def with_nothing_yet(state: link.WorkstationState) -> link.WorkstationState:
    state.stored.seq = 0
    state.ClearField("grant")
    return state


async def cut(at: Scene) -> None:
    await at.relay.cut_apps()
    at.phone.hurry()


async def in_reset(at: Scene) -> None:
    cursor = record_pb2.Cursor(log_epoch=INVENTED)
    await at.relay.tell_apps(reset=link.Reset(workstation_id=at.desk, cursor=cursor))


async def in_joined(at: Scene) -> None:
    await at.relay.tell_apps(joined=link.Joined(workstation=of_another_log(at.relay.state())))


async def in_welcome(at: Scene) -> None:
    at.relay.bend_state = lambda state: [of_another_log(state)]
    hellos = len(at.relay.hellos)
    await cut(at)
    await at.relay.until(lambda: len(at.relay.hellos) > hellos)


async def in_one_after_the_other(at: Scene) -> None:
    """Links that break again and again, each for another log."""
    at.relay.bend_state = lambda state: [of_another_log(state)]
    for number in range(4):
        cursor = record_pb2.Cursor(log_epoch=INVENTED[:-1] + bytes([number]))
        await at.relay.tell_apps(reset=link.Reset(workstation_id=at.desk, cursor=cursor))
        await cut(at)
        await at.settled()
        await heartbeats(at, SILENT_AFTER_MS // 4)


@pytest.mark.parametrize("lets_through", [True, False], ids=["the rest comes", "nothing comes"])
@pytest.mark.parametrize("announce", [in_reset, in_joined, in_welcome, in_one_after_the_other])
async def test_a_log_that_the_relay_invents_is_not_waited_for_in_silence(
    tmp_path: Path, announce: Announce, lets_through: bool
) -> None:
    async with opened(tmp_path) as at:
        at.relay.bend_batch = as_it_is if lets_through else lambda _: []
        await announce(at)
        await at.rename("never shown")
        await heartbeats(at, SILENT_AFTER_MS + 30_000)
        for _ in range(3):
            # It is said again and again, not once.
            await heartbeats(at, 15_000)
            assert at.view.warning == UNPROVEN.format(name="desk")
        assert (at.view.online, at.title()) == (True, "first title")
        checks = own_checks(at.model, at.desk, at.clock(), timedelta())
        assert worst(checks) is v1.CheckState.WARNING
        # What was said is withdrawn.
        at.relay.bend_batch, at.relay.bend_state = as_it_is, as_it_is
        await cut(at)
        await at.until(lambda: at.title() == "never shown" and not at.view.warning)


async def test_a_forged_proof_is_told_of_until_a_true_one_comes(tmp_path: Path) -> None:
    async with opened(tmp_path) as at:
        enemy = Channel(Identity.from_bytes(secrets.token_bytes(64)), at.phone.identity.public)
        ring = KeyRing(secrets.token_bytes(32), (EpochKey(1, secrets.token_bytes(32)),))
        grant = at.relay.grant()
        assert grant is not None
        state = at.relay.state()
        state.stored.log_epoch = INVENTED
        forged = record_pb2.Record(seq=1, key=grant.key, key_epoch=1, sealed=enemy.seal_grant(INVENTED, ring))
        state.grant.CopyFrom(forged)
        await at.relay.tell_apps(joined=link.Joined(workstation=state))
        await at.settled()
        await heartbeats(at, 30_000)
        assert at.view.warning == UNPROVEN.format(name="desk")
        await at.relay.tell_apps(joined=link.Joined(workstation=at.relay.state()))
        await at.until(lambda: not at.view.warning)


async def test_a_log_that_truly_began_anew_is_read_without_a_warning(tmp_path: Path) -> None:
    """The workstation's store turns out to be an old copy; what proves its new log is long under way."""
    async with opened(tmp_path) as at:
        for title in ("second", "third"):
            await at.rename(title)
        await at.until(lambda: at.title() == "third")
        warnings, late, former = set[str](), list[link.Batch](), at.daemon.log.epoch
        at.phone.listen(lambda: warnings.add(at.view.warning))

        def hold(batch: link.Batch) -> list[link.Batch]:
            late.append(batch)
            return []

        at.relay.bend_batch = hold
        at.relay.disk.through += 1_000
        at.relay.cut_workstation()
        await at.relay.until(lambda: at.relay.disk.epoch != former and at.relay.grant() is not None)
        at.relay.bend_state = lambda state: [with_nothing_yet(state)]
        await cut(at)
        await heartbeats(at, SILENT_AFTER_MS - 30_000)
        assert at.phone.followings[at.desk].row.log_epoch == former
        at.relay.bend_batch, at.relay.bend_state = as_it_is, as_it_is
        for batch in late:
            await at.relay.tell_apps(batch=batch)
        await at.until(lambda: at.phone.followings[at.desk].row.log_epoch == at.daemon.log.epoch)
        await at.until(lambda: at.title() == "third")
        await heartbeats(at, SILENT_AFTER_MS + 30_000)
        assert warnings == {""}
