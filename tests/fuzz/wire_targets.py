"""Fuzzed parts of `wire`: each function takes any bytes, and fails an assertion or raises when something is wrong."""

import base64
import contextlib
import json
import secrets

from tests.fuzz.draw import Draw
from wire import names, sealing
from wire.calls import Advice, CallMemory, CallState, Outbox, Remembered, Step, uuid7
from wire.errors import CallExpired, CallLeft, HalyardError, LogRolledBack, Malformed, PairingFailed, SealBroken
from wire.identity import Identity, make_token, verify_token
from wire.log import Head, Log, Record, Replica
from wire.pairing import Guest, Host, Phase, Secrets, parse_code, parse_link

NOW_S = 1_800_000_000
AUDIENCE = "https://relay.example"
OWN, PEER, STRANGER = (Identity.from_bytes(bytes([n]) * 64) for n in (1, 2, 3))
EPOCH = uuid7(NOW_S * 1000, bytes(10))
CALL_ID = uuid7(NOW_S * 1000, bytes(range(10)))
ORIGIN = sealing.Origin(PEER.device_id, EPOCH)
RING = sealing.KeyRing(bytes(32), (sealing.EpochKey(1, bytes([7]) * 32), sealing.EpochKey(2, bytes([8]) * 32, 5)))
THERE, HERE = sealing.Channel(PEER, OWN.public), sealing.Channel(OWN, PEER.public)
TOKEN = make_token(OWN, AUDIENCE, NOW_S, bytes(16))
SECRET = b"the sealed words"


