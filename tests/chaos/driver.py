"""Plays rounds on a stage: people speak and decide, things break, everything is mended, and then all must be right."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from halyard.agent.v1 import decision_pb2, resource_pb2
from tests.chaos import accounts, choices, comparison, histories, witness
from tests.chaos.accounts import Asked, Verdict
from tests.chaos.app_remote import AppRemote, Dump
from tests.chaos.ask_comparison import of_asks
from tests.chaos.growth import Size
from tests.chaos.plan import Fault, Pocket, Round, Say, Shape
from tests.chaos.rig import Rig, running_rig
from tests.chaos.words import prompt
from tests.chaos.wounds import Wounds

REST_SECONDS = 180.0
"""Everything mended, a stage comes to rest within this also on a busy machine, or something is stuck."""
LOOK_AGAIN_SECONDS = 0.2


@dataclass
class Played:
    """What came of a round."""

    number: int
    recovery_seconds: float = 0.0
    """From the last thing mended until every app was equal to OpenCode."""
    acknowledged: int = 0
    """Prompts that apps showed as at least kept, from the beginning of the run."""
    decisions: int = 0
    """Decisions and answers that apps made, from the beginning of the run."""
    messages: int = 0
    """Messages in OpenCode, from the beginning of the run."""
    verdict: Verdict = field(default_factory=Verdict)
    sizes: Mapping[str, Size] = field(default_factory=dict)


@dataclass
class Run:
    """What came of all rounds so far."""

    disk: str = ""
    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    ends_of_prompts: Counter[str] = field(default_factory=Counter)
    """CallState's name that was shown last, with the reason of a refusal → how many."""
    ends_of_decisions: Counter[str] = field(default_factory=Counter)
    rounds: list[Played] = field(default_factory=list)


@dataclass
class Buried:
    """What is remembered of sessions that were deleted after their rounds."""

    sessions: dict[str, witness.Messages] = field(default_factory=dict)
    permissions: dict[str, tuple[str, str]] = field(default_factory=dict)


