"""What a person wrote is never lost, doubled or sent out of turn, however and whenever the app dies."""

import asyncio
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from app_flet import events, intents
from app_flet.device import Device
from app_flet.outgoing import MAX_CALL_BYTES, Refused
from halyard_client.halyard.agent import v1
from halyard_client.halyard.link.v1 import CallRefused
from relay.limits import Limits
from tests.app_flet.quay import NOW_MS, Quay, S, open_device, prompt_of
from tests.app_flet.workstation import Workstation, refusal
from wire.calls import CallState
from wire.errors import CallLeft

PLACE = "draft"


class Killed(BaseException):
    """The app died here."""


class DyingConnection:
    """A store's connection that dies before the nth statement that could change the file."""

    def __init__(self, db: sqlite3.Connection, lives: int) -> None:
        self._db = db
        self._lives = lives

    @property
    def in_transaction(self) -> bool:
        return False  # the dead do not roll back

    def execute(self, query: str, *arguments: Any) -> sqlite3.Cursor:
        self._lives -= not query.lstrip().startswith(("SELECT", "PRAGMA"))
        if self._lives < 0:
            raise Killed
        return self._db.execute(query, *arguments)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "device.sqlite"


@pytest.fixture
def bench() -> Workstation:
    return Workstation()


def scenario(device: Device, bench: Workstation, quay: Quay) -> Iterator[str]:
    """Everything that can befall calls, one acknowledged step after the other."""
    device.store.keep_draft(PLACE, "one")
    yield "typed"
    first = say(device, bench, "one")
    yield "sent"
    device.outgoing.take_back(first, draft=PLACE, text="one")
    yield "taken back to be changed"
    say(device, bench, "one, changed")
    yield "sent anew"
    second = say(device, bench, "two")
    yield "another one"
    device.outgoing.take_back(second)
    yield "cancelled"
    refused = say(device, bench, "refuse this")
    yield "a third"
    for call in quay.hand_over(device):
        yield "left"
        quay.store(device, call)
        device.outgoing.stored(call.call_id)
        yield "at the relay"
    for reply in quay.work(device):
        device.outgoing.replied(reply)
        yield "answered"
    device.call(bench.id, intents.again(intents.PROMPT, request_of("refuse this")), instead_of=refused)
    yield "sent again"


def say(device: Device, bench: Workstation, text: str) -> bytes:
    return device.call(bench.id, intents.prompt(S, text), draft=PLACE)


def request_of(text: str) -> bytes:
    return bytes(v1.PromptRequest(session=S, text=text))


def state_of(device: Device) -> object:
    calls = [(prompt_of(call), call.state, call.attempts) for call in device.store.calls()]
    return device.store.draft(PLACE), calls


def play(path: Path, lives: int) -> tuple[list[object], object]:
    """(state after each step that was acknowledged, state that the next app finds)."""
    bench = Workstation()
    device = open_device(path, bench)
    states = [state_of(device)]
    living = device.store._db
    dying = DyingConnection(living, lives)
    device.store._db = dying  # type: ignore[assignment]
    with suppress(Killed):
        states.extend(state_of(device) for _ in scenario(device, bench, Quay(bench)))
    living.close()
    return states, state_of(open_device(path, bench))


def test_whatever_is_written_when_the_app_dies_a_step_is_done_or_not_begun(tmp_path: Path) -> None:
    whole, end = play(tmp_path / "whole.sqlite", 10_000)
    assert end == whole[-1]
    assert len(set(map(str, whole))) > 10, "the steps differ"
    died = 0
    for lives in range(10_000):
        states, found = play(tmp_path / f"{lives}.sqlite", lives)
        if len(states) == len(whole):
            break
        died += 1
        assert found in (states[-1], whole[len(states)]), f"killed after {lives} writes"
    assert died > len(whole), "it died within steps, not only between them"


# --- one by one -------------------------------------------------------------------------------------------------------


