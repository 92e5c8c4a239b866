import grpc
import pytest
from grpc import aio

from agentd.config import RelayAddress
from agentd.grpc_errors import reason_of
from agentd.relay_access import MAX_CORRECTION_MS, RelayAccess, channel, rpc_status
from halyard.link.v1.link_service_pb2_grpc import LinkServiceStub
from tests.fakes.relay_process import RunningRelay
from wire.identity import Identity, verify_token


def test_a_wrong_clock_is_corrected_for_tokens() -> None:
    identity = Identity.from_bytes(bytes(range(64)))
    access = RelayAccess(RelayAddress("http://relay", "relay:1"), identity, lambda: 1_000_000_000_000, lambda: 0.0)
    server_ms = 1_700_000_000_000
    assert access.correct_clock(server_ms)
    assert not access.correct_clock(server_ms + 500)
    ((_, bearer),) = access.metadata()
    assert verify_token(str(bearer).removeprefix("Bearer "), "http://relay", server_ms // 1000).device_id


async def test_a_refusal_keeps_its_reason(relay: RunningRelay) -> None:
    async with channel(relay.address) as dialled:
        stream = LinkServiceStub(dialled).AttachWorkstation(metadata=aio.Metadata(("authorization", "Bearer nonsense")))
        with pytest.raises(aio.AioRpcError) as refused:
            await stream.read()
    status = rpc_status(refused.value)
    assert (status.code, reason_of(status)) == (grpc.StatusCode.UNAUTHENTICATED.value[0], "TOKEN_INVALID")


@pytest.mark.parametrize(
    ("relay_ahead_ms", "moved_ms"),
    [
        (0, 0),
        (59_000, 0),
        (-59_000, 0),
        (3_600_000, 3_600_000),
        (-86_400_000, -86_400_000),
        (10**12, MAX_CORRECTION_MS),
    ],
)
def test_calls_expire_by_the_relays_clock_when_this_one_is_plainly_wrong(relay_ahead_ms: int, moved_ms: int) -> None:
    own_ms = 1_700_000_000_000
    address = RelayAddress("http://relay", "relay:1")
    access = RelayAccess(address, Identity.from_bytes(bytes(range(64))), lambda: own_ms, lambda: 0.0)
    assert access.now_ms() == own_ms
    access.correct_clock(own_ms + relay_ahead_ms)
    assert access.now_ms() == own_ms + moved_ms