def resource_names(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    with contextlib.suppress(Malformed):
        names.granted_device(data)
    try:
        parsed = names.parse(text)
    except Malformed:
        return
    assert str(parsed) == text
    session = names.session_of(text)
    assert session is None or text == session or text.startswith(session + "/")
    with contextlib.suppress(Malformed):
        key = names.opaque_key(bytes(32), text)
        assert (names.granted_device(key) is None) == (parsed.kind is not names.Kind.GRANT)


def invitations(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    with contextlib.suppress(Malformed):
        code = parse_code(text)
        assert parse_code(str(code)) == code
    with contextlib.suppress(Malformed):
        link = parse_link(text)
        assert parse_link(str(link)) == link


def tokens(data: bytes) -> None:
    """Anything for a token; claims of any kind under a true signature; a true token, bent."""
    draw = Draw(data)
    match draw.below(3):
        case 0:
            given = draw.rest().decode("utf-8", "replace")
        case 1:
            given = _signed(draw.chunk(64) or b'{"alg":"EdDSA","typ":"JWT"}', draw.rest())
        case _:
            given = draw.bent(TOKEN.encode()).decode("latin-1")
    with contextlib.suppress(HalyardError):
        proof = verify_token(given, AUDIENCE, NOW_S)
        # Only the owner of these keys signed anything here.
        assert proof.device_id == OWN.device_id
        assert proof.keys == OWN.public
        assert NOW_S < proof.expires <= NOW_S + 120


def _signed(header: bytes, payload: bytes) -> str:
    body = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (header, payload))
    return (body + b"." + base64.urlsafe_b64encode(OWN.sign(body)).rstrip(b"=")).decode()


def claims(**changed: object) -> bytes:
    """The claims of a good token, some changed."""
    return json.dumps({**json.loads(base64.urlsafe_b64decode(TOKEN.split(".")[1] + "==")), **changed}).encode()


def seals(data: bytes) -> None:
    """Whatever opens was sealed, for this place; everything else is refused in one way."""
    draw = Draw(data)
    seq, key = draw.below(12), draw.one_of([b"k" * 16, b"l" * 16])
    with contextlib.suppress(SealBroken, Malformed):
        match draw.below(7):
            case 0:
                packed = draw.rest()
                assert sealing.KeyRing.unpack(packed).pack() == packed
            case 1:
                good = sealing.seal_record(RING.key_for(5), ORIGIN, 5, b"k" * 16, SECRET, random=bytes)
                assert sealing.open_record(RING, ORIGIN, seq, key, draw.bent(good)) == SECRET
                assert (seq, key) == (5, b"k" * 16)
            case 2:
                good = sealing.seal_volatile(RING.newest, ORIGIN, b"k" * 16, SECRET, random=bytes)
                assert sealing.open_volatile(RING, ORIGIN, key, draw.bent(good)) == SECRET
                assert key == b"k" * 16
            case 3:
                head = Head(9, NOW_S)
                good = sealing.seal_head(RING.newest, ORIGIN, head, random=bytes)
                assert sealing.open_head(RING, ORIGIN, draw.bent(good)) == head
            case 4:
                good = THERE.seal_grant(EPOCH, RING)
                assert HERE.open_grant(EPOCH, draw.bent(good)) == RING
            case 5:
                good = THERE.seal_call(CALL_ID, 77, SECRET)
                assert HERE.open_call(CALL_ID, 77 + draw.below(2), draw.bent(good)) == SECRET
            case _:
                good = THERE.seal_reply(CALL_ID, 77, SECRET)
                assert HERE.open_call(CALL_ID, 77, draw.bent(good)) == b""


def pairing_exchange(data: bytes) -> None:
    """Two sides, and somebody between them who bends, repeats, drops and waits. Who pairs, pairs with the other."""
    draw = Draw(data)
    shown = Secrets("482913", bytes(16))
    secrets_tried: list[str | bytes] = ["482913", bytes(16), "482914", bytes([1]) * 16]
    secret = draw.one_of(secrets_tried)
    host, guest = Host("7", shown, 0, random=_fixed), Guest("7", secret, b"guest", 0, random=_fixed)
    knows = secret in ("482913", bytes(16))
    to_host, to_guest, now, was_burnt = [guest.first_step], [b""], 0, False
    for _ in range(8):
        if draw.is_spent:
            break
        now += draw.one_of([0, 1, 1, 1, 400_000])
        to_is_host = bool(draw.below(2))
        side, inbox, outbox = (host, to_host, to_guest) if to_is_host else (guest, to_guest, to_host)
        given = draw.one_of(inbox)
        step = draw.bent(given)
        try:
            turn = side.receive(step, now)
        except PairingFailed:
            assert side.phase in (Phase.BURNT, Phase.EXPIRED, Phase.PAIRED)
            was_burnt |= side is host and host.phase is Phase.BURNT
            continue
        assert not (was_burnt and side is host), "a burnt code takes no step"
        if turn.send is not None:
            outbox.append(turn.send)
        if turn.introduction is not None:
            assert knows
            assert turn.introduction == (b"guest" if to_is_host else b"host")
        if host.phase is Phase.MET:
            to_guest.append(host.welcome(b"host"))


def _fixed(size: int) -> bytes:
    return secrets.token_bytes(size) if size > 32 else bytes(range(size))


class _Desk:
    """A workstation that does what `CallMemory` says, and counts."""

    def __init__(self) -> None:
        self.disk: dict[tuple[str, bytes], Remembered] = {}
        self.memory = CallMemory()
        self.done: dict[bytes, int] = {}

    def keep(self, call: Remembered) -> Remembered:
        self.disk[call.device, call.call_id] = call
        return call

    def arrives(self, call_id: bytes, expires: int, now: int, *, dies: int) -> bytes | None:
        """The answer, when there is one. `dies`: 1 after the start, 2 after the effect, before the answer."""
        match self.memory.advise("d", call_id, expires, now):
            case Advice.ANSWER:
                return self.disk["d", call_id].answer
            case Advice.TAKE | Advice.REFUSE_EXPIRED:
                self.keep(self.memory.take("d", call_id, expires, b"do"))
            case Advice.LOOK_FIRST:
                if self.done.get(call_id):
                    return self.keep(self.memory.answer("d", call_id, b"done", now)).answer
                self.keep(self.memory.not_done("d", call_id))
            case Advice.REFUSE_UNKNOWN:
                return b"unknown"
            case Advice.WAIT:
                pass
        return self.work(call_id, now, dies=dies)

    def work(self, call_id: bytes, now: int, *, dies: int) -> bytes | None:
        known = self.disk["d", call_id]
        if known.step is not Step.TAKEN:
            return None
        try:
            self.keep(self.memory.start("d", call_id, now))
        except CallExpired:
            return self.keep(self.memory.answer("d", call_id, b"late", now)).answer
        if dies == 1:
            self.crash()
            return None
        self.done[call_id] = self.done.get(call_id, 0) + 1
        assert self.done[call_id] == 1, "a call takes effect once"
        if dies == 2:
            self.crash()
            return None
        return self.keep(self.memory.answer("d", call_id, b"done", now)).answer

    def crash(self) -> None:
        self.memory = CallMemory(self.disk.values(), self.memory.horizon_ms)

    def tidy(self, now: int) -> None:
        for call in self.memory.forget(now):
            del self.disk[call.device, call.call_id]


class _Way:
    """An outbox and a desk with a relay between them that loses, repeats, delays and replays; crashes on both sides."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self.outbox, self.desk, self._now, self._drawn = Outbox(), _Desk(), 1_000, 0
        self._carried: list[tuple[bytes, int]] = []
        self._answers: list[tuple[bytes, bytes]] = []

    def step(self) -> None:
        steps = (self._ask, self._send, self._arrive, self._arrive, self._answer, self._wait, self._restart)
        self._draw.one_of((*steps, self.desk.crash, self._cancel, self._claim))()

    def _ask(self) -> None:
        self._drawn += 1
        expires = self._now + self._draw.one_of([10, 1_000, 10**8])
        self.outbox.enqueue(uuid7(self._now, self._drawn.to_bytes(10)), "w", b"do", expires)

    def _send(self) -> None:
        self.outbox.link_began()
        for call in self.outbox.due(self._now):
            self.outbox.leave(call.call_id)
            self._carried.append((call.call_id, call.expires_ms))

    def _arrive(self) -> None:
        if self._carried:
            call_id, expires = self._draw.one_of(self._carried)
            answer = self.desk.arrives(call_id, expires, self._now, dies=self._draw.one_of([0, 0, 0, 1, 2]))
            if answer is not None:
                self._answers.append((call_id, answer))

    def _answer(self) -> None:
        if self._answers:
            call_id, answer = self._draw.one_of(self._answers)
            self.outbox.answered(call_id, answer, ok=answer == b"done")

    def _wait(self) -> None:
        self._now += self._draw.one_of([1, 50, 10_000, 10**8, 10**9])
        self.outbox.expire(self._now)
        self.desk.tidy(self._now)

    def _restart(self) -> None:
        self.outbox = Outbox(list(self.outbox))

    def _cancel(self) -> None:
        for call in list(self.outbox)[:1]:
            with contextlib.suppress(CallLeft):
                self.outbox.cancel(call.call_id)
                assert call.attempts == 0

    def _claim(self) -> None:
        """The relay says that it stored a call, or that the workstation took it."""
        for call in list(self.outbox)[: self._draw.below(4)]:
            self._draw.one_of([self.outbox.stored, self.outbox.taken])(call.call_id)


def calls(data: bytes) -> None:
    draw = Draw(data)
    way = _Way(draw)
    for _ in range(60):
        if draw.is_spent:
            break
        way.step()
        for call in way.outbox:
            if call.state is CallState.DONE:
                assert way.desk.done.get(call.call_id) == 1


def replicas(data: bytes) -> None:
    """A log, a relay's store and a reader; the link repeats, reorders and loses. No value of a key ever goes back."""
    draw, log = Draw(data), Log[bytes](EPOCH)
    store, reader = Replica[bytes](EPOCH), Replica[bytes](EPOCH)
    flight: list[Record[bytes]] = []
    seen: dict[bytes, int] = {}
    for step in range(80):
        if draw.is_spent:
            break
        match draw.below(8):
            case 0 | 1:
                log.put(draw.one_of([b"a" * 16, b"b" * 16, b"c" * 16]), step.to_bytes(2))
            case 2:
                flight += log.owed(store.cursor, 1 + draw.below(4))
            case 3 if flight:
                store.apply([flight[draw.below(len(flight))]], through=store.through)
            case 4:
                store.apply(log.owed(store.cursor), through=log.head.seq)
            case 5:
                reader.peer_let_go(store.truncated_through)
                reader.apply(store.after(reader.through), through=store.through)
            case 6:
                store.let_go(draw.below(log.head.seq + 1))
            case _:
                with contextlib.suppress(LogRolledBack):
                    reader.reset(draw.one_of([EPOCH, bytes(16)]))
        for record in reader:
            assert record.seq >= seen.get(record.key, 0)
            seen[record.key] = record.seq
    store.apply(log.owed(store.cursor), through=log.head.seq)
    reader.resume()
    reader.caught_up(store.through, store.truncated_through)
    for record in reader:
        newest = log.get(record.key)
        assert newest is not None
        assert newest.seq >= record.seq