def test_what_has_left_can_only_be_withdrawn(path: Path, bench: Workstation) -> None:
    device, quay = open_device(path, bench), Quay(bench)
    call_id = say(device, bench, "one")
    assert [call.call_id for call in quay.hand_over(device)] == [call_id]
    with pytest.raises(CallLeft):
        device.outgoing.take_back(call_id)
    device.outgoing.withdraw(call_id)
    device.outgoing.withdraw(call_id)
    asked = [v1.Call.parse(call.payload) for call in device.store.calls()]
    assert [intents.withdrawn_call(call.method, call.request) for call in asked] == [b"", call_id]


def test_what_has_not_left_is_simply_gone_when_it_is_withdrawn(path: Path, bench: Workstation) -> None:
    device = open_device(path, bench)
    device.outgoing.withdraw(say(device, bench, "one"))
    assert device.store.calls() == []


def test_a_prompt_taken_back_stands_above_what_is_being_typed(path: Path, bench: Workstation) -> None:
    device = open_device(path, bench)
    call_id = say(device, bench, "one")
    device.store.keep_draft(PLACE, "two")
    device.outgoing.take_back(call_id, draft=PLACE, text="one")
    assert device.store.draft(PLACE) == "one\n\ntwo"


def test_calls_leave_in_the_order_of_making_whatever_the_clock_did(path: Path, bench: Workstation) -> None:
    device, quay = open_device(path, bench), Quay(bench)
    texts = [f"prompt {number}" for number in range(20)]
    for number, text in enumerate(texts):
        device.now_ms.own_ms = lambda back=number: 1_800_000_000_000 - back * 1000  # type: ignore[misc]
        say(device, bench, text)
    device.store.close()
    again = open_device(path, bench)
    assert [prompt_of(call) for call in quay.hand_over(again)] == texts


def test_a_disk_that_takes_nothing_queues_nothing_and_keeps_the_draft(path: Path, bench: Workstation) -> None:
    device = open_device(path, bench)
    device.store.keep_draft(PLACE, "one")
    device.store._db.execute("PRAGMA query_only = ON")
    with pytest.raises(sqlite3.OperationalError):
        say(device, bench, "one")
    assert list(device.outgoing.outbox) == []
    assert not device.model.calls
    device.store._db.execute("PRAGMA query_only = OFF")
    assert device.store.draft(PLACE) == "one"
    say(device, bench, "one")


def test_what_no_relay_would_take_is_refused_at_once_and_stays_a_draft(path: Path, bench: Workstation) -> None:
    """Sent, it would end the link, and be sent again on the next one, before everything else that waits."""
    device = open_device(path, bench)
    device.store.keep_draft(PLACE, "long")
    with pytest.raises(Refused, match="too long to be sent"):
        device.call(bench.id, intents.prompt(S, "x" * 2 * MAX_CALL_BYTES), draft=PLACE)
    assert list(device.outgoing.outbox) == []
    assert device.store.draft(PLACE) == "long"
    device.call(bench.id, intents.prompt(S, "x" * (MAX_CALL_BYTES - 1_000)), draft=PLACE)
    (call,) = device.outgoing.outbox
    sealed = device.followings[bench.id].channel.seal_call(call.call_id, call.expires_ms, call.payload)
    assert len(sealed) <= Limits().max_record_bytes
    assert device.store.draft(PLACE) == ""


def test_what_the_disk_did_not_take_is_done_again_after_recovery(path: Path, bench: Workstation) -> None:
    device, quay = open_device(path, bench), Quay(bench)
    call_id = say(device, bench, "one")
    for call in quay.hand_over(device):
        quay.store(device, call)
    replies = quay.work(device)
    device.store._db.execute("PRAGMA query_only = ON")
    with pytest.raises(sqlite3.OperationalError):
        device.outgoing.replied(replies[0])
    device.store._db.execute("PRAGMA query_only = OFF")
    device.recover()
    assert device.model.calls[call_id].is_open
    for call in quay.hand_over(device):
        quay.store(device, call)
    for reply in quay.work(device):
        device.outgoing.replied(reply)
    assert quay.done == ["one"]
    assert device.model.calls[call_id].state is CallState.DONE


