"""The short cut past ASGI: same frames on the wire, only while the socket is free, and no pings on a link."""

from pathlib import Path

import pytest
from websockets.frames import Frame, Opcode

from halyard.link.v1 import link_service_pb2, record_pb2
from relay.reader_queue import Kind
from relay.socket_protocol import SocketProtocol, header
from tests.relay.peers import FakeApp, FakeWorkstation, relay_here


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 1_000_000])
def test_a_header_is_the_one_that_websockets_writes(size: int) -> None:
    payload = bytes(size)
    assert header(size) + payload == Frame(Opcode.BINARY, payload).serialize(mask=False)


def _watched(monkeypatch: pytest.MonkeyPatch) -> tuple[list[bytes], list[bytes]]:
    """(frames that took the short cut, frames that were refused it) from now on."""
    taken: list[bytes] = []
    refused: list[bytes] = []
    write = SocketProtocol.write

    def watched(self: SocketProtocol, frame: bytes) -> bool:
        done = write(self, frame)
        (taken if done else refused).append(frame)
        return done

    monkeypatch.setattr(SocketProtocol, "write", watched)
    return taken, refused


async def _following(workstation: FakeWorkstation, app: FakeApp) -> None:
    await app.expect("batch")
    await app.expect("caught_up")
    await app.send(focus=link_service_pb2.Focus(workstation_id=workstation.device_id, focus=b"s"))
    while not (await workstation.expect("watchers")).watches:
        pass


async def test_hints_take_the_short_cut_and_keep_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken, _ = _watched(monkeypatch)
    async with relay_here(tmp_path) as relay:
        workstation = FakeWorkstation(relay.addresses.grpc, relay.addresses.origin)
        app = FakeApp(relay.addresses.http, relay.addresses.origin)
        async with workstation.attached():
            await workstation.list_members(app.device_id)
            async with app.attached():
                await _following(workstation, app)
                sizes = [0, 100, 200, 66_000, 1, 3_000] * 4
                for size in sizes:
                    hint = record_pb2.Volatile(focus=b"s", sealed=bytes(size))
                    await workstation.send(publish=link_service_pb2.Publish(volatile=[hint]))
                came = [len((await app.expect("batch")).volatile[0].sealed) for _ in sizes]
                assert came == sizes
                assert taken


async def test_a_full_socket_refuses_the_short_cut_until_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, refused = _watched(monkeypatch)
    async with relay_here(tmp_path) as relay:
        workstation = FakeWorkstation(relay.addresses.grpc, relay.addresses.origin)
        app = FakeApp(relay.addresses.http, relay.addresses.origin)
        async with workstation.attached():
            await workstation.list_members(app.device_id)
            async with app.attached():
                await app.expect("caught_up")
                app.socket.transport.pause_reading()
                link = relay.services.hub.apps[app.device_id]
                sent = 0
                while not refused:
                    sent += 1
                    frame = link_service_pb2.AttachAppResponse(
                        removed=link_service_pb2.Removed(workstation_id=f"{sent:0>60000}")
                    )
                    assert link.push_frame(Kind.MUST, frame)
                    assert sent < 1_000
                assert len(taken) == sent - 1
                link.push_frame(Kind.MUST, link_service_pb2.AttachAppResponse(removed=link_service_pb2.Removed()))
                assert len(taken) == sent - 1
                app.socket.transport.resume_reading()
                for number in range(1, sent + 1):
                    assert (await app.expect("removed")).workstation_id.strip("0") == str(number).strip("0")
                assert (await app.expect("removed")).workstation_id == ""


async def test_a_link_gets_no_pings_of_websocket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduled: list[str] = []
    monkeypatch.setattr(SocketProtocol, "schedule_ping", lambda self: scheduled.append(self.scope["path"]))
    async with relay_here(tmp_path) as relay:
        workstation = FakeWorkstation(relay.addresses.grpc, relay.addresses.origin)
        app = FakeApp(relay.addresses.http, relay.addresses.origin)
        async with workstation.attached():
            await workstation.list_members(app.device_id)
            async with app.attached():
                await app.expect("caught_up")
            async with app.connected("/pairing"):
                pass
    assert scheduled == ["/pairing"]
