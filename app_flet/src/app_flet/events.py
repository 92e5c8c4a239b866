"""Everything that can happen to the model. `device` and `link` say what happened, `reduce` says what it means."""

from dataclasses import dataclass

from app_flet.model import CallView, Held, LinkState, Page
from halyard_client.halyard.agent.v1 import Delta


@dataclass(frozen=True, slots=True)
class WorkstationKnown:
    """A workstation was paired, or read from the store."""

    workstation: str
    display_name: str
    relay: str
    role: str
    last_seen_ms: int = 0
    as_of_ms: int = 0


@dataclass(frozen=True, slots=True)
class WorkstationForgotten:
    """The person took a workstation off this device."""

    workstation: str


@dataclass(frozen=True, slots=True)
class WorkstationRemoved:
    """The workstation took this device off its list; what is here stays readable."""

    workstation: str


@dataclass(frozen=True, slots=True)
class WorkstationUnlisted:
    """The relay does not list this device for a workstation: its word alone, also after it lost its store."""

    workstation: str


@dataclass(frozen=True, slots=True)
class WorkstationWarned:
    """Something about a workstation's log is not as it should be; empty text: it is again."""

    workstation: str
    warning: str


@dataclass(frozen=True, slots=True)
class RecordsOpened:
    """Records of one workstation were opened, in any order."""

    workstation: str
    records: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class DeltasOpened:
    """Hints for one session were opened."""

    workstation: str
    session: str
    deltas: tuple[Delta, ...]


@dataclass(frozen=True, slots=True)
class TranscriptOpened:
    """A session was opened on some screen, or older messages of it were asked for: what the store holds of it."""

    workstation: str
    session: str
    page: Page
    arrived: frozenset[bytes] = frozenset()
    """Ids of this device's prompts that the log holds before the page."""


@dataclass(frozen=True, slots=True)
class TranscriptClosed:
    """No screen shows the session any more."""

    workstation: str
    session: str


@dataclass(frozen=True, slots=True)
class TranscriptWhole:
    """Nothing earlier of an opened session is left to fetch from its workstation."""

    workstation: str
    session: str


@dataclass(frozen=True, slots=True)
class GapJudged:
    """Whether the relay let go of part of a workstation's log before this device had read it."""

    workstation: str
    has_gap: bool


@dataclass(frozen=True, slots=True)
class LogReset:
    """The workstation began a new log."""

    workstation: str


@dataclass(frozen=True, slots=True)
class PresenceChanged:
    """A workstation came or went."""

    workstation: str
    online: bool
    last_seen_ms: int


@dataclass(frozen=True, slots=True)
class SilenceJudged:
    """Whether a workstation that is said to be online does not answer somebody who looks."""

    workstation: str
    is_silent: bool


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """The relay has handed out everything that it had."""

    workstation: str


@dataclass(frozen=True, slots=True)
class AsOf:
    """Everything written by then is here."""

    workstation: str
    time_ms: int


@dataclass(frozen=True, slots=True)
class CallChanged:
    """A call was made, or got further."""

    call: CallView


@dataclass(frozen=True, slots=True)
class CallDropped:
    """A call is over and its end was seen."""

    call_id: bytes


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The link to a relay came up, went down or was refused."""

    relay: str
    state: LinkState
    at_ms: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class LinkMeasured:
    """The relay answered at once, and so long it took there and back."""

    relay: str
    round_trip_ms: int


@dataclass(frozen=True, slots=True)
class ClockJudged:
    """A relay told its time."""

    offset_ms: int
    """How far it is ahead of this device's clock; 0 when they agree."""


@dataclass(frozen=True, slots=True)
class SessionSeen:
    """A session was on screen until then."""

    workstation: str
    session: str
    at_ms: int


OfStanding = WorkstationRemoved | WorkstationWarned | PresenceChanged | SilenceJudged | CaughtUp | AsOf | GapJudged
"""How one workstation stands."""

OfTranscript = DeltasOpened | TranscriptOpened | TranscriptClosed | TranscriptWhole
"""What one session shows."""

OfWorkstation = OfStanding | OfTranscript | RecordsOpened | LogReset
"""What concerns one workstation that must be known already."""

Event = (
    OfWorkstation
    | WorkstationKnown
    | WorkstationForgotten
    | WorkstationUnlisted
    | CallChanged
    | CallDropped
    | LinkChanged
    | LinkMeasured
    | SessionSeen
    | ClockJudged
)
