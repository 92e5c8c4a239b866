"""The gRPC door: addresses, and what the transport itself cuts off."""

from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from relay.grpc_door import peer_address, server_options
from relay.limits import Limits
from tests.relay.peers import FakeWorkstation, RawStream, new_identity, reason_of, relay_here, token_for

PUBLIC = "https://relay.example.org"


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:127.0.0.1:5000", "127.0.0.1"),
        ("ipv6:%5B::1%5D:5000", "::1"),
        ("ipv6:[2001:db8::1]:5000", "2001:db8::1"),
        ("unix:/run/relay.sock", "unix:/run/relay.sock"),
    ],
)
def test_addresses(peer: str, address: str) -> None:
    assert peer_address(peer) == address


def test_the_transport_takes_twice_the_limit_and_shares_no_port() -> None:
    options = dict(server_options(Limits(max_frame_bytes=1_000)))
    assert options["grpc.max_receive_message_length"] == 2_000
    assert options["grpc.so_reuseport"] == 0


async def test_far_beyond_the_limit_the_transport_cuts_off(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, grpc.aio.insecure_channel(relay.addresses.grpc) as channel:
        stream = RawStream(channel, "AttachWorkstation", token_for(new_identity(), relay.addresses.origin))
        await stream.write(bytes(relay.services.limits.hard_frame_bytes + 1))
        assert (await stream.ended()).code() is not grpc.StatusCode.OK
        async with FakeWorkstation(relay.addresses.grpc, relay.addresses.origin).attached() as neighbour:
            assert neighbour.welcome.limits.max_frame_bytes


async def test_behind_a_proxy_its_word_about_addresses_counts(tmp_path: Path) -> None:
    async with relay_here(tmp_path, behind_tls_proxy=True, public_url=PUBLIC) as relay:
        async with grpc.aio.insecure_channel(relay.addresses.grpc) as channel:
            token = token_for(new_identity(), relay.addresses.local)
            forwarded = (("authorization", f"Bearer {token}"), ("x-forwarded-for", "10.0.0.1, 203.0.113.9"))
            attach: Any = channel.stream_stream("/halyard.link.v1.LinkService/AttachWorkstation")
            call: Any = attach(metadata=forwarded)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call.read()
            assert reason_of(caught.value) == "TOKEN_INVALID"
