"""What turns the log into what the relay may see: opaque keys, sealed values, and the ring of keys behind them.

Values are sealed when they are sent, never before: a seal costs microseconds, and a log at rest stays readable to its
owner. The ring turns when a device is revoked, after a week, and after 2**24 seals. A new key seals from its own place
in the log on: what was written before is sealed under the key before, so that live readers, who receive the grant in
log order, never meet a key that they do not hold yet.
"""

import secrets
from collections.abc import Callable
from dataclasses import replace

from agentd.session_log import Entry, SessionLog
from agentd.store import Statement, Store, put_meta
from halyard.link.v1 import record_pb2 as pb
from wire import names, sealing
from wire.digest import Digest
from wire.log import Head

WRITE_AHEAD_SEALS = 1_000


class Sealer:
    """The workstation's sealing keys, and the log's values under them."""

    def __init__(self, store: Store, log: SessionLog, workstation: str, clock_ms: Callable[[], int]) -> None:
        self._store = store
        self._log = log
        self._workstation = workstation
        self._clock_ms = clock_ms
        self._noted_seals = 0
        self._head_ms = 0
        ring = self._load()
        self._ring = ring if ring is not None else self._begin()
        self._sum_up()

    @property
    def ring(self) -> sealing.KeyRing:
        """All keys that a member is granted."""
        return self._ring

    @property
    def origin(self) -> sealing.Origin:
        """Whose log it is."""
        return sealing.Origin(self._workstation, self._log.epoch)

    @property
    def is_worn(self) -> bool:
        """Whether the newest key has sealed enough, or is old enough, to be replaced."""
        return self._use.is_worn(self._clock_ms())

    def turn(self) -> None:
        """Draws the next epoch key. Whoever is to read on must be granted the ring anew."""
        self._ring = self._ring.turned(secrets.token_bytes(sealing.KEY_BYTES), self._log.written + 1)
        self._use = sealing.KeyUse(self._clock_ms())
        self._noted_seals = 0
        self._store.write(self._remember_newest())

    def begin_anew(self) -> None:
        """Draws a new name key and epoch key for a new log epoch.

        The former keys stay in the ring, so that numbers are never used twice and a reader never sees a ring shrink.
        """
        # Seqs go on counting, and all of them are sealed anew, under the newest key.
        former = (replace(key, first_seq=0) for key in self._ring.keys)
        fresh = sealing.EpochKey(self._ring.newest.number + 1, secrets.token_bytes(sealing.KEY_BYTES))
        self._ring = sealing.KeyRing(secrets.token_bytes(names.NAME_KEY_BYTES), (*former, fresh))
        self._use = sealing.KeyUse(self._clock_ms())
        self._noted_seals = 0
        forget_places = ("UPDATE epoch_keys SET first_seq = 0", ())
        self._store.write(put_meta("name_key", self._ring.name_key), forget_places, self._remember_newest())
        self._sum_up()

    def focus(self, session: str) -> bytes:
        """The key under which the relay knows the session `session` ("sessions/{s}")."""
        return names.opaque_key(self._ring.name_key, session)

    def record(self, entry: Entry) -> pb.Record:
        """The entry as the relay may see it. A grant is sealed already, to its device alone."""
        key = names.opaque_key(self._ring.name_key, entry.name)
        newest = self._ring.newest
        if entry.is_grant:
            return pb.Record(seq=entry.seq, key=key, key_epoch=newest.number, sealed=entry.body)
        self._count()
        epoch_key = self._ring.key_for(entry.seq)
        sealed = sealing.seal_record(epoch_key, self.origin, entry.seq, key, entry.value())
        return pb.Record(seq=entry.seq, key=key, key_epoch=epoch_key.number, sealed=sealed)

    def volatile(self, focus: bytes, plaintext: bytes) -> pb.Volatile:
        """Hints of one session."""
        self._count()
        newest = self._ring.newest
        sealed = sealing.seal_volatile(newest, self.origin, focus, plaintext)
        return pb.Volatile(focus=focus, key_epoch=newest.number, sealed=sealed)

    def head(self) -> pb.Head:
        """The workstation's word on how far its log reaches now, and on what it holds."""
        self._count()
        newest = self._ring.newest
        # Each is newer than the last, also when the clock was set back: else a reader would take it for an old one.
        self._head_ms = max(self._head_ms + 1, self._clock_ms())
        mark = Head(self._log.head.seq, self._head_ms)
        sealed = sealing.seal_head(newest, self.origin, mark, self._digest.value)
        return pb.Head(key_epoch=newest.number, sealed=sealed)

    def _sum_up(self) -> None:
        self._digest = Digest(self._ring.digest_key)
        self._log.tell_places(self._place_changed)

    def _place_changed(self, name: str, out: int, into: int) -> None:
        self._digest.swap(names.opaque_key(self._ring.name_key, name), out, into)

    def _count(self) -> None:
        self._use = self._use.sealed()
        if self._use.seals > self._noted_seals:
            # Written ahead: a crash may count too many seals, never too few.
            self._noted_seals += WRITE_AHEAD_SEALS
            self._store.write(self._remember_newest())

    def _load(self) -> sealing.KeyRing | None:
        name_key = self._store.meta("name_key")
        rows = self._store.rows("SELECT number, secret, first_seq, born_ms, seals FROM epoch_keys ORDER BY number")
        if name_key is None or not rows:
            return None
        *_, born_ms, seals = rows[-1]
        self._use = sealing.KeyUse(born_ms, seals)
        self._noted_seals = seals
        return sealing.KeyRing(name_key, tuple(sealing.EpochKey(*key) for *key, _, _ in rows))

    def _begin(self) -> sealing.KeyRing:
        first = sealing.EpochKey(1, secrets.token_bytes(sealing.KEY_BYTES))
        ring = sealing.KeyRing(secrets.token_bytes(names.NAME_KEY_BYTES), (first,))
        self._ring = ring
        # Seqs go on counting in a new epoch, and all of them are sealed anew: the first key seals from 0 on.
        self._use = sealing.KeyUse(self._clock_ms())
        self._noted_seals = 0
        self._store.write(put_meta("name_key", ring.name_key), self._remember_newest())
        return ring

    def _remember_newest(self) -> Statement:
        newest = self._ring.newest
        return (
            "INSERT OR REPLACE INTO epoch_keys(number, secret, first_seq, born_ms, seals) VALUES(?, ?, ?, ?, ?)",
            (newest.number, newest.secret, newest.first_seq, self._use.born_ms, self._noted_seals),
        )
