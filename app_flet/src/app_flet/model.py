"""What this device knows, as values: the counterpart of `reduce`, which is the only place that makes new ones.

Values are replaced, never changed, and what did not change keeps its identity: a page may compare with `is`. The
classes hold the contract's own messages (agent/v1) and add only what the contract does not say: where they stand in the
log, what has streamed in since, how far calls are, whether the links stand. Times are Unix milliseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

from halyard_client.halyard.agent.v1 import DeltaField, Resource
from wire.calls import CallState

K = TypeVar("K")
V = TypeVar("V")


def frozen(values: dict[K, V] | None = None) -> Mapping[K, V]:
    """A read-only view of `values`, which the caller must not change any more; empty by default."""
    return MappingProxyType(values or {})


FIRST_MESSAGES = 16
"""Messages that a session is opened with: two screens of a phone. Each costs Flet some 30 controls to draw."""
MORE_MESSAGES = 40
"""Messages that come when older ones are asked for."""
MAX_MESSAGES = FIRST_MESSAGES + 2 * MORE_MESSAGES
"""Messages that a session which stays open gathers before the oldest are let go again."""


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """The newest value of one name. Compared by identity, so that long lists are compared quickly."""

    seq: int
    resource: Resource

    @property
    def name(self) -> str:
        """The resource name, for example `sessions/s1`."""
        return self.resource.name

    @property
    def is_gone(self) -> bool:
        """True for a tombstone: it keeps older values of the same name away."""
        return self.resource.deleted is not None


GrowthKey = tuple[str, DeltaField]
"""Which field of which part has grown."""


Since = tuple[int, str]
"""Where a message stands in its session: when it began, in Unix ms, and its name."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a session's messages with their parts, as the store holds them."""

    records: tuple[Held, ...] = ()
    since: Since = (0, "")
    """The oldest message of the page."""
    older: int = 0
    """How many messages the store has before it."""


@dataclass(frozen=True, slots=True, eq=False)
class Transcript:
    """What lies inside one opened session: messages, parts, todos; and text that streamed in ahead of its record.

    A long session is here from `since` on only: the store has the rest.
    """

    held: Mapping[str, Held] = field(default_factory=frozen)
    grown: Mapping[GrowthKey, bytes] = field(default_factory=frozen)
    """The whole field as far as it is known, in UTF-8; dropped when the record that closes the part arrives."""
    since: Since = (0, "")
    """The oldest message that is here."""
    older: int = 0
    """How many messages there are before it."""
    most: int = MAX_MESSAGES
    """With more messages than this the oldest are let go."""
    arrived: frozenset[bytes] = frozenset()
    """Ids of this device's prompts that the log holds before `since`."""
    whole: bool = False
    """Nothing earlier is left to fetch from the workstation."""


@dataclass(frozen=True, slots=True, eq=False)
class WorkstationView:
    """One workstation: what its log holds, and how fresh that is."""

    id: str
    display_name: str
    relay: str
    """Origin of the relay at which the two meet."""
    role: str
    """What this device may do there: "operator", "approver" or "viewer"."""
    held: Mapping[str, Held] = field(default_factory=frozen)
    """Everything but what lies inside sessions, together with permissions and questions, which Now shows."""
    transcripts: Mapping[str, Transcript] = field(default_factory=frozen)
    """By session name; only sessions that are open on some screen of this device."""
    online: bool = False
    """The relay says that its link is up."""
    silent: bool = False
    """It does not answer somebody who looks: what the relay says may be over, or its link has died unheard."""
    last_seen_ms: int = 0
    as_of_ms: int = 0
    """Everything the workstation had written by then is here; 0 = not known."""
    caught_up: bool = False
    """The relay has handed out all it had, at least once on this link."""
    removed: bool = False
    """The workstation took this device off its list."""
    unlisted: bool = False
    """The relay does not list this device for it, and nobody has said that the workstation took it off its list."""
    has_gap: bool = False
    """The relay let go of part of the log before this device had read it: the workstation may have more."""
    warning: str = ""
    """Why what is shown may be old or incomplete; empty when all is well."""

    @property
    def is_there(self) -> bool:
        """Online, and nothing speaks against it."""
        return self.online and not self.silent


@dataclass(frozen=True, slots=True, eq=False)
class CallView:
    """One call of this device, as far as it got."""

    call_id: bytes
    workstation: str
    method: str
    request: bytes
    state: CallState
    created_ms: int
    error: str = ""
    """For a person; why it was refused."""
    reason: str = ""
    """For branching: a value name of errors.v1.Reason."""
    is_certain: bool = True
    """False: it expired after it had left and may have taken effect."""
    response: bytes = b""
    facts: Mapping[str, str] = field(default_factory=frozen)
    """What the refusal tells beside its reason, for example "decided_by"."""
    has_left: bool = False
    """Was handed to a link at least once: only the workstation can say whether it is in time to take it back."""

    @property
    def is_open(self) -> bool:
        """Still on its way."""
        return not self.state.is_final


class LinkState(StrEnum):
    """How the link to one relay is."""

    OFFLINE = "offline"
    CONNECTING = "connecting"
    ONLINE = "online"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, eq=False)
class LinkView:
    """The link to one relay."""

    state: LinkState = LinkState.CONNECTING
    since_ms: int = 0
    detail: str = ""
    """For a person: why it is not up."""
    round_trip_ms: int | None = None
    """To the relay and back, when last measured."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """All of it."""

    device_id: str = ""
    workstations: Mapping[str, WorkstationView] = field(default_factory=frozen)
    calls: Mapping[bytes, CallView] = field(default_factory=frozen)
    """In the order in which they were made."""
    links: Mapping[str, LinkView] = field(default_factory=frozen)
    """By origin of the relay."""
    seen: Mapping[tuple[str, str], int] = field(default_factory=frozen)
    """(workstation, session name) → when this device last showed that session."""
    clock_offset_ms: int = 0
    """How far the relay's clock is ahead of this device's; 0 while they agree."""
