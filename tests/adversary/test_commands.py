"""No command is carried out that its device did not give, as it gave it, once, in time, to this workstation."""

import secrets
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app_flet import intents
from halyard.agent.v1 import agent_service_pb2 as pb
from halyard.agent.v1 import resource_pb2, workstation_pb2
from halyard.link.v1 import link_service_pb2 as link
from halyard.link.v1 import record_pb2
from halyard_client.halyard.agent import v1
from tests.adversary.scene import opened
from tests.fakes import call_desk
from tests.fakes.call_desk import Clock, Phone
from tests.fakes.scripted_agent import ScriptedAgent
from wire.calls import REMEMBER_MS, CallState, uuid7
from wire.identity import Identity, PublicKeys
from wire.sealing import Channel

PROMPT = "/halyard.agent.v1.AgentService/Prompt"
HOUR_MS = 3_600_000


def sealed_call(own: Identity, to: PublicKeys, text: str, method: str = PROMPT) -> link.InboxCall:
    """A call as `own` would seal it for `to`."""
    now_ms = time.time_ns() // 1_000_000
    call_id, expires_ms = uuid7(now_ms, secrets.token_bytes(10)), now_ms + 60_000
    request = pb.PromptRequest(session="sessions/s", text=text)
    plaintext = resource_pb2.Call(method=method, request=request.SerializeToString()).SerializeToString()
    call = record_pb2.SealedCall(call_id=call_id, sealed=Channel(own, to).seal_call(call_id, expires_ms, plaintext))
    call.expire_time.FromMilliseconds(expires_ms)
    return link.InboxCall(device_id=own.device_id, call=call)


async def test_a_call_that_the_relay_makes_up_is_never_carried_out(tmp_path: Path) -> None:
    async with opened(tmp_path) as at:
        enemy = Identity.from_bytes(secrets.token_bytes(64))
        forged = sealed_call(enemy, at.daemon.identity.public, "forged")
        in_its_name = link.InboxCall(device_id=at.phone.identity.device_id, call=forged.call)
        # The enemy knows both public keys, which is all it takes to seal to the phone, or for itself.
        reflected = sealed_call(enemy, at.phone.identity.public, "forged")
        reflected.device_id = at.phone.identity.device_id
        at.relay.hand_over(forged, in_its_name, reflected)
        await at.settled()
        assert at.heard("forged") == 0


async def test_an_altered_call_is_never_carried_out(tmp_path: Path) -> None:
    altered: list[link.InboxCall] = []

    def bend(call: link.InboxCall) -> list[link.InboxCall]:
        """In place of the call: every way in which one field of it can differ."""
        for change in _CHANGES:
            bent = link.InboxCall.FromString(call.SerializeToString())
            change(bent.call)
            altered.append(bent)
        at.relay.bend_call = lambda call: [call]
        return altered

    async with opened(tmp_path) as at:
        at.relay.bend_call = bend
        call_id = at.prompt("as it was given")
        await at.settled()
        assert len(altered) == len(_CHANGES)
        assert at.heard("as it was given") == 0
        assert at.model.calls[call_id].state is not CallState.DONE
        # It was never answered in a way that the phone believes: on the next link it is sent again, and done.
        await at.relay.cut_apps()
        assert (await at.over(call_id)).state is CallState.DONE
        assert at.heard("as it was given") == 1


def _flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def _set_sealed(change: Callable[[bytes], bytes]) -> Callable[[record_pb2.SealedCall], None]:
    def bend(call: record_pb2.SealedCall) -> None:
        call.sealed = change(call.sealed)

    return bend


def _later(call: record_pb2.SealedCall) -> None:
    call.expire_time.seconds += 3600


