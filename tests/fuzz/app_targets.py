"""Fuzzed parts of the app: its decoder, its model, and its whole link with a relay that may say anything."""

import contextlib
from datetime import timedelta
from functools import cache

from betterproto2 import Message

from app_flet import conversation, events, glance, instants, patch, route
from app_flet.calling import reason_of
from app_flet.device import Device
from app_flet.events import Event
from app_flet.link import Link
from app_flet.link_lost import LinkLost
from app_flet.model import Held, Model, Page, WorkstationView, frozen
from app_flet.pairing import Paired
from app_flet.reading import read
from app_flet.reduce import reduce
from app_flet.skimming import skim
from app_flet.store import Store
from halyard_client.halyard.agent import v1
from halyard_client.halyard.link import v1 as link
from halyard_client.halyard.pairing.v1 import HostIntroduction, JoinResponse
from tests.app_flet.scenes import Scene
from tests.app_flet.workstation import Workstation
from tests.fuzz.agentd_targets import scratch
from tests.fuzz.draw import Draw
from wire import names
from wire.calls import uuid7
from wire.errors import Malformed
from wire.identity import Identity
from wire.log import Log
from wire.sealing import EpochKey, KeyRing

NOW_MS = 1_800_000_000_000
KINDS: list[type[Message]] = [
    link.AttachAppResponse, v1.Resource, v1.DeltaBatch, v1.CallResult, JoinResponse, HostIntroduction,
    v1.ListMessagesResponse, v1.GetDiffResponse, v1.ListFilesResponse,
]  # fmt: skip
S = "sessions/s1"


def app_frames(data: bytes) -> None:
    """What is read can be written, and what was written is read as the same."""
    draw = Draw(data)
    kind = draw.one_of(KINDS)
    with contextlib.suppress(Malformed):
        written = bytes(read(kind, draw.rest()))
        assert bytes(read(kind, written)) == written


def skimming(data: bytes) -> None:
    """What is filed unread is filed as it will be read, and fits its place on disk."""
    with contextlib.suppress(Malformed):
        found, resource = skim(data), read(v1.Resource, data)
        assert (found.name, found.is_gone) == (resource.name, resource.deleted is not None)
        assert (found.at_ms is None) == (resource.message is None)
        assert found.at_ms is None or -(2**63) <= found.at_ms < 2**63


def addresses(data: bytes) -> None:
    """Deep links and routes: whatever the address line holds leads somewhere, and back."""
    text = data.decode("utf-8", "replace")
    place = route.parse(text)
    assert route.parse(route.address(route.parent(place))).page in route.Page
    if "%" not in text:
        assert route.parse(route.address(place)).page == place.page
    assert abs(instants.zone(text)) <= timedelta(hours=14)
    list(patch.lines(text))
    blocks, tail = conversation.cut_into_blocks(text)
    assert len("".join(blocks)) + len(tail) <= len(text) + 1
    conversation.spoken(text)


# --- the model --------------------------------------------------------------------------------------------------------


def _blank() -> Model:
    known = WorkstationView("w", "bench", "https://relay.example", "operator")
    return Model("me", workstations=frozen({"w": known}))


def app_model(data: bytes) -> None:
    """Whatever a workstation seals, of this release or a later one: the model takes it and every screen can ask."""
    draw, model = Draw(data), _blank()
    model = reduce(model, events.TranscriptOpened("w", S, Page()))
    held: dict[str, int] = {}
    for seq in range(1, 30):
        if draw.is_spent:
            break
        event = _event(draw, seq)
        if event is None:
            continue
        if isinstance(event, events.RecordsOpened):
            arrived = event.records[0]
            held[arrived.name] = max(arrived.seq, held.get(arrived.name, 0))
        model = reduce(model, event)
    for record in [*model.workstations["w"].held.values(), *model.workstations["w"].transcripts[S].held.values()]:
        assert record.seq == held[record.name], "the newest stands"
    _ask_everything(model)


def _event(draw: Draw, seq: int) -> Event | None:
    try:
        if draw.below(4) == 0:
            deltas = tuple(read(v1.DeltaBatch, draw.chunk(512)).deltas)
            session = names.session_of(deltas[0].part) if deltas else None
            return events.DeltasOpened("w", session, deltas) if session else None
        resource = read(v1.Resource, draw.chunk(2048))
        names.parse(resource.name)  # `following` opens nothing that has no name
    except Malformed:
        return None
    return events.RecordsOpened("w", (Held(draw.one_of([seq, 1]), resource),))


def _ask_everything(model: Model) -> None:
    known = model.workstations["w"]
    glance.workstation_name(known)
    glance.projects(known)
    glance.agents(known)
    glance.devices(known)
    glance.role_in(model, "w")
    glance.uses_demo_model(known)
    glance.needs(model)
    glance.just_decided(model, NOW_MS)
    glance.session_lines(model)
    glance.session_lines(model, archived=True)
    glance.beginnings(model)
    glance.offline(model)
    transcript = known.transcripts[S]
    for turn in conversation.turns(model, "w", S):
        for part in turn.parts:
            conversation.words(transcript, part)
            conversation.output(transcript, part)
    conversation.todos(known, S)


# --- the link ---------------------------------------------------------------------------------------------------------


