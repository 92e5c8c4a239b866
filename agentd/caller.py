"""Who is calling, known to every method of the services without being an argument of any.

A service method has the same signature on the socket and through the link; what differs is who calls and whether the
call can be repeated. Both doors set the caller before they enter a method.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from agentd.errors import local_decisions_off
from agentd.permissions import Author
from halyard.agent.v1 import workstation_pb2 as pb


@dataclass(frozen=True, slots=True)
class Plan:
    """An id that was drawn for an effect, and is on disk."""

    drawn: str
    repeat: bool
    """An earlier try had the same id: look whether it arrived before doing anything."""


class Effect(Protocol):
    """What one call may do once."""

    async def plan(self, draw: Callable[[], str]) -> Plan:
        """The id for this call's effect: drawn and saved now, or remembered from an earlier try."""


class Unrepeated:
    """The effect of a call that nobody will repeat: one without an id, on the socket."""

    async def plan(self, draw: Callable[[], str]) -> Plan:
        """A fresh id."""
        return Plan(draw(), repeat=False)


@dataclass(frozen=True)
class Caller:
    """Who calls, and what they may do."""

    author: Author
    role: pb.DeviceRole
    effect: Effect
    may_decide: bool = True
    """Decide permissions and answer questions."""
    may_admit: bool = True
    """Pair, revoke, rename and change roles."""

    def check_decides(self) -> None:
        """Returns when the caller may decide; raises LOCAL_DECISIONS_OFF otherwise."""
        if not self.may_decide:
            raise local_decisions_off()

    def check_admits(self) -> None:
        """Returns when the caller may say who gets in; raises LOCAL_DECISIONS_OFF otherwise."""
        if not self.may_admit:
            raise local_decisions_off()


def local(effect: Effect, *, may_decide: bool, may_admit: bool) -> Caller:
    """A program of this workstation's user, on the socket."""
    author = Author(device="", display_name="this workstation")
    return Caller(author, pb.DEVICE_ROLE_OPERATOR, effect, may_decide=may_decide, may_admit=may_admit)


_current: ContextVar[Caller] = ContextVar("caller")


def current() -> Caller:
    """The caller of the method that runs."""
    return _current.get()


@contextmanager
def calling(caller: Caller) -> Iterator[None]:
    """Whoever asks `current` meanwhile, in this task, is told `caller`."""
    token = _current.set(caller)
    try:
        yield
    finally:
        _current.reset(token)
