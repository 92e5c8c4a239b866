"""Calls that a relay altered, that nobody may make, that come from nobody known: nothing is done of them."""

from pathlib import Path

from agentd.grpc_errors import reason_of
from halyard.link.v1 import link_service_pb2 as link
from tests.fakes.call_desk import TTL_MS, Clock, Phone, pair, prompt, session, workstation
from tests.fakes.scripted_agent import ScriptedAgent
from wire.calls import MAX_TTL_MS


def _bent(call: link.InboxCall, **fields: object) -> link.InboxCall:
    bent = link.InboxCall()
    bent.CopyFrom(call)
    for name, value in fields.items():
        setattr(bent.call, name, value)
    return bent


async def test_what_was_altered_on_the_way_is_dropped_and_says_nothing_of_the_true_call(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    async with workstation(tmp_path, clock, agent) as at:
        pair(at, phone)
        call = prompt(clock, phone, session(at, tmp_path), "Hello")
        flipped = bytearray(call.call.sealed)
        flipped[20] ^= 1
        later = _bent(call)
        later.call.expire_time.FromMilliseconds(clock.now_ms + 2 * TTL_MS)
        broken = [_bent(call, sealed=bytes(flipped)), later, _bent(call, sealed=b""), _bent(call, call_id=b"short")]
        await at.receive(*broken)
        await at.receive(call)
        assert not (await at.answers(phone, [call]))[0].HasField("error")
        assert at.replies.empty()
        assert agent.asked == [("prompt", "Hello", "first")]


async def test_a_call_that_expires_in_the_far_future_is_malformed(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    async with workstation(tmp_path, clock, agent) as at:
        pair(at, phone)
        call = prompt(clock, phone, session(at, tmp_path), "Hello", ttl_ms=MAX_TTL_MS + 1_000)
        await at.receive(call)
        assert reason_of((await at.answers(phone, [call]))[0].error) == "MALFORMED"


async def test_a_stranger_is_not_answered_and_one_device_cannot_speak_for_another(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    stranger = Phone()
    async with workstation(tmp_path, clock, agent) as at:
        pair(at, phone)
        name = session(at, tmp_path)
        forged = prompt(clock, stranger, name, "let me in")
        await at.receive(forged)
        forged.device_id = phone.identity.device_id
        await at.receive(forged)
        await at.receive(prompt(clock, phone, name, "mine"))
        await at.reply()
        assert at.replies.empty()
        assert [asked[1] for asked in agent.asked] == ["mine"]


async def test_a_revoked_device_is_not_served_not_even_what_it_had_queued(
    tmp_path: Path, clock: Clock, phone: Phone, agent: ScriptedAgent
) -> None:
    agent.gate.clear()
    async with workstation(tmp_path, clock, agent) as at:
        pair(at, phone)
        name = session(at, tmp_path)
        await at.receive(prompt(clock, phone, name, "one"), prompt(clock, phone, name, "two"))
        at.devices.revoke(f"devices/{phone.identity.device_id}")
        agent.gate.set()
        await at.receive(prompt(clock, phone, name, "three"))
    async with workstation(tmp_path, clock, agent) as at:
        await at.store.flush()
        assert [order.text for order in agent.prompts.values()] in (["one"], [])
        assert at.replies.empty()