def test_a_decision_that_was_taken_back_in_time_stands_open_again(path: Path, bench: Workstation) -> None:
    device, quay = open_device(path, bench), Quay(bench)
    permission = v1.Permission(name=f"{S}/permissions/e1")
    intent = intents.decide(permission, v1.DecisionState.DENIED, device.now_ms())
    call_id = device.call(bench.id, intent)
    list(quay.hand_over(device))
    result = v1.CallResult(error=refusal(1, "WITHDRAWN", "You took this back."))
    device.outgoing.replied(quay.sealed(device, call_id, bytes(result)))
    assert not device.model.calls
    assert device.store.calls() == []


def test_a_prompt_that_was_taken_back_in_time_stays_until_the_person_puts_it_away(
    path: Path, bench: Workstation
) -> None:
    device, quay = open_device(path, bench), Quay(bench)
    call_id = say(device, bench, "one")
    list(quay.hand_over(device))
    result = v1.CallResult(error=refusal(1, "WITHDRAWN", "You took this back."))
    device.outgoing.replied(quay.sealed(device, call_id, bytes(result)))
    device.store.close()
    again = open_device(path, bench)
    assert again.model.calls[call_id].reason == "WITHDRAWN"
    again.discard(call_id)
    assert not again.model.calls


def test_a_change_that_is_shown_nowhere_leaves_nothing_behind_when_it_is_refused(
    path: Path, bench: Workstation
) -> None:
    device, quay = open_device(path, bench), Quay(bench)
    call_id = device.call(bench.id, intents.archive_session(S))
    list(quay.hand_over(device))
    result = v1.CallResult(error=refusal(5, "NOT_FOUND", "There is no such session."))
    device.outgoing.replied(quay.sealed(device, call_id, bytes(result)))
    assert not device.model.calls
    assert device.store.calls() == []


def test_what_the_relay_refuses_at_its_one_attempt_is_over(path: Path, bench: Workstation) -> None:
    device, quay = open_device(path, bench), Quay(bench)
    call_id = say(device, bench, "one")
    list(quay.hand_over(device))
    status = refusal(8, "TOO_LARGE", "This call would wait too long.")
    device.outgoing.refused(CallRefused(workstation_id=bench.id, call_id=call_id, status=status))
    assert device.model.calls[call_id].error == "This call would wait too long."


@pytest.mark.parametrize("reason", ["NOT_A_MEMBER", "RATE_LIMITED"])
def test_a_relay_that_takes_a_call_not_yet_delays_it_and_what_follows_and_ends_nothing(
    path: Path, bench: Workstation, reason: str
) -> None:
    device, quay = open_device(path, bench), Quay(bench)
    calls = [say(device, bench, text) for text in ("one", "two")]
    for call in quay.hand_over(device):
        refused = CallRefused(workstation_id=bench.id, call_id=call.call_id, status=refusal(7, reason, "Pair it."))
        device.outgoing.refused(refused)
    seen = [device.model.calls[call_id] for call_id in calls]
    assert [(call.state, call.error) for call in seen] == [(CallState.ON_DEVICE, "")] * 2
    for call in quay.hand_over(device):
        quay.store(device, call)
    for reply in quay.work(device):
        device.outgoing.replied(reply)
    assert quay.done == ["one", "two"]


def test_what_a_relay_lost_and_has_again_is_shown_there_again(path: Path, bench: Workstation) -> None:
    device, quay = open_device(path, bench), Quay(bench)
    call_id = say(device, bench, "one")
    list(quay.hand_over(device))
    device.outgoing.stored(call_id)
    device.happened([events.WorkstationUnlisted(bench.id)])
    assert device.model.calls[call_id].state is CallState.ON_DEVICE
    device.outgoing.stored(call_id)
    assert device.model.calls[call_id].state is CallState.AT_RELAY


