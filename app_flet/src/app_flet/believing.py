"""What a device may believe of its relay about one workstation's log, and what it tells its person of it. PURE.

Rests on what the workstation seals into its heads: how far the log reaches (`wire.log.Freshness`), and what it holds
there (`wire/digest.py`). Times are Unix milliseconds by this device's clock. docs/decisions/0091 and 0100 say why.
"""

from collections.abc import Callable

from app_flet.attendance import Attendance
from app_flet.tally import Rereading
from wire.log import Freshness, Head, Verdict

WARNINGS = {
    Verdict.WITHHELD: "The relay holds back part of what {name} wrote. What you see may be old.",
    Verdict.ROLLED_BACK: "The relay shows an older copy than before. What is here stays; new things may be missing.",
}
UNOPENED = (
    "Some of what {name} wrote could not be opened. It is asked for again by itself. If this stays, update this app "
    "and the relay, or let the relay begin with an empty store: {name} sends everything again."
)
UNSURE = "The relay let older records of {name} go before this device read them. Some of what you see may be outdated."
LEFT_OUT = "The relay left out part of what {name} wrote. What you see may be old."
SILENT = "The relay says that {name} is online, yet nothing that {name} vouches for arrives. What you see may be old."
UNPROVEN = "The relay says that {name} began a new log, yet nothing of {name} proves it. What you see may be old."
SILENT_AFTER_MS = 120_000
"""Longer than two intervals in which a workstation renews its head while an app follows and nobody looks."""
ASLEEP_AFTER_MS = 75_000
"""Not judged for so long: this device slept, and what came meanwhile is still on its way."""

Fits = Callable[[Head, bytes], bool | None]
"""Whether a head, opened and sealed, vouches for just what is held; None when it vouches for nothing."""


