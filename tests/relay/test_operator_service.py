"""The operator's door, driven as an operator drives it: with `buf curl` over reflection."""

import asyncio
import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from halyard.relay.v1 import relay_service_pb2, relay_service_pb2_grpc
from relay.server import Relay
from relay.tokens import OPERATOR_TOKEN_FILE
from tests.relay.peers import FakeApp, FakeWorkstation, bearer, pair_attached, reason_of, record, relay_here

SERVICE = "halyard.relay.v1.RelayService"


def _token(relay: Relay) -> str:
    return (relay.config.data_dir / OPERATOR_TOKEN_FILE).read_text()


async def _curl(relay: Relay, method: str, request: Mapping[str, object], *more: str) -> tuple[int, str, str]:
    url = f"http://{relay.addresses.grpc}/{method}"
    process = await asyncio.create_subprocess_exec(
        *("buf", "curl", "--protocol", "grpc", "--http2-prior-knowledge", "--emit-defaults", *more),
        *("--data", json.dumps(request), url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, problem = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), problem.decode()


async def _ask(relay: Relay, method: str, **request: object) -> Any:
    code, out, problem = await _curl(
        relay, f"{SERVICE}/{method}", request, "--header", f"authorization: Bearer {_token(relay)}"
    )
    assert code == 0, problem
    return json.loads(out)


async def test_an_operator_sees_places_and_sizes_and_no_content(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, pair_attached(relay) as (workstation, app):
        await workstation.publish(record(2, b"opaque", b"sealed secret"))
        status = await _ask(relay, "GetStatus")
        assert (status["workstationsOnline"], status["appsOnline"], status["records"]) == (1, 1, "2")
        assert status["origin"] == relay.addresses.origin

        (listed,) = (await _ask(relay, "ListWorkstations"))["workstations"]
        assert (listed["workstationId"], listed["online"]) == (workstation.device_id, True)
        assert (listed["storedThrough"], listed["records"], listed["members"]) == ("2", "2", 1)

        (device,) = (await _ask(relay, "ListDevices", workstation_id=workstation.device_id))["devices"]
        assert (device["deviceId"], device["online"]) == (app.device_id, True)

        headers = await _ask(relay, "ListLogHeaders", workstation_id=workstation.device_id, after_seq=1)
        (header,) = headers["headers"]
        assert (header["seq"], header["sealedBytes"]) == ("2", len(b"sealed secret"))
        assert base64.b64decode(header["key"]) == b"opaque"
        assert "secret" not in json.dumps(headers)


async def test_reflection_lists_the_services(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay:
        process = await asyncio.create_subprocess_exec(
            *("buf", "curl", "--protocol", "grpc", "--http2-prior-knowledge", "--list-methods"),
            f"http://{relay.addresses.grpc}",
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
    methods = out.decode().split()
    assert f"{SERVICE}/GetStatus" in methods
    assert "halyard.link.v1.LinkService/AttachApp" in methods
    assert "grpc.health.v1.Health/Check" in methods


async def test_health_is_told_to_anybody(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay:
        code, out, problem = await _curl(relay, "grpc.health.v1.Health/Check", {"service": SERVICE})
    assert code == 0, problem
    assert json.loads(out) == {"status": "SERVING"}


@pytest.mark.parametrize("headers", [[], ["--header", "authorization: Bearer wrong"]])
async def test_without_the_token_nothing_is_told(tmp_path: Path, headers: list[str]) -> None:
    async with relay_here(tmp_path) as relay:
        code, out, problem = await _curl(relay, f"{SERVICE}/GetStatus", {}, *headers)
    assert code != 0
    assert out == ""
    assert "unauthenticated" in problem
    assert "relay token" in problem


async def test_an_app_may_be_played_with_buf_curl(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay:
        hello = {"hello": {"token": "nonsense"}}
        code, out, problem = await _curl(relay, "halyard.link.v1.LinkService/AttachApp", hello)
    assert code != 0
    assert "TOKEN_INVALID" in out + problem


async def test_pages_go_on_where_the_former_ended(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, _stub(relay) as (stub, who):
        workstations = [FakeWorkstation(relay.addresses.grpc, relay.addresses.origin) for _ in range(3)]
        apps = [FakeApp("", "") for _ in range(2)]
        for workstation in workstations:
            async with workstation.attached():
                await workstation.list_members(*(app.device_id for app in apps))
        seen: list[str] = []
        token = ""
        while True:
            page = await stub.ListWorkstations(
                relay_service_pb2.ListWorkstationsRequest(page_size=2, page_token=token), metadata=who
            )
            seen += [listed.workstation_id for listed in page.workstations]
            if not (token := page.next_page_token):
                break
        assert seen == sorted(workstation.device_id for workstation in workstations)
        pairs: list[tuple[str, str]] = []
        while True:
            devices = await stub.ListDevices(
                relay_service_pb2.ListDevicesRequest(page_size=4, page_token=token), metadata=who
            )
            pairs += [(device.device_id, device.workstation_id) for device in devices.devices]
            if not (token := devices.next_page_token):
                break
        assert pairs == sorted((app.device_id, ws.device_id) for app in apps for ws in workstations)
        assert not devices.devices[0].HasField("last_seen_time")


async def test_an_invite_lets_one_workstation_in(tmp_path: Path) -> None:
    async with relay_here(tmp_path, behind_tls_proxy=True) as relay, _stub(relay) as (stub, who):
        invite = (await stub.CreateInvite(relay_service_pb2.CreateInviteRequest(), metadata=who)).invite
        first = FakeWorkstation(relay.addresses.grpc, relay.addresses.origin)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async with first.attached():
                pass
        assert reason_of(caught.value) == "INVITE_NEEDED"
        async with first.attached(invite=invite):
            pass
        async with first.attached():
            pass
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async with FakeWorkstation(relay.addresses.grpc, relay.addresses.origin).attached(invite=invite):
                pass
        assert reason_of(caught.value) == "INVITE_INVALID"


async def test_who_was_let_in_comes_back_after_the_database_was_lost_and_who_was_deleted_does_not(
    tmp_path: Path,
) -> None:
    kept, deleted = FakeWorkstation("", ""), FakeWorkstation("", "")
    async with relay_here(tmp_path, behind_tls_proxy=True) as relay, _stub(relay) as (stub, who):
        for workstation in (kept, deleted):
            workstation.grpc, workstation.origin = relay.addresses.grpc, relay.addresses.origin
            invite = (await stub.CreateInvite(relay_service_pb2.CreateInviteRequest(), metadata=who)).invite
            async with workstation.attached(invite=invite):
                await workstation.publish(record(1))
        request = relay_service_pb2.DeleteWorkstationRequest(workstation_id=deleted.device_id)
        await stub.DeleteWorkstation(request, metadata=who)
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"relay.db{suffix}").unlink(missing_ok=True)
    async with relay_here(tmp_path, behind_tls_proxy=True) as relay:
        for workstation in (kept, deleted):
            workstation.grpc, workstation.origin = relay.addresses.grpc, relay.addresses.origin
        async with kept.attached(head=1):
            assert kept.welcome.stored_through == 0
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async with deleted.attached():
                pass
        assert reason_of(caught.value) == "INVITE_NEEDED"


async def test_an_admitted_workstation_needs_no_invite(tmp_path: Path) -> None:
    mine = FakeWorkstation("", "")
    admitted = frozenset({mine.device_id})
    async with relay_here(tmp_path, behind_tls_proxy=True, admitted=admitted) as relay:
        mine.grpc, mine.origin = relay.addresses.grpc, relay.addresses.origin
        async with mine.attached():
            assert await mine.publish(record(1)) == 1


@pytest.mark.parametrize("seconds", [0, -5, 10**9])
async def test_an_invite_lives_for_a_sensible_time(tmp_path: Path, seconds: int) -> None:
    async with relay_here(tmp_path) as relay, _stub(relay) as (stub, who):
        request = relay_service_pb2.CreateInviteRequest()
        request.ttl.FromSeconds(seconds)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.CreateInvite(request, metadata=who)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_workstation_can_be_forgotten(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, _stub(relay) as (stub, who), pair_attached(relay) as (workstation, app):
        request = relay_service_pb2.DeleteWorkstationRequest(workstation_id=workstation.device_id)
        await stub.DeleteWorkstation(request, metadata=who)
        assert (await app.refusal())[1] == "REVOKED"
        for method, asked in (
            (stub.DeleteWorkstation, request),
            (stub.ListLogHeaders, relay_service_pb2.ListLogHeadersRequest(workstation_id=workstation.device_id)),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await method(asked, metadata=who)
            assert reason_of(caught.value) == "NOT_FOUND"


def _stub(relay: Relay) -> Any:
    return _Stub(relay)


class _Stub:
    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    async def __aenter__(self) -> tuple[relay_service_pb2_grpc.RelayServiceStub, tuple[tuple[str, str], ...]]:
        self._channel = grpc.aio.insecure_channel(self._relay.addresses.grpc)
        return relay_service_pb2_grpc.RelayServiceStub(self._channel), bearer(_token(self._relay))

    async def __aexit__(self, *_: object) -> None:
        await self._channel.close()
