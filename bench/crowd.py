"""Many workstations in one process, each with keys, a TCP connection and a backoff of its own. `bench.storm` tells it.

    python -m bench.crowd GRPC_ADDRESS ORIGIN COUNT

Lines in: "up" (all attach; answers when they have), "down" (the relay will be restarted), "back" (answers when all were
welcomed once more), end of file to stop. Lines out: JSON; "back" tells when workstations dialled and were welcomed, in
seconds of the system-wide monotonic clock. Waiting is agentd's own (`agentd/uplink.py`): the relay's word when it said
goodbye, `wire/backoff.py` otherwise.
"""

import asyncio
import gc
import json
import random
import secrets
import sys
import time

import grpc

from halyard.link.v1 import link_service_pb2 as link
from halyard.link.v1 import link_service_pb2_grpc as link_grpc
from halyard.link.v1 import record_pb2 as record
from wire.backoff import CEILING_SECONDS, Backoff
from wire.identity import Identity, make_token

_OPTIONS = (("grpc.use_local_subchannel_pool", 1), ("grpc.http2.bdp_probe", 0))
_WELCOME_SECONDS = 15.0
_GENTLE_PER_SECOND = 100
_PING_SECONDS = 25.0

_Stream = grpc.aio.StreamStreamCall[link.AttachWorkstationRequest, link.AttachWorkstationResponse]


class Crowd:
    """All of them."""

    def __init__(self, address: str, origin: str, count: int) -> None:
        self._address = address
        self._origin = origin
        self._count = count
        self.dialled: list[float] = []
        self.welcomed: dict[int, float] = {}
        self._changed = asyncio.Event()

    async def begin(self, group: asyncio.TaskGroup) -> None:
        """Attaches all, gently."""
        for number in range(self._count):
            group.create_task(self._workstation(number))
            await asyncio.sleep(1 / _GENTLE_PER_SECOND)
        await self.until_up()

    async def until_up(self) -> None:
        """Returns when every workstation was welcomed."""
        while len(self.welcomed) < self._count:
            self._changed.clear()
            await self._changed.wait()

    async def _workstation(self, number: int) -> None:
        identity, epoch = Identity.from_bytes(secrets.token_bytes(64)), secrets.token_bytes(16)
        backoff = Backoff()
        while True:
            self.dialled.append(time.monotonic())
            backoff, told = await self._link(number, identity, epoch, backoff)
            if told:
                await asyncio.sleep(min(told, CEILING_SECONDS) * (1 + random.random()))
            else:
                seconds, backoff = backoff.failed(time.monotonic(), random.random())
                await asyncio.sleep(seconds)

    async def _link(self, number: int, identity: Identity, epoch: bytes, backoff: Backoff) -> tuple[Backoff, float]:
        """One link from dialling to its end: (backoff, seconds that the relay asked to wait)."""
        token = make_token(identity, self._origin, int(time.time()), secrets.token_bytes(16))
        try:
            async with grpc.aio.insecure_channel(self._address, options=_OPTIONS) as channel:
                stub = link_grpc.LinkServiceStub(channel)
                stream = stub.AttachWorkstation(metadata=(("authorization", f"Bearer {token}"),))
                hello = link.WorkstationHello(head=record.Cursor(log_epoch=epoch), version="bench")
                await stream.write(link.AttachWorkstationRequest(hello=hello))
                async with asyncio.timeout(_WELCOME_SECONDS):
                    welcome = await stream.read()
                    if not isinstance(welcome, link.AttachWorkstationResponse):
                        return backoff, 0.0
                ceiling = welcome.welcome.limits.reconnect_ceiling_seconds
                backoff = backoff.told(ceiling).connected(time.monotonic())
                self.welcomed.setdefault(number, time.monotonic())
                self._changed.set()
                return backoff, await _hold(stream)
        except (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.InvalidStateError, TimeoutError):
            return backoff, 0.0


async def _hold(stream: _Stream) -> float:
    """Stays until the relay ends the link; how many seconds it asked to wait."""
    while True:
        try:
            async with asyncio.timeout(_PING_SECONDS):
                frame = await stream.read()
        except TimeoutError:
            await stream.write(link.AttachWorkstationRequest(ping=record.Ping()))
            continue
        if not isinstance(frame, link.AttachWorkstationResponse):
            return 0.0
        if frame.HasField("going_away"):
            return float(frame.going_away.reconnect_after_ms) / 1000


async def _obey(crowd: Crowd, group: asyncio.TaskGroup) -> None:
    while line := await asyncio.to_thread(sys.stdin.readline):
        match line.split():
            case ["up"]:
                await crowd.begin(group)
                # What a crowd of this size is made of would be looked through again and again, in the bench's time.
                gc.freeze()
                _tell(up=True)
            case ["down"]:
                crowd.dialled.clear()
                crowd.welcomed.clear()
                _tell(cleared=True)
            case ["back"]:
                await crowd.until_up()
                _tell(dialled=crowd.dialled, welcomed=list(crowd.welcomed.values()))


async def _main(address: str, origin: str, count: int) -> None:
    _tell(ready=True)
    async with asyncio.TaskGroup() as group:
        crowd = Crowd(address, origin, count)
        obeying = group.create_task(_obey(crowd, group))
        await obeying
        raise SystemExit(0)


def _tell(**said: object) -> None:
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