async def test_a_full_disk_keeps_nobody_waiting_for_a_read_that_ran_out_of_time(path: Path, bench: Workstation) -> None:
    device = open_device(path, bench)
    say(device, bench, "one")
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(turned_down(device, bench))
        await asyncio.sleep(0)
        device.now_ms.own_ms = lambda: NOW_MS + 2 * intents.PROMPT_TTL_MS
        device.store._db.execute("PRAGMA query_only = ON")
        with pytest.raises(sqlite3.OperationalError):
            device.outgoing.expire()
        await asyncio.wait({asking}, timeout=30)
        assert asking.done()


async def turned_down(device: Device, bench: Workstation) -> None:
    """Asks for something that is not answered in time."""
    with pytest.raises(Refused):
        await device.ask(bench.id, intents.session_diff(S))


def test_only_the_last_answers_stay_in_memory(path: Path, bench: Workstation) -> None:
    device, quay = open_device(path, bench), Quay(bench)
    for number in range(70):
        say(device, bench, f"prompt {number}")
    for call in quay.hand_over(device):
        quay.store(device, call)
    for reply in quay.work(device):
        device.outgoing.replied(reply)
    assert len(device.model.calls) == 64
    assert device.store.calls() == []


# --- anything in any order --------------------------------------------------------------------------------------------


class Journey(RuleBasedStateMachine):
    """A person, a phone that dies, links that break, a relay that loses its database, a workstation."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "device.sqlite"
        self.bench = Workstation()
        self.quay = Quay(self.bench)
        self.device = open_device(self.path, self.bench)
        self.said: list[str] = []
        """In the order of saying, without what was taken back before it left."""
        self.drafted = ""

    def teardown(self) -> None:
        self.device.store.close()
        self.folder.cleanup()

    @rule(loud=st.booleans())
    def say(self, loud: bool) -> None:
        text = self.drafted or f"prompt {len(self.said)} of {len(self.quay.done)}" + ("!" if loud else "")
        say(self.device, self.bench, text)
        self.said.append(text)
        self.drafted = ""

    @precondition(lambda self: not self.drafted)
    @rule(data=st.data())
    def change(self, data: st.DataObject) -> None:
        here = [call for call in self.device.outgoing.outbox if not call.attempts]
        if here:
            call = data.draw(st.sampled_from(here))
            self.drafted = prompt_of(call)
            self.device.outgoing.take_back(call.call_id, draft=PLACE, text=self.drafted)
            self.said.remove(self.drafted)

    @rule(gets_through=st.integers(0, 4))
    def link(self, gets_through: int) -> None:
        for number, call in enumerate(self.quay.hand_over(self.device)):
            if number < gets_through:
                self.quay.store(self.device, call)
                self.device.outgoing.stored(call.call_id)

    @rule(answers=st.integers(0, 3))
    def work(self, answers: int) -> None:
        for reply in self.quay.work(self.device)[:answers]:
            self.device.outgoing.replied(reply)

    @rule()
    def relay_loses_everything(self) -> None:
        self.quay.inbox.clear()

    @rule()
    def app_dies(self) -> None:
        self.device.store.close()
        self.device = open_device(self.path, self.bench)

    @invariant()
    def nothing_is_lost_doubled_or_out_of_turn(self) -> None:
        open_calls = [prompt_of(call) for call in self.device.store.calls() if not call.state.is_final]
        assert len(self.quay.done) == len(set(self.quay.done))
        assert self.quay.done == [text for text in self.said if text in self.quay.done]
        assert set(self.said) == set(self.quay.done) | set(open_calls)
        assert self.device.store.draft(PLACE) == self.drafted


Journey.TestCase.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
TestAnyJourney = Journey.TestCase