class Belief:
    """Heads and cursors as they came, and what follows from them."""

    def __init__(self, newest: Head | None = None, *, is_counted: bool = False) -> None:
        """`newest`: the newest head of earlier links. `is_counted`: `WorkstationRow.is_counted`."""
        self.is_counted = is_counted
        self.rereading = Rereading()
        self._freshness = Freshness(newest=newest)
        self._online = False
        self._attendance = Attendance()
        self._offered = self._let_go_through = 0
        self._heard_ms = self._judged_ms = self._level_ms = 0
        self._ripe: tuple[Head, bytes] | None = None
        """The newest head, if the relay had all that it speaks of when it handed it out."""
        self._unjudged: Head | None = None
        """The first head since the last that fitted which vouches for a digest and was not found to fit."""
        self._is_missing = False
        self._unproven_ms = 0
        """Since when the relay has spoken of a log that its workstation did not vouch for; 0: it does not."""

    @property
    def newest(self) -> Head | None:
        """The newest head seen."""
        return self._freshness.newest

    @property
    def as_of_ms(self) -> int:
        """Up to when all is here, by the workstation's clock; 0 while that cannot be said."""
        covered, unjudged = self._freshness.covered, self._unjudged
        is_known = covered is not None and (unjudged is None or covered.seq < unjudged.seq)
        return covered.time_ms if covered is not None and is_known else 0

    def began(self, *, online: bool, offered: int, let_go_through: int, now_ms: int) -> None:
        """A link began at which the relay says that it has the log through `offered`, and lacks what it let go of."""
        self._online, self._heard_ms, self._level_ms = online, now_ms, now_ms
        self._attendance = Attendance()
        self._offered, self._let_go_through = offered, let_go_through

    def present(self, *, online: bool, now_ms: int) -> None:
        """The workstation came or went, says the relay."""
        if online and not self._online:
            self._heard_ms = self._level_ms = now_ms
            self._attendance = self._attendance.again(now_ms)
        self._online = online

    def looked_at(self, now_ms: int, *, somebody: bool) -> None:
        """Somebody begins to look, of which the workstation is being told; or nobody looks any more."""
        self._attendance = self._attendance.asked(now_ms) if somebody else Attendance()

    def is_silent(self, now_ms: int) -> bool:
        """The relay says that the workstation is online, and it does not answer somebody who looks."""
        return self._online and self._attendance.misses(now_ms)

    @property
    def answer_due_ms(self) -> int:
        """By when the workstation must be heard; 0: nobody looks."""
        return self._attendance.due_ms

    def offered(self, seq: int, *, has_records: bool, now_ms: int) -> None:
        """A batch came, with what the relay has up to `seq`."""
        self._offered = max(self._offered, seq)
        self.rereading.reached(seq)
        if has_records:
            self._level_ms = now_ms
            self._attendance = self._attendance.behind(now_ms)

    def caught_up(self, offered: int, let_go_through: int, now_ms: int) -> None:
        """The relay has handed out all it had."""
        self._offered, self._let_go_through, self._level_ms = offered, let_go_through, now_ms
        self._attendance = self._attendance.behind(now_ms)
        self.rereading.ended()

    def head(self, head: Head, sealed: bytes, fits: Fits | None, through: int, now_ms: int) -> None:
        """A head was opened. `fits`: None when this replica is not whole anyway. `through`: how far it reaches."""
        before = self.newest
        self.reached(through, now_ms, head)
        if head == self.newest:
            if head != before:
                self._heard_ms = now_ms
                self._attendance = self._attendance.heard(now_ms)
            self._ripe = (head, sealed) if head.seq <= self._offered else None
            vouches = fits is not None and fits(head, sealed) is not None
            self._unjudged = (self._unjudged or head) if vouches else None

    def reached(self, through: int, now_ms: int, head: Head | None = None) -> None:
        """The replica reaches `through`; perhaps that is what an earlier head spoke of."""
        self._freshness = self._freshness.note(head, through, now_ms)

    def log_began(self) -> None:
        """Another log: nothing is known of it yet, and what is missing of it will have been left out."""
        self._freshness, self.rereading = Freshness(), Rereading()
        self._ripe, self._unjudged, self._is_missing, self.is_counted = None, None, False, True

    def compare(self, reach: int, through: int, fits: Fits, now_ms: int, *, is_whole: bool) -> bool:
        """Whether the log must be read once more. `reach`: the newest seq of any record that is held.

        Asked only when the relay has handed out all that it had: else what comes next may be what is missing.
        """
        if self._ripe is None or not reach <= self._ripe[0].seq <= through:
            return False
        fit = fits(*self._ripe)
        if fit:
            self._is_missing, self._unjudged, self.is_counted = False, None, True
        return fit is False and is_whole and self._miss(now_ms)

    def _miss(self, now_ms: int) -> bool:
        """Something is missing. A replica of an earlier release may never have been whole: it is read again first."""
        if not self.is_counted and self._let_go_through:
            self._unjudged = None
            return False
        self._is_missing = self.is_counted = self.is_counted or self.rereading.is_done
        return self.rereading.begin(now_ms)

    def doubt(self, through: int, now_ms: int, *, is_proven: bool = True) -> str:
        """What to say of the relay; empty when there is nothing to be said against it.

        `is_proven`: the workstation vouched for the log that the relay speaks of. Else that may be on its way for a
        while, but no longer: another link, or yet another log, does not begin that time anew.
        """
        if now_ms - self._judged_ms > ASLEEP_AFTER_MS:
            self._heard_ms = self._level_ms = now_ms
            self._unproven_ms = 0
            self._attendance = self._attendance.again(now_ms)
        self._judged_ms = now_ms
        self._unproven_ms = 0 if is_proven else self._unproven_ms or now_ms
        if self._unproven_ms and now_ms - self._unproven_ms > SILENT_AFTER_MS:
            return UNPROVEN
        verdict = self._freshness.verdict(through, self._offered, now_ms)
        if verdict in WARNINGS:
            return WARNINGS[verdict]
        if self._is_missing:
            return LEFT_OUT
        # To hand out no head that can be compared is a way to be silent: a workstation that is followed renews it.
        heard_ms = self._heard_ms if self._unjudged is None else min(self._heard_ms, self._level_ms)
        return SILENT if self._online and now_ms - heard_ms > SILENT_AFTER_MS else ""
