"""What lists show: what needs a person, and where the sessions are. Pure questions to the model."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from app_flet import intents
from app_flet.clock import MAX_CORRECTION_MS
from app_flet.instants import MINUTE_MS, ago, milliseconds
from app_flet.model import CallView, Held, LinkState, Model, WorkstationView
from app_flet.underway import WITHDRAWN
from halyard_client.halyard.agent import v1

ROLE_NAMES = {
    v1.DeviceRole.OPERATOR: "operator",
    v1.DeviceRole.APPROVER: "approver",
    v1.DeviceRole.VIEWER: "viewer",
}
MAY_DECIDE = ("operator", "approver")
UNLISTED = (
    "The relay does not know yet that this device may direct {name}: it may have lost its store, or this device was "
    "taken off the list there."
)
UNLISTED_ADVICE = (
    "What you say waits on this device, and leaves once {name} is linked to the relay again. If that lasts, see there "
    "whether agentd runs and, with `agentd devices`, whether it still lists this device; if it does not, pair again."
)
JUST_DECIDED_MS = 90_000
"""For so long a list shows what came of a decision."""


def workstation_resource(known: WorkstationView) -> v1.Workstation:
    """What a workstation says of itself; empty while nothing is known."""
    record = known.held.get("workstation")
    return (record.resource.workstation if record else None) or v1.Workstation()


def workstation_name(known: WorkstationView) -> str:
    """What its owner calls it."""
    return workstation_resource(known).display_name or known.display_name


def _session(record: Held) -> v1.Session | None:
    return None if record.is_gone else record.resource.session


def session_named(known: WorkstationView | None, name: str) -> v1.Session | None:
    """The session `name`, unless it is deleted or unknown."""
    record = known.held.get(name) if known else None
    return _session(record) if record else None


def projects(known: WorkstationView) -> list[v1.Project]:
    """Recently used first."""
    found = [r.resource.project for r in known.held.values() if r.resource.project is not None]
    return sorted(found, key=lambda project: (-milliseconds(project.last_active_time), project.display_name))


def project_label(known: WorkstationView | None, name: str) -> str:
    """What a person calls the project `name`."""
    record = known.held.get(name) if known else None
    project = record.resource.project if record else None
    return project.display_name if project else name.rpartition("/")[2]


def agents(known: WorkstationView) -> list[v1.Agent]:
    """The agents of a workstation, in its order."""
    return list(workstation_resource(known).agents)


def devices(known: WorkstationView) -> list[v1.Device]:
    """Paired devices, by pairing time."""
    found = [r.resource.device for r in known.held.values() if r.resource.device is not None]
    return sorted(found, key=lambda device: (milliseconds(device.pair_time), device.name))


def role_in(model: Model, workstation: str) -> str:
    """What this device may do there: "operator", "approver" or "viewer"; empty for nothing any more."""
    known = model.workstations.get(workstation)
    if known is None or known.removed:
        return ""
    record = known.held.get(f"devices/{model.device_id}")
    device = record.resource.device if record else None
    # The role at pairing stands until the workstation's own list says otherwise.
    return ROLE_NAMES.get(device.role, "viewer") if device else known.role


def unlisted_line(known: WorkstationView | None) -> str:
    """What to say of a relay that does not list this device for a workstation; empty while it does."""
    if known is None or known.removed or not known.unlisted:
        return ""
    return f"{UNLISTED} {UNLISTED_ADVICE}".format(name=workstation_name(known))


def uses_demo_model(known: WorkstationView | None) -> bool:
    """Answers come from the scripted model: say so wherever the model is shown."""
    return known is not None and workstation_resource(known).demo_model


# --- what needs you ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Need:
    """A permission or a question that waits."""

    workstation: str
    record: Held
    session: str
    session_title: str
    create_ms: int

    @property
    def name(self) -> str:
        """Resource name."""
        return self.record.name


def _asked(record: Held) -> v1.Permission | v1.Question | None:
    return record.resource.permission or record.resource.question


def needs(model: Model, workstation: str = "", session: str = "") -> tuple[Need, ...]:
    """All that waits for a person, oldest first; of one session when it is named."""
    found = [
        need
        for known in model.workstations.values()
        if workstation in ("", known.id)
        for need in _needs_of(known)
        if session in ("", need.session, top_of(known, need.session))
    ]
    return tuple(sorted(found, key=lambda need: (need.create_ms, need.name)))


def top_of(known: WorkstationView, session: str) -> str:
    """The person's session that `session` works for: itself, or the one at the top of the subagents' sessions."""
    seen = {session}
    while (found := session_named(known, session)) is not None and found.parent and found.parent not in seen:
        session = found.parent
        seen.add(session)
    return session


def _needs_of(known: WorkstationView) -> Iterator[Need]:
    for record in known.held.values():
        asked = _asked(record)
        if asked is not None and asked.state is v1.DecisionState.PENDING:
            yield _need(known, record, asked)


def _need(known: WorkstationView, record: Held, asked: v1.Permission | v1.Question) -> Need:
    session = "/".join(record.name.split("/")[:2])
    return Need(known.id, record, session, title_of(known, session), milliseconds(asked.create_time))


def just_decided(model: Model, now_ms: int) -> tuple[Need, ...]:
    """What was decided in the last minutes, newest first: a person sees what came of it."""
    found = []
    for known in model.workstations.values():
        for record in known.held.values():
            asked = _asked(record)
            if asked is not None and asked.decision is not None:
                decided_ms = milliseconds(asked.decision.decide_time)
                if now_ms - decided_ms < JUST_DECIDED_MS:
                    found.append((decided_ms, _need(known, record, asked)))
    return tuple(need for _, need in sorted(found, key=lambda pair: (-pair[0], pair[1].name)))


def call_about(model: Model, resource: str) -> CallView | None:
    """This device's newest decision or answer about the permission or question `resource`."""
    for call in reversed(list(model.calls.values())):
        if call.method == intents.DECIDE and v1.DecideRequest.parse(call.request).permission == resource:
            return call
        if call.method == intents.ANSWER and v1.AnswerRequest.parse(call.request).question == resource:
            return call
    return None


