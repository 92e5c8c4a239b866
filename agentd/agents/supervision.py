"""When to restart an agent's process. A pure core; the shell that starts, asks and kills is the adapter's.

A hung server keeps its port open, so only answers count as health. Memory above the ceiling waits for the end of what
runs; above the limit it does not (docs/decisions/0106-two-ceilings-of-memory.md). Source: `opencode serve` grows to
gigabytes within days and then hangs with the port open (anomalyco/opencode #20695, #33213).
"""

from __future__ import annotations

from dataclasses import dataclass, field

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Policy:
    """Times in seconds, memory in bytes."""

    health_interval: float = 30.0
    health_timeout: float = 5.0
    """Below that a server with several busy sessions would look dead: 1.5 s were seen."""
    strikes: int = 3
    """Unanswered checks in a row that mean dead."""
    start_timeout: float = 60.0
    """Until a new process must have answered once."""
    backoff_first: float = 1.0
    backoff_most: float = 60.0
    settled_after: float = 120.0
    """A process that lived this long starts the backoff anew."""
    memory_ceiling: int = 2048 * _MIB
    """More than that, and it is restarted as soon as no turn runs."""
    memory_limit: int = 4096 * _MIB
    """More than that, and it is restarted at once: the machine has other things to do."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A health check was answered; `memory` is the process's resident size, `working` whether a turn runs."""

    memory: int = 0
    working: bool = False


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A health check was not answered in time, or with something that is not health."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The process ended by itself, or could not be started; `lived` is how long it was healthy."""

    lived: float = 0.0


@dataclass(frozen=True, slots=True)
class Restart:
    """Stop what is left of the process and start another after `delay` seconds. The reason is for a person."""

    reason: str
    delay: float


Happening = Answered | Unanswered | Ended


@dataclass
class Supervisor:
    """Counts strikes and restarts; `step` says what follows from what happened."""

    policy: Policy = field(default_factory=Policy)
    strikes: int = 0
    restarts: int = 0

    @property
    def suspicious(self) -> bool:
        """Returns whether the last check went unanswered."""
        return self.strikes > 0

    def step(self, happened: Happening) -> Restart | None:
        """Returns what to do, or None to go on."""
        match happened:
            case Answered():
                return self._answered(happened)
            case Unanswered():
                self.strikes += 1
                if self.strikes < self.policy.strikes:
                    return None
                return self._restart(f"it did not answer {self.strikes} times in a row.")
            case Ended():
                if happened.lived >= self.policy.settled_after:
                    self.restarts = 0
                return self._restart("its process ended.")

    def _answered(self, happened: Answered) -> Restart | None:
        self.strikes = 0
        allowed = self.policy.memory_limit if happened.working else self.policy.memory_ceiling
        if happened.memory <= allowed:
            return None
        used, when = happened.memory // _MIB, " while it works" if happened.working else ""
        # A planned restart is no failure: it does not wait, and does not count.
        return Restart(f"it used {used} MiB of memory; {allowed // _MIB} MiB are allowed{when}.", 0.0)

    def _restart(self, reason: str) -> Restart:
        self.strikes = 0
        delay = min(self.policy.backoff_first * 2**self.restarts, self.policy.backoff_most)
        self.restarts += 1
        return Restart(reason, delay)
