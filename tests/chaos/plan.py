"""What happens in a round: who says what, who decides how, what breaks when. Pure: everything is drawn from one
`random.Random`, before anything runs, so that a seed replays.

Times are seconds from the round's beginning; parts and links are named as in `PARTS` and `LINKS`.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

WINDOW_SECONDS = 3.0
"""Faults and prompts begin within this."""


class Work(StrEnum):
    """What a prompt makes the agent do."""

    SAY = "say"
    RUN = "run"
    RUN_TWICE = "run twice"
    RUN_SLOWLY = "run slowly"
    LEAVE_RUNNING = "leave running"
    """A command that leaves programs behind which hide who started them."""
    WRITE = "write"
    EDIT = "edit"
    ASK = "ask"
    PLAN = "plan"


class Fault(StrEnum):
    """What may break."""

    KILL = "SIGKILL"
    TERM = "SIGTERM"
    FREEZE = "SIGSTOP, SIGCONT"
    LOSE_DATABASE = "database deleted"
    FILL_DISK = "disk full"
    CUT = "cut"
    HALF_OPEN = "half-open"
    DELAY = "delay"
    THROTTLE = "throttle"
    REORDER = "reorder"


OF_PROCESSES = (Fault.KILL, Fault.TERM, Fault.FREEZE)
OF_LINKS = (Fault.CUT, Fault.HALF_OPEN, Fault.DELAY, Fault.THROTTLE, Fault.REORDER)
# An agent takes two or three seconds to come back, a relay one; so the one is killed less often than the other.
PART_WEIGHTS = {"relay": 5, "agentd": 2, "opencode": 2, "warden": 1, "app": 5}


@dataclass(frozen=True, slots=True)
class Shape:
    """How large the stage is."""

    apps: int = 2
    slots: int = 3
    """Sessions that are spoken to at a time; each lives for some rounds."""
    parts: tuple[str, ...] = ("relay", "agentd", "opencode", "warden", "app")
    """What may be killed; "app" stands for every one."""
    faults: tuple[Fault, ...] = tuple(Fault)


@dataclass(frozen=True, slots=True)
class Say:
    """One prompt of one person."""

    at: float
    app: int
    slot: int
    token: str
    """In its words and in what it does, unique in a run."""
    work: Work
    fresh: bool
    """Begins a session, which is the slot's from the next round on."""
    stop_after: float = 0.0
    """Seconds until the same person presses stop; 0: never."""


@dataclass(frozen=True, slots=True)
class Decide:
    """What a person does once the agent asks about a token."""

    token: str
    app: int
    allow: bool
    delay: float
    word: str = ""


@dataclass(frozen=True, slots=True)
class Break:
    """One fault. `target` names a part ("app2") or a link ("link app2", "link agentd")."""

    at: float
    fault: Fault
    target: str
    seconds: float
    """How long until it is mended: restarted, continued, connected again."""
    amount: float = 0.0
    """Of a delay: seconds for each piece; of a throttle: bytes a second."""


@dataclass(frozen=True, slots=True)
class Pocket:
    """A person puts an app away, and takes it out again after so long."""

    at: float
    app: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Round:
    """All of it."""

    number: int
    says: tuple[Say, ...]
    decides: tuple[Decide, ...]
    breaks: tuple[Break, ...]
    pockets: tuple[Pocket, ...] = ()


def draw_rounds(seed: int, rounds: int, shape: Shape) -> list[Round]:
    """All rounds of a run. The first one only begins the sessions: nothing breaks in it."""
    draw = random.Random(seed)
    return [_first(draw, shape), *(_round(draw, number, shape) for number in range(1, rounds + 1))]


def _first(draw: random.Random, shape: Shape) -> Round:
    says = [Say(0.0, slot % shape.apps, slot, f"t0x{slot}", Work.RUN, fresh=True) for slot in range(shape.slots)]
    return Round(0, tuple(says), _decides(draw, says, shape), ())


def _round(draw: random.Random, number: int, shape: Shape) -> Round:
    says: list[Say] = []
    for slot in range(shape.slots):
        for _ in range(draw.choice((0, 1, 1, 2))):
            says.append(_say(draw, f"t{number}x{len(says)}", slot, shape, fresh=False))
    if draw.random() < 0.5:
        says.append(_say(draw, f"t{number}x{len(says)}", draw.randrange(shape.slots), shape, fresh=True))
    says = sorted(says or [_say(draw, f"t{number}x0", 0, shape, fresh=False)], key=lambda say: say.at)
    breaks = sorted((_break(draw, shape) for _ in range(draw.choice((1, 1, 2, 3)))), key=lambda one: one.at)
    pockets = (_pocket(draw, shape),) if draw.random() < 0.4 else ()
    return Round(number, tuple(says), _decides(draw, says, shape), tuple(breaks), pockets)


def _say(draw: random.Random, token: str, slot: int, shape: Shape, *, fresh: bool) -> Say:
    at, app, work = (
        round(draw.uniform(0, WINDOW_SECONDS * 0.8), 2),
        draw.randrange(shape.apps),
        draw.choice(tuple(Work)),
    )
    stop_after = round(draw.uniform(0.1, 2.0), 2) if draw.random() < 0.12 and not fresh else 0.0
    return Say(at, app, slot, token, work, fresh, stop_after)


def _decides(draw: random.Random, says: Sequence[Say], shape: Shape) -> tuple[Decide, ...]:
    """One decision for each token, and for some of them a rival who decides the other way."""
    made: list[Decide] = []
    for say in says:
        allow = draw.random() < 0.75
        order = draw.sample(range(shape.apps), shape.apps)
        word = draw.choice(("", "Not that one.")) if not allow else ""
        made.append(Decide(say.token, order[0], allow, round(draw.uniform(0, 0.6), 2), word))
        if len(order) > 1 and draw.random() < 0.3:
            made.append(Decide(say.token, order[1], not allow, round(draw.uniform(0, 0.6), 2)))
    return tuple(made)


def _pocket(draw: random.Random, shape: Shape) -> Pocket:
    at, seconds = round(draw.uniform(0, WINDOW_SECONDS), 2), round(draw.uniform(0.2, 4.0), 2)
    return Pocket(at, draw.randrange(shape.apps), seconds)


def _break(draw: random.Random, shape: Shape) -> Break:
    at, seconds = round(draw.uniform(0.1, WINDOW_SECONDS), 2), round(draw.uniform(0.2, 2.0), 2)
    if draw.random() < 0.6 or not set(OF_LINKS) & set(shape.faults):
        part = draw.choices(shape.parts, [PART_WEIGHTS[part] for part in shape.parts])[0]
        fault = draw.choice(_faults_of(part, shape))
        return Break(at, fault, _one_of(draw, part, shape), seconds)
    fault = draw.choice([fault for fault in OF_LINKS if fault in shape.faults])
    target = f"link {_one_of(draw, draw.choice(('agentd', 'app')), shape)}"
    amount = round(draw.uniform(0.02, 0.4), 2) if fault is Fault.DELAY else draw.choice((200.0, 2_000.0, 20_000.0))
    return Break(at, fault, target, seconds, amount)


def _faults_of(part: str, shape: Shape) -> list[Fault]:
    of_disk = (Fault.LOSE_DATABASE, Fault.FILL_DISK) if part == "relay" else ()
    return [fault for fault in (*OF_PROCESSES, *of_disk) if fault in shape.faults]


def _one_of(draw: random.Random, part: str, shape: Shape) -> str:
    return f"app{draw.randrange(shape.apps)}" if part == "app" else part
