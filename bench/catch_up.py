"""Claim: a new phone is caught up with 5,000 records within 300 ms, beside unsealing them.

A real workstation's log at a real relay, read by a new app with its store on disk. In one run: how long it takes from
the link to the last record, and what of it was spent where; baseline: reading the same frames from the same relay and
throwing them away.
"""

import argparse
import asyncio
import secrets
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from websockets.asyncio.client import connect

import app_flet.following
import app_flet.link
from app_flet.device import Device
from app_flet.pairing import websocket_url
from app_flet.store import Store
from bench.app_process import App
from bench.opencode_words import STEPS_PER_TURN
from bench.relay_process import relay_process
from bench.report import Figures, main
from bench.spoken_to import SpokenTo, spoken_to
from halyard_client.halyard.link.v1 import AppHello, AttachAppRequest, AttachAppResponse
from wire.identity import JTI_BYTES, PublicKeys, make_token

RECORDS_PER_TURN = 2 + 3 * STEPS_PER_TURN
ROUNDS = 5


class Stopwatch:
    """Seconds of CPU spent inside functions, by name: what a busy machine does beside it does not count."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def on(self, owner: object, name: str, step: str) -> None:
        """From here on the time inside `owner.name` counts as `step`."""
        setattr(owner, name, self._timed(getattr(owner, name), step))

    def _timed(self, function: Callable[..., Any], step: str) -> Callable[..., Any]:
        @wraps(function)
        def timed(*args: object, **kwargs: object) -> object:
            began = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds[step] = self.seconds.get(step, 0.0) + time.thread_time() - began

        return timed


def _watch() -> Stopwatch:
    watch = Stopwatch()
    watch.on(app_flet.link, "read_frame", "decode frames")
    watch.on(app_flet.following, "open_record", "unseal")
    watch.on(app_flet.following, "skim", "skim")
    watch.on(app_flet.following, "read", "read what is shown")
    watch.on(app_flet.following, "stored", "file")
    watch.on(Store, "keep_records", "write to store")
    watch.on(Device, "happened", "reduce")
    return watch


def _meet(agentd: SpokenTo, app: App) -> None:
    public = app.device.identity.public
    told = agentd.ask("admit", public.sign.hex(), public.agree.hex())
    app.meet(PublicKeys(bytes.fromhex(told["sign_key"]), bytes.fromhex(told["agree_key"])))


async def _caught_up(app: App, head: int) -> dict[str, float]:
    cpu = time.process_time()
    async with asyncio.TaskGroup() as group:
        seconds = await app.follow(head, group)
        await app.cut()
    return {"all, by the clock": seconds, "all, CPU": time.process_time() - cpu}


async def _thrown_away(app: App, head: int) -> float:
    """Milliseconds until the frames up to `head` are here, undecoded but for the last."""
    token = make_token(app.device.identity, app.relay, int(time.time()), secrets.token_bytes(JTI_BYTES))
    async with connect(websocket_url(app.relay, "/link"), compression=None, max_size=1 << 22) as socket:
        began = time.perf_counter()
        await socket.send(bytes(AttachAppRequest(hello=AppHello(token=token))))
        frames = []
        while True:
            frames.append(await socket.recv(decode=False))
            if len(frames[-1]) < 1_000:
                told = AttachAppResponse.parse(frames[-1])
                if (
                    told.caught_up is not None
                    and told.caught_up.cursor is not None
                    and told.caught_up.cursor.seq >= head
                ):
                    return (time.perf_counter() - began) * 1e3


def _new_app(folder: Path, http: str, agentd: SpokenTo) -> tuple[dict[str, float], float, int]:
    """Seconds of one new app; milliseconds of the baseline; how many records it holds in the end."""
    app = App(folder, http)
    _meet(agentd, app)
    head = agentd.ask("work", "ses_2", 0, 0, 0, 0)["head"]
    thrown = asyncio.run(_thrown_away(app, head))
    spent = asyncio.run(_caught_up(app, head))
    held = len(app.device.store.seqs(app.workstation))
    app.device.store.close()
    return spent, thrown, held


def measure(options: argparse.Namespace) -> Figures:
    """The best of ROUNDS new apps; one before them warms up, as pairing does, and one after them is taken apart."""
    with TemporaryDirectory(prefix="halyard-bench-") as place, relay_process() as relay:
        folder = Path(place)
        with spoken_to("bench.mirrored_agentd", folder / "agentd", relay.origin, relay.grpc) as agentd:
            agentd.ask("work", "ses_1", options.records // RECORDS_PER_TURN, options.bytes, 1, 0)
            told = [_new_app(folder / f"app{number}", relay.http, agentd) for number in range(ROUNDS + 1)]
            watch = _watch()
            _new_app(folder / "taken apart", relay.http, agentd)
    best = min((spent for spent, _, _ in told[1:]), key=lambda spent: spent["all, CPU"])
    beside = {"all but unsealing, CPU": best["all, CPU"] - watch.seconds["unseal"]}
    steps = {**best, **beside, **watch.seconds, "baseline: frames thrown away": min(ms for _, ms, _ in told[1:]) / 1e3}
    return {
        "records": told[-1][2],
        "all_ms": [round(1e3 * spent["all, by the clock"], 1) for spent, _, _ in told],
        "all_cpu_ms": [round(1e3 * spent["all, CPU"], 1) for spent, _, _ in told],
        "rows": [{"step": step, "ms": round(1e3 * seconds, 1)} for step, seconds in steps.items()],
    }


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="bench.catch_up", description=__doc__)
    arguments.add_argument("--records", type=int, default=5_000)
    arguments.add_argument("--bytes", type=int, default=1_000, help="of a tool's output, on average")
    main("catch_up", measure, arguments)