class Truth:
    """A workstation that wrote a log in two epochs and turned its keys; everything a relay could have kept of it."""

    def __init__(self) -> None:
        self.device = Identity.from_bytes(bytes([9]) * 64)
        self.wrote: dict[str, set[bytes]] = {}
        self.frames: list[bytes] = []
        self.workstation = self._workstation(1)
        older, stranger = self._workstation(0), Identity.from_bytes(bytes([5]) * 64)
        for at in (older, self.workstation):
            self._write(at)
        self._write_as(Workstation(identity=stranger))

    def _workstation(self, epoch: int) -> Workstation:
        ring = KeyRing(bytes([epoch]) * 32, (EpochKey(1, bytes([epoch + 1]) * 32),))
        log = Log[bytes](uuid7(NOW_MS + epoch, bytes(10)))
        at = Workstation(identity=Identity.from_bytes(bytes([8]) * 64), log=log, ring=ring)
        at.members[self.device.device_id] = self.device.public
        return at

    def _write(self, at: Workstation) -> None:
        scene = Scene(device_id=at.id)
        records = []
        for number, value in enumerate([*scene.everything(), *scene.everything()]):
            if number == 20:
                at.ring = at.ring.turned(bytes([77]) * 32, at.log.head.seq + 1)
                records.append(at.grant(self.device.device_id))
            self.wrote.setdefault(value.name, set()).add(bytes(value))
            records.append(at.write(value))
            if number % 10 == 9:
                self._say(at, records, head=at.head())
                records = []
        self._say(at, records, volatile=[at.hints(S, [v1.Delta(part=f"{S}/messages/m9/parts/p0", text="x")])])
        self._stand(at)

    def _stand(self, at: Workstation) -> None:
        cursor = link.Cursor(log_epoch=at.log.epoch, seq=at.log.head.seq)
        state = link.WorkstationState(
            workstation_id=at.id, online=True, stored=cursor, grant=at.grant(self.device.device_id), head=at.head()
        )
        self._keep(welcome=link.AppWelcome(workstations=[state], limits=link.Limits(heartbeat_seconds=20)))
        self._keep(joined=link.Joined(workstation=state))
        self._keep(reset=link.Reset(workstation_id=at.id, cursor=link.Cursor(log_epoch=at.log.epoch)))
        self._keep(caught_up=link.CaughtUp(workstation_id=at.id, cursor=cursor))
        self._keep(presence=link.Presence(workstation_id=at.id, online=False))
        self._keep(removed=link.Removed(workstation_id=at.id))
        self._keep(going_away=link.GoingAway())
        self._keep(pong=link.Pong())

    def _write_as(self, stranger: Workstation) -> None:
        """Somebody else's seals in the name of the workstation."""
        stranger.members[self.device.device_id] = self.device.public
        forged = [stranger.write(value) for value in Scene(device_id=stranger.id).everything()]
        self._say(self.workstation, [stranger.grant(self.device.device_id), *forged[:9]], head=stranger.head())

    def _say(self, at: Workstation, records: list[link.Record], **more: object) -> None:
        through = at.log.head.seq
        batch = link.Batch(workstation_id=at.id, records=records, through=through, **more)  # type: ignore[arg-type]
        self._keep(batch=batch)

    def _keep(self, **frame: object) -> None:
        self.frames.append(bytes(link.AttachAppResponse(**frame)))  # type: ignore[arg-type]


@cache
def truth() -> Truth:
    return Truth()


@cache
def _store() -> Store:
    store = Store(scratch() / "db")
    store._db.execute("PRAGMA synchronous = OFF")
    return store


def _device() -> Device:
    store, told = _store(), truth()
    for table in ("fact", "workstation", "record", "call", "draft", "seen"):
        store._db.execute(f"DELETE FROM {table}")
    store.keep_fact("identity", told.device.to_bytes())
    device = Device(store, lambda: NOW_MS)
    device.paired(Paired(told.workstation.identity.public, "bench", "operator", "https://relay.example"))
    device.open_session(told.workstation.id, S)
    return device


def app_link(data: bytes) -> None:
    """Frames that a relay kept, in any order, bent, mixed with others: nothing is shown that was not written, nothing
    goes back, and only the two words for a bad link end it.
    """
    draw, device = Draw(data), _device()
    at = Link(device, "https://relay.example")
    epochs, seqs = [b""], dict[str, int]()
    for _ in range(40):
        if draw.is_spent:
            break
        with contextlib.suppress(LinkLost, Malformed):
            frame = read(link.AttachAppResponse, draw.bent(draw.one_of(truth().frames)))
            if frame.welcome is not None or draw.below(16) == 0:
                at._hello()
                at._welcomed(frame)
            else:
                at._take(frame)
        _nothing_false(device, epochs, seqs)


def _nothing_false(device: Device, epochs: list[bytes], seqs: dict[str, int]) -> None:
    told = truth()
    known = device.model.workstations[told.workstation.id]
    row = device.followings[known.id].row
    assert row.log_epoch >= epochs[-1], "a reader goes to a later log only"
    if row.log_epoch != epochs[-1]:
        epochs.append(row.log_epoch)
        seqs.clear()
    for record in [*known.held.values(), *known.transcripts[S].held.values()]:
        assert bytes(record.resource) in told.wrote[record.name], "nothing is shown that was not written"
        assert record.seq >= seqs.get(record.name, 0), "no value goes back"
        seqs[record.name] = record.seq
    assert set(device.model.workstations) == {known.id}


def app_statuses(data: bytes) -> None:
    """Refusals of a relay: a reason is found or not."""
    with contextlib.suppress(Malformed):
        frame = read(link.AttachAppResponse, data)
        if frame.refused is not None and frame.refused.status is not None:
            assert isinstance(reason_of(frame.refused.status), str)