def _renamed(call: record_pb2.SealedCall) -> None:
    call.call_id = uuid7(time.time_ns() // 1_000_000, secrets.token_bytes(10))


_CHANGES: tuple[Callable[[record_pb2.SealedCall], None], ...] = (
    _set_sealed(lambda sealed: _flip(sealed, 0)),
    _set_sealed(lambda sealed: _flip(sealed, len(sealed) // 2)),
    _set_sealed(lambda sealed: _flip(sealed, -1 % len(sealed))),
    _set_sealed(lambda sealed: sealed[:-1]),
    _set_sealed(lambda sealed: sealed + b"\0"),
    _set_sealed(lambda _: b""),
    _later,
    _renamed,
)


async def test_a_decision_cannot_be_turned_round_or_moved(tmp_path: Path) -> None:
    """One card is allowed, one denied; the relay swaps what lies in the envelopes."""
    async with opened(tmp_path) as at:
        harmless, harmful = (f"{at.session}/permissions/{name}" for name in ("harmless", "harmful"))
        at.agent.ask(harmless, "ls")
        at.agent.ask(harmful, "rm -rf /")
        await at.until(lambda: {harmless, harmful} <= set(at.view.held))
        at.relay.bend_call = lambda _: []
        allowed = at.decide(harmless, v1.DecisionState.ALLOWED_ONCE)
        denied = at.decide(harmful, v1.DecisionState.DENIED)
        await at.relay.until(lambda: len(at.relay.calls) == 2)
        swapped = [link.InboxCall.FromString(call.SerializeToString()) for call in at.relay.calls]
        swapped[0].call.sealed, swapped[1].call.sealed = swapped[1].call.sealed, swapped[0].call.sealed
        at.relay.hand_over(*swapped)
        at.relay.bend_call = lambda call: [call]
        await at.settled()
        assert [asked for asked in at.agent.asked if asked[0] == "decide"] == []
        await at.relay.cut_apps()
        await at.over(allowed)
        await at.over(denied)
        decided = [asked[1:3] for asked in at.agent.asked if asked[0] == "decide"]
        assert sorted(decided) == [
            (harmful, "DECISION_STATE_DENIED"),
            (harmless, "DECISION_STATE_ALLOWED_ONCE"),
        ]


async def test_a_call_for_another_workstation_or_in_another_name_is_never_carried_out(tmp_path: Path) -> None:
    async with opened(tmp_path) as at:
        other_desk = Identity.from_bytes(secrets.token_bytes(64))
        astray = sealed_call(at.phone.identity, other_desk.public, "for another desk")
        second = Identity.from_bytes(secrets.token_bytes(64))
        at.daemon.devices.add(second.public, "Viewer", "test", workstation_pb2.DEVICE_ROLE_VIEWER)
        usurped = sealed_call(second, at.daemon.identity.public, "in the operator's name")
        usurped.device_id = at.phone.identity.device_id
        at.relay.hand_over(astray, usurped)
        await at.settled()
        assert at.heard("for another desk") == at.heard("in the operator's name") == 0


async def test_the_method_is_under_the_seal(tmp_path: Path) -> None:
    """Nothing that a relay can reach says what is asked for."""
    async with opened(tmp_path) as at:
        await at.settled()
        fields = {field.name for field, _ in at.relay.calls[0].call.ListFields()}
        assert fields == {"call_id", "expire_time", "sealed"}
        assert b"Service" not in at.relay.calls[0].SerializeToString()


async def test_a_replayed_call_takes_effect_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as at:
        await at.over(at.prompt("once"))
        again = at.relay.calls[-1]
        for _ in range(3):
            at.relay.hand_over(link.InboxCall.FromString(again.SerializeToString()))
        await at.settled()
        assert at.heard("once") == 1


@pytest.mark.parametrize(
    ("wait_ms", "back_ms"), [(49 * HOUR_MS, 0), (REMEMBER_MS + 9 * HOUR_MS, 0), (9 * 24 * HOUR_MS, 9 * 24 * HOUR_MS)],
    ids=["after two days", "when it is forgotten", "after the clock was set back"],
)  # fmt: skip
async def test_a_call_that_was_kept_for_days_is_never_carried_out_again(
    tmp_path: Path, wait_ms: int, back_ms: int
) -> None:
    clock, phone, agent = Clock(), Phone(), ScriptedAgent()
    async with call_desk.workstation(tmp_path, clock, agent) as at:
        at.devices.add(phone.identity.public, "Phone", "test", workstation_pb2.DEVICE_ROLE_OPERATOR)
        agent.begin_session("s", at.projects.add(str(tmp_path)).name)
        request = pb.PromptRequest(session="sessions/s", text="once")
        call = phone.call(clock, "AgentService/Prompt", request, ttl_ms=24 * HOUR_MS)
        late = phone.call(clock, "AgentService/Prompt", pb.PromptRequest(session="sessions/s", text="late"))
        await at.receive(call)
        await at.answers(phone, [call])
        clock.now_ms += wait_ms
        at.desk._book.forget_old()
        clock.now_ms -= back_ms
        await at.receive(call, late)
        await at.answers(phone, [call, late])
    async with call_desk.workstation(tmp_path, clock, ScriptedAgent()) as at:
        await at.receive(call, late)
        [_, refused] = await at.answers(phone, [call, late])
        assert refused.HasField("error")
        texts = [asked[1] for asked in [*agent.asked, *at.agent.asked] if asked[0] == "prompt"]
    assert texts == ["once"]


async def test_an_answer_cannot_be_forged_swapped_or_moved(tmp_path: Path) -> None:
    """The relay answers one call with the answer of another, with its own, and with none of its own words."""
    held: list[link.DeviceReply] = []

    def hold(reply: link.DeviceReply) -> list[link.DeviceReply]:
        held.append(reply)
        return []

    async with opened(tmp_path) as at:
        at.relay.bend_reply = hold
        first = at.prompt("first")
        second = at.phone.call(at.desk, intents.prompt("sessions/nowhere", "into the void"))
        await at.relay.until(lambda: len(held) == 2)
        by_id = {reply.reply.call_id: reply.reply.sealed for reply in held}
        enemy = Channel(Identity.from_bytes(secrets.token_bytes(64)), at.phone.identity.public)
        lies = [
            record_pb2.SealedReply(call_id=first, sealed=by_id[second]),
            record_pb2.SealedReply(call_id=second, sealed=by_id[first]),
            record_pb2.SealedReply(call_id=second, sealed=enemy.seal_reply(second, 0, b"")),
            record_pb2.SealedReply(call_id=second, sealed=by_id[second][:-1]),
        ]
        for lie in lies:
            await at.relay.tell_apps(reply=link.AppReply(workstation_id=at.desk, reply=lie))
        elsewhere = record_pb2.SealedReply(call_id=first, sealed=by_id[first])
        await at.relay.tell_apps(reply=link.AppReply(workstation_id="a" * 26, reply=elsewhere))
        at.relay.bend_reply = lambda reply: [reply]
        await at.settled()
        assert at.model.calls[first].is_open
        assert at.model.calls[second].is_open
        for reply in held:
            await at.relay.tell_apps(reply=link.AppReply(workstation_id=at.desk, reply=reply.reply))
        assert (await at.over(first)).state is CallState.DONE
        assert (await at.over(second)).state is CallState.REFUSED


async def test_a_relay_that_says_no_is_believed_only_before_the_call_was_repeated(tmp_path: Path) -> None:
    """A refusal of the relay ends a call on its first link; later it might hide that the call was carried out."""
    async with opened(tmp_path) as at:
        at.relay.bend_call = lambda call: [call]
        at.relay.bend_reply = lambda _: []
        call_id = at.prompt("carried out")
        await at.relay.until(lambda: len(at.relay.replies) == 1)
        await at.relay.cut_apps()
        await at.relay.until(lambda: len(at.relay.replies) == 2)
        refused = link.CallRefused(workstation_id=at.desk, call_id=call_id)
        await at.relay.tell_apps(call_refused=refused)
        at.relay.bend_reply = lambda reply: [reply]
        await at.relay.cut_apps()
        assert (await at.over(call_id)).state is CallState.DONE
        assert at.heard("carried out") == 1


async def test_a_forged_stored_or_taken_never_says_more_than_that(tmp_path: Path) -> None:
    async with opened(tmp_path) as at:
        at.relay.bend_call = lambda _: []
        call_id = at.prompt("swallowed")
        await at.until(lambda: at.model.calls[call_id].state is CallState.AT_RELAY)
        await at.relay.tell_apps(call_taken=link.CallTaken(workstation_id=at.desk, call_id=call_id))
        await at.until(lambda: at.model.calls[call_id].state is CallState.AT_WORKSTATION)
        at.clock.ahead_ms += 25 * HOUR_MS
        at.phone.outgoing.expire()
        view = await at.over(call_id)
        assert (view.state, view.is_certain) == (CallState.EXPIRED, False)
        assert at.heard("swallowed") == 0