class Driver:
    """See the module."""

    def __init__(self, rig: Rig, shape: Shape, run: Run) -> None:
        self._rig = rig
        self._shape = shape
        self._run = run
        self._wounds = Wounds(rig)
        run.kills, run.faults = self._wounds.kills, self._wounds.faults
        self._slots: list[str] = [""] * shape.slots
        self._dumps: dict[str, Dump] = {}
        self._true: witness.Truth | None = None
        self._retired: set[str] = set()
        self._buried = Buried()
        self._known: set[str] = set()

    async def play(self, plan: Round) -> Played:
        """Plays one round to its end."""
        played = Played(plan.number)
        for app in self._rig.apps:
            app.decide(
                {
                    one.token: {"allow": one.allow, "delay": one.delay, "word": one.word}
                    for one in plan.decides
                    if one.app == app.number
                }
            )
        async with asyncio.TaskGroup() as group:
            for say in plan.says:
                group.create_task(self._say(say))
            for session in sorted(self._retired):
                group.create_task(self._delete(session, self._rig.apps[plan.number % len(self._rig.apps)]))
            for one in plan.breaks:
                group.create_task(self._wounds.inflict(one))
            for pocket in plan.pockets:
                group.create_task(self._put_away(pocket))
        await self._wounds.heal()
        await self._come_to_rest(played)
        self._judge(played)
        self._turn_over(plan)
        self._run.rounds.append(played)
        return played

    async def _say(self, say: Say) -> None:
        await asyncio.sleep(say.at)
        app, session = self._rig.apps[say.app], self._slots[say.slot]
        await app.ready.wait()
        where = {} if say.fresh or not session else {"session": f"sessions/{session}"}
        app.say({"say": {**where, "text": prompt(say.token, say.work)}})
        if say.stop_after and where:
            await asyncio.sleep(say.stop_after)
            app.say({"stop": where["session"]})

    async def _put_away(self, pocket: Pocket) -> None:
        await asyncio.sleep(pocket.at)
        app = self._rig.apps[pocket.app]
        app.say({"looks": False})
        await asyncio.sleep(pocket.seconds)
        app.say({"looks": True})

    async def _delete(self, session: str, app: AppRemote) -> None:
        """Has an app delete a session; one that dies before it heard of it is asked again in the next round."""
        await app.ready.wait()
        app.say({"delete": f"sessions/{session}"})

    # --- coming to rest ---

    async def _come_to_rest(self, played: Played) -> None:
        """Waits until nothing is under way and every app is equal to OpenCode."""
        began = time.monotonic()
        wrong = ["nothing was looked at yet"]
        try:
            async with asyncio.timeout(REST_SECONDS):
                while wrong:
                    await asyncio.sleep(LOOK_AGAIN_SECONDS)
                    wrong = await self._unequal()
        except TimeoutError:
            await self._look_once_more()
            played.verdict.differing += [f"still, {REST_SECONDS} s after everything was mended: {one}" for one in wrong]
        played.recovery_seconds = round(time.monotonic() - began, 2)

    async def _look_once_more(self) -> None:
        """What is judged beside must be of now, also when one of the apps is gone."""
        self._true = await witness.truth(self._rig) or self._true
        for app in (app for app in self._rig.apps if app.is_running):
            self._dumps[app.name] = await app.dump() or self._dumps.get(app.name, Dump((), ()))

    async def _unequal(self) -> list[str]:
        """Why the stage is not at rest, or what is unequal."""
        unsettled = [app.unsettled for app in self._rig.apps if app.unsettled]
        if unsettled:
            return unsettled
        true = await witness.truth(self._rig)
        if true is None:
            return ["OpenCode cannot be asked"]
        if true.busy:
            return [f"{true.busy} work"]
        self._true = true
        found = [what for messages in true.sessions.values() for what in comparison.unfinished(messages)]
        for app in self._rig.apps:
            dump = await app.dump()
            if dump is None:
                return [f"{app.name} does not answer"]
            self._dumps[app.name] = dump
            found += self._wrong_with(app, dump, true)
        first, *others = self._dumps.values()
        for other in others:
            found += [
                f"apps hold {one} differently" for one in comparison.between_apps(first.resources, other.resources)
            ]
        return found

    def _wrong_with(self, app: AppRemote, dump: Dump, true: witness.Truth) -> list[str]:
        found = [*dump.differs_from_disk]
        for session, held in true.held.items():
            found += comparison.of_session(held, dump.resources)
            if session in self._opened:
                found += comparison.differences(held, dump.resources)
        found += of_asks(true.waiting, true.held, dump.resources)
        found += comparison.of_authors(self._said(), dump.resources)
        shown = {r.name.removeprefix("sessions/") for r in dump.resources if r.HasField("session")}
        if shown != true.sessions.keys():
            found.append(f"sessions shown {sorted(shown)}, held {sorted(true.sessions)}")
        return [f"{app.name}: {what}" for what in [*found, app.warning] if what]

    @property
    def _opened(self) -> set[str]:
        return {session for session in self._slots if session}

    # --- judging ---

    def _judge(self, played: Played) -> None:
        """Says what is wrong, and of that only what was not said before."""
        found, true = Verdict(), self._true
        if true is None:
            played.verdict.left_over.append("OpenCode could never be asked")
            return
        sessions = {**self._buried.sessions, **true.sessions}
        said = [call for app in self._rig.apps for call in app.seen.calls.values()]
        deletions = [(call["deletes"], call["state"]) for call in said if call.get("deletes")]
        deleted = {session for session, _ in deletions}
        asked = self._asked()
        found.add(accounts.prompts(asked, sessions, deleted))
        found.add(accounts.effects(witness.effects(self._rig), sessions, self._permissions()))
        found.add(accounts.files(witness.files(self._rig), sessions, self._permissions()))
        found.add(accounts.requests(witness.requests(self._rig)))
        taps = [tap for app in self._rig.apps for tap in app.seen.taps(app.name)]
        names = {f"sessions/{session}" for session in true.sessions}
        relays_lost = self._wounds.faults[Fault.LOSE_DATABASE.value]
        found.add(accounts.deletions(deletions, names))
        found.add(choices.decisions(taps, choices.outcomes(self._resources()), names))
        for app in self._rig.apps:
            found.illegal += app.seen.backwards
            found.illegal += histories.illegal_losses(app.seen.details, deleted)
            for name, states in app.seen.messages.items():
                moves = histories.ANSWERS if name in app.seen.answers else histories.PROMPTS
                found.illegal += histories.illegal_moves(f"{app.name}: {name}", states, moves)
            found.illegal += histories.illegal_deliveries(app.seen.deliveries.items(), relays_lost)
            found.illegal += histories.illegal_calls(app.seen.call_histories.items(), relays_lost)
            found.illegal += histories.illegal_asks(app.seen.asks.items())
            found.illegal += histories.illegal_cursors(app.name, app.seen.cursors)
        found.crashed += witness.crashes(self._rig)
        found.left_over += [f"nobody owns process {one}" for one in witness.strangers(self._rig)]
        played.verdict.add(found.beyond(self._known))
        self._known |= set(found.all)
        played.acknowledged, played.decisions = len(asked), len(taps)
        self._run.ends_of_prompts = Counter(one.end for one in asked)
        self._run.ends_of_decisions = Counter(one.end for one in taps)
        played.messages = sum(len(messages) for messages in sessions.values())
        played.sizes = witness.sizes(self._rig)

    def _said(self) -> dict[str, str]:
        calls = [call for app in self._rig.apps for call in app.seen.calls.values() if call.get("token")]
        return {call["call"]: call["token"] for call in calls}

    def _asked(self) -> list[Asked]:
        return [
            Asked(call["token"], app.name, call["state"], call.get("session", ""), call["reason"])
            for app in self._rig.apps
            for call in app.seen.calls.values()
            if call.get("token")
        ]

    def _permissions(self) -> dict[str, tuple[str, str]]:
        return self._buried.permissions | {
            r.name: (_state(r.permission.state), r.permission.part)
            for r in self._resources()
            if r.HasField("permission")
        }

    def _resources(self) -> Sequence[resource_pb2.Resource]:
        """What the first app holds; the others hold the same, or it was said."""
        return next((dump.resources for dump in self._dumps.values()), ())

    # --- on to the next round ---

    def _turn_over(self, plan: Round) -> None:
        """Slots take up the sessions that were begun for them; those they leave are deleted in the next round."""
        true = self._true
        if true is None:
            return
        begun = {
            token: session for session, messages in true.sessions.items() for token in accounts.texts(messages)[:1]
        }
        for say in plan.says:
            if say.fresh and say.token in begun:
                self._slots[say.slot] = begun[say.token]
        self._retired = true.sessions.keys() - self._opened
        self._buried.sessions |= {session: true.sessions[session] for session in self._retired}
        self._buried.permissions |= self._permissions()
        for app in self._rig.apps:
            app.open([f"sessions/{session}" for session in sorted(self._opened)])


def _state(state: Any) -> str:
    return decision_pb2.DecisionState.Name(state).removeprefix("DECISION_STATE_")


async def run(folder: Path, rounds: list[Round], shape: Shape, told: Any = None, *, until_wrong: bool = False) -> Run:
    """Plays these rounds, or those up to the first that goes wrong, on a stage of their own in `folder`."""
    result = Run()
    async with running_rig(folder, shape) as rig:
        result.disk = rig.disk.kind
        driver = Driver(rig, shape, result)
        for plan in rounds:
            played = await driver.play(plan)
            if told is not None:
                told(plan, played)
            if until_wrong and played.verdict.all:
                break
    left = witness.left_in(rig)
    if left:
        result.rounds[-1].verdict.left_over += [f"still runs after the end: {one}" for one in left]
    return result