# --- sessions ---------------------------------------------------------------------------------------------------------


class Group(StrEnum):
    """Where a session stands in the lists."""

    WAITING = "Waits for you"
    WORKING = "Working"
    NEW = "Done since you last looked"
    EARLIER = "Earlier"


class Standing(StrEnum):
    """What a session is doing, in one word for a person."""

    NEEDS_YOU = "needs you"
    WORKING = "working"
    RETRYING = "retrying"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One session in a list."""

    workstation: str
    name: str
    title: str
    project: str
    workstation_label: str
    standing: Standing
    detail: str
    group: Group
    update_ms: int
    needs: int
    failed: int
    """Messages of this device that were not taken, and that the person has neither sent again nor put away."""
    files: int
    additions: int
    deletions: int
    archived: bool

    @property
    def id(self) -> str:
        """Last segment of the name."""
        return self.name.rpartition("/")[2]


def title_of(known: WorkstationView | None, session: str) -> str:
    """What to call a session."""
    found = session_named(known, session)
    return (found.title if found else "") or "New session"


def session_lines(model: Model, *, archived: bool = False) -> tuple[SessionLine, ...]:
    """Every person's session, newest first; subagents' sessions are reached from their parent."""
    failed = _failed_messages(model)
    lines = [
        _line(model, known, session, waiting[session.name], failed[known.id, session.name])
        for known in model.workstations.values()
        for waiting in (Counter(top_of(known, need.session) for need in _needs_of(known)),)
        for record in known.held.values()
        if (session := _session(record)) is not None and not session.parent and session.archived == archived
    ]
    return tuple(sorted(lines, key=lambda line: (-line.update_ms, line.name)))


class SessionLines:
    """`session_lines`, made again only when something changed that they show. There may be thousands, and text streams
    25 times a second and changes none.
    """

    def __init__(self) -> None:
        self._seen: tuple[object, ...] = ()
        self._found: tuple[SessionLine, ...] = ()

    def __call__(self, model: Model, *, archived: bool = False) -> tuple[SessionLine, ...]:
        """The same tuple as before while nothing in it could differ."""
        shown = ((known.id, known.held, known.display_name) for known in model.workstations.values())
        seen = (archived, model.seen, model.calls, *(one for each in shown for one in each))
        if len(seen) != len(self._seen) or any(new is not old for new, old in zip(seen, self._seen, strict=True)):
            self._seen, self._found = seen, session_lines(model, archived=archived)
        return self._found


def _failed_messages(model: Model) -> Counter[tuple[str, str]]:
    """(workstation, session) → how many; not what the person took back."""
    return Counter(
        (call.workstation, v1.PromptRequest.parse(call.request).session)
        for call in model.calls.values()
        if call.method == intents.PROMPT and call.error and call.reason != WITHDRAWN
    )


def _line(model: Model, known: WorkstationView, session: v1.Session, waiting: int, failed: int) -> SessionLine:
    changes = session.changes or v1.ChangeCount()
    update_ms = milliseconds(session.update_time)
    standing = standing_of(session, waiting)
    return SessionLine(
        workstation=known.id,
        name=session.name,
        title=session.title or "New session",
        project=project_label(known, session.project),
        workstation_label=workstation_name(known),
        standing=standing,
        detail=session.state_detail,
        group=_group(standing, update_ms, model.seen.get((known.id, session.name), 0), failed),
        update_ms=update_ms,
        needs=waiting,
        failed=failed,
        files=changes.files,
        additions=changes.additions,
        deletions=changes.deletions,
        archived=session.archived,
    )


def standing_of(session: v1.Session, waiting: int = 0) -> Standing:
    """What a session is doing; one that waits for a person says that first."""
    if waiting:
        return Standing.NEEDS_YOU
    return {
        v1.SessionState.WORKING: Standing.WORKING,
        v1.SessionState.RETRYING: Standing.RETRYING,
        v1.SessionState.FAILED: Standing.FAILED,
        v1.SessionState.INTERRUPTED: Standing.INTERRUPTED,
    }.get(session.state, Standing.DONE)


def _group(standing: Standing, update_ms: int, seen_ms: int, failed: int) -> Group:
    if standing is Standing.NEEDS_YOU or failed:
        return Group.WAITING
    if standing in (Standing.WORKING, Standing.RETRYING):
        return Group.WORKING
    return Group.NEW if update_ms > seen_ms else Group.EARLIER


@dataclass(frozen=True, slots=True)
class Beginning:
    """A session that this device asked for and that has not begun, or was refused."""

    call: CallView
    prompt: str
    project: str


def beginnings(model: Model) -> tuple[Beginning, ...]:
    """Sessions on their way, oldest first."""
    found = []
    for call in model.calls.values():
        if call.method == intents.START_SESSION and (call.is_open or call.error):
            request = v1.StartSessionRequest.parse(call.request)
            label = project_label(model.workstations.get(call.workstation), request.project)
            found.append(Beginning(call, request.prompt, label))
    return tuple(found)


# --- links ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OfflineLine:
    """What the thin line at the top says."""

    text: str
    as_of_ms: int


def offline(model: Model, workstation: str = "") -> OfflineLine | None:
    """None when all is as it should be; else what is wrong and how old the picture is.

    With a workstation: also when the relay is there and only that workstation is not.
    """
    about = [known for known in model.workstations.values() if workstation in ("", known.id)]
    down = [link for known in about if (link := model.links.get(known.relay)) and link.state is not LinkState.ONLINE]
    as_of_ms = min((known.as_of_ms for known in about if known.as_of_ms), default=0)
    if down:
        state = "offline" if down[0].state is not LinkState.CONNECTING else "connecting"
        return OfflineLine(state, as_of_ms)
    if workstation and about and about[0].relay in model.links:
        return _away(about[0])
    return None


def _away(known: WorkstationView) -> OfflineLine | None:
    if not known.online:
        return OfflineLine(f"{workstation_name(known)} is offline", max(known.last_seen_ms, known.as_of_ms))
    return OfflineLine(f"{workstation_name(known)} does not answer", known.as_of_ms) if known.silent else None


def log_lines(model: Model, workstation: str = "") -> tuple[str, ...]:
    """Why what is shown of that workstation, or of any, may be old or incomplete, or stays as it is; mostly nothing."""
    about = [known for known in model.workstations.values() if workstation in ("", known.id)]
    return tuple(text for known in about if (text := _log_line(known)))


def _log_line(known: WorkstationView) -> str:
    if not known.removed:
        return unlisted_line(known) or known.warning
    stays = "What is here stays readable; pair again to go on."
    return f"The relay says that {workstation_name(known)} no longer lists this device. {stays}"


def clock_line(model: Model) -> str:
    """What to say of this device's clock; empty while it is right."""
    offset_ms = model.clock_offset_ms
    if not offset_ms:
        return ""
    how_far = ago(1, 1 + abs(offset_ms) + MINUTE_MS)  # what is told has been under way for a moment
    direction = "behind" if offset_ms > 0 else "ahead of"
    remedy = "Times here are corrected for that" if abs(offset_ms) <= MAX_CORRECTION_MS else "Halyard may not work"
    return f"This device's clock is {how_far} {direction} the relay's. {remedy}; set the clock right."
