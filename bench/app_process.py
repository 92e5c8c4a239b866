"""A real app without a screen, in a process of its own: its device, store and link. Benches tell it what to do.

    python -m bench.app_process FOLDER RELAY_HTTP

Lines in: "meet SIGN_KEY AGREE_KEY", "follow SEQ" (links, stays linked, answers once the log is here up to that seq),
"cut", "foreground" (somebody looks from now on), "look SESSION", "leave SESSION", "prompt SESSION", "decide SESSION"
(both answer once the workstation has), "live SESSION COUNT" (opens it and lets COUNT hints arrive), "weigh", end of
file to stop. Lines out: JSON, one for each line in; the first tells the public keys.
"""

import asyncio
import gc
import json
import sys
import time
from pathlib import Path
from statistics import median

from app_flet import events, intents
from app_flet.conversation import Turns
from app_flet.device import Device
from app_flet.glance import needs
from app_flet.links import keep_links
from app_flet.model import Held
from app_flet.pairing import Paired
from app_flet.store import Store
from bench.weight import weight
from halyard_client.halyard.agent import v1
from wire.identity import PublicKeys

HINTS_PER_PART = 40
WORDS = "and so on, word by word, "


class App:
    """One device, and its links while it follows."""

    def __init__(self, folder: Path, relay: str) -> None:
        self.relay = relay
        self.device = Device(Store(folder / "device.sqlite"), lambda: time.time_ns() // 1_000_000, relay=relay)
        self.workstation = next(iter(self.device.followings), "")
        self._links: asyncio.Task[None] | None = None

    def meet(self, keys: PublicKeys) -> None:
        """Follows this workstation from now on."""
        self.workstation = self.device.paired(Paired(keys, "Bench", "operator", self.relay))

    async def follow(self, seq: int, group: asyncio.TaskGroup) -> float:
        """Seconds until everything up to `seq` is here."""
        began = time.perf_counter()
        if self._links is None:
            self._links = group.create_task(keep_links(self.device))
        while self.device.followings[self.workstation].row.through < seq:
            await self._changed()
        return time.perf_counter() - began

    async def _changed(self) -> None:
        event = asyncio.Event()
        stop = self.device.listen(event.set)
        try:
            # A batch of records that no screen shows changes the cursor only: looked at now and then as well.
            async with asyncio.timeout(0.01):
                await event.wait()
        except TimeoutError:
            pass
        finally:
            stop()

    async def decide(self, session: str) -> int:
        """Allows what the session asks for; how many bytes the workstation answered."""
        while not (waiting := needs(self.device.model, self.workstation, session)):
            await self._changed()
        permission = waiting[0].record.resource.permission
        assert permission is not None
        intent = intents.decide(permission, v1.DecisionState.ALLOWED_ONCE, self.device.now_ms())
        return len(await self.device.ask(self.workstation, intent))

    async def cut(self) -> None:
        """Ends the links."""
        if self._links is not None:
            self._links.cancel()
            await asyncio.wait([self._links])
            self._links = None


def live(device: Device, workstation: str, session: str, count: int) -> dict[str, float]:
    """µs for one hint, and for the record that closes a part, from their arrival to the turns that are drawn."""
    device.open_session(workstation, session)
    turns = Turns()
    hints, records = [], []
    for at in range(count):
        name = f"{session}/messages/live/parts/p{at // HINTS_PER_PART}"
        text = WORDS * (at % HINTS_PER_PART)
        if not text:
            records.append(_timed(device, turns, _part(workstation, name, at, "", v1.PartState.OPEN)))
        hint = v1.Delta(part=name, offset_bytes=len(text), text=WORDS, field=v1.DeltaField.TEXT)
        hints.append(_timed(device, turns, events.DeltasOpened(workstation, session, (hint,))))
        if at % HINTS_PER_PART == HINTS_PER_PART - 1:
            records.append(_timed(device, turns, _part(workstation, name, at, text + WORDS, v1.PartState.COMPLETE)))
    device.close_session(workstation, session)
    return {"hint_us": round(median(hints), 1), "record_us": round(median(records), 1)}


def _part(workstation: str, name: str, at: int, text: str, state: v1.PartState) -> events.RecordsOpened:
    part = v1.Part(name=name, state=state, text=v1.Text(text=text))
    seq = 10_000_000 + 2 * at + (state is v1.PartState.COMPLETE)
    return events.RecordsOpened(workstation, (Held(seq, v1.Resource(name=name, part=part)),))


def _timed(device: Device, turns: Turns, event: events.RecordsOpened | events.DeltasOpened) -> float:
    session = next(iter(device.model.workstations[event.workstation].transcripts))
    began = time.perf_counter()
    device.happened([event])
    turns(device.model, event.workstation, session)
    return (time.perf_counter() - began) * 1e6


async def _obey(app: App, group: asyncio.TaskGroup) -> None:
    while line := await asyncio.to_thread(sys.stdin.readline):
        match line.split():
            case ["meet", sign_key, agree_key]:
                app.meet(PublicKeys(bytes.fromhex(sign_key), bytes.fromhex(agree_key)))
                _tell(met=app.workstation)
            case ["follow", seq]:
                _tell(seconds=await app.follow(int(seq), group))
            case ["foreground"]:
                app.device.lookers.came(app)
                _tell(foreground=True)
            case ["cut"]:
                await app.cut()
                _tell(cut=True)
            case ["look", session]:
                began = time.perf_counter()
                app.device.open_session(app.workstation, session)
                _tell(seconds=time.perf_counter() - began)
            case ["leave", session]:
                app.device.close_session(app.workstation, session)
                _tell(left=session)
            case ["prompt", session]:
                _tell(answered=len(await app.device.ask(app.workstation, intents.prompt(session, "Go on, please."))))
            case ["decide", session]:
                _tell(answered=await app.decide(session))
            case ["live", session, count]:
                _tell(**live(app.device, app.workstation, session, int(count)))
            case ["weigh"]:
                gc.collect()
                _tell(**weight(), objects=len(gc.get_objects()))


async def _main(folder: Path, relay: str) -> None:
    app = App(folder, relay)
    public = app.device.identity.public
    _tell(sign_key=public.sign.hex(), agree_key=public.agree.hex())
    async with asyncio.TaskGroup() as group:
        await _obey(app, group)
        await app.cut()


def _tell(**said: object) -> None:
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), sys.argv[2]))
