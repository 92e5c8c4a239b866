"""What a session's transcript shows: messages with their parts, and what is on its way there. Pure questions to the
model.

Finished words are cut into blocks that never change again, so that only a short tail is drawn anew while text streams.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

from app_flet import intents
from app_flet.model import CallView, Held, Model, Transcript, WorkstationView
from app_flet.reduce import recorded_text, stands
from app_flet.underway import withdrawing
from halyard_client.halyard.agent import v1
from wire.calls import CallState


@dataclass(frozen=True, slots=True)
class Turn:
    """One message and its parts, or a prompt that is still on its way. Parts compare by identity."""

    key: str
    """Stays the same from the prompt's sending to its place in the log."""
    message: Held | None
    parts: tuple[Held, ...]
    call: CallView | None = None
    """Set for a prompt of this device that the log does not hold yet."""
    delivery: "Delivery | None" = None
    withdrawing: bool = False
    """This device asked to have it back, and does not know yet whether in time."""

    @property
    def is_person(self) -> bool:
        """Whether a person speaks."""
        return self.message is None or _message(self.message).role is v1.Role.PERSON


class Delivery(StrEnum):
    """How far a prompt is, in words for a person."""

    ON_DEVICE = "on this device"
    AT_RELAY = "at the relay"
    AT_WORKSTATION = "at the workstation"
    ANSWERED = "answered"
    FAILED = "failed"


_DELIVERIES = {
    CallState.ON_DEVICE: Delivery.ON_DEVICE,
    CallState.AT_RELAY: Delivery.AT_RELAY,
    CallState.AT_WORKSTATION: Delivery.AT_WORKSTATION,
    CallState.DONE: Delivery.AT_WORKSTATION,
}


def _message(record: Held) -> v1.Message:
    return record.resource.message or v1.Message()


def part_of(record: Held) -> v1.Part:
    """The part in a record."""
    return record.resource.part or v1.Part()


def turns(model: Model, workstation: str, session: str) -> tuple[Turn, ...]:
    """The whole conversation, oldest first; what this device has just said stands last."""
    known = model.workstations.get(workstation)
    transcript = known.transcripts.get(session) if known else None
    if transcript is None:
        return ()
    messages, parts = _messages(transcript), _parts_by_message(transcript)
    arrived = transcript.arrived | {bytes(_message(record).call_id) for record in messages}
    recorded = [_recorded_turn(record, parts.get(record.name, ())) for record in messages]
    wanted_back = withdrawing(model)
    waiting = [
        Turn(call.call_id.hex(), None, (), call, withdrawing=call.call_id in wanted_back)
        for call in prompts_on_their_way(model, workstation, session, arrived)
    ]
    return _with_deliveries((*recorded, *waiting))


class Turns:
    """`turns`, made again only when a record or a call changed; text streams 25 times a second and changes neither."""

    def __init__(self) -> None:
        self._seen: tuple[object, object] | None = None
        self._found: tuple[Turn, ...] = ()

    def __call__(self, model: Model, workstation: str, session: str) -> tuple[Turn, ...]:
        """The same tuple as before while nothing in it could differ; ask one session only."""
        known = model.workstations.get(workstation)
        transcript = known.transcripts.get(session) if known else None
        seen = (transcript.held if transcript else None, model.calls)
        if self._seen is None or seen[0] is not self._seen[0] or seen[1] is not self._seen[1]:
            self._seen, self._found = seen, turns(model, workstation, session)
        return self._found


def _messages(transcript: Transcript) -> list[Held]:
    found = [record for record in transcript.held.values() if record.resource.message is not None]
    return sorted(found, key=stands)


def _parts_by_message(transcript: Transcript) -> dict[str, tuple[Held, ...]]:
    found: dict[str, list[Held]] = {}
    for record in transcript.held.values():
        if record.resource.part is not None:
            found.setdefault(record.name.rpartition("/parts/")[0], []).append(record)
    return {name: tuple(sorted(parts, key=lambda r: (part_of(r).index, r.name))) for name, parts in found.items()}


def _recorded_turn(record: Held, parts: tuple[Held, ...]) -> Turn:
    call_id = bytes(_message(record).call_id)
    told = {diff.path for part in parts for diff in _diffs_of_tool(part)}
    shown = tuple(part for part in parts if not _only_repeats(part, told))
    return Turn(call_id.hex() if call_id else record.name, record, shown)


def _diffs_of_tool(record: Held) -> list[v1.FileDiff]:
    call = part_of(record).tool_call
    return list(call.diffs) if call is not None else []


def _only_repeats(record: Held, told: set[str]) -> bool:
    """An agent names after each step the files it touched; that is no news where the tools have shown how."""
    changes = part_of(record).changes
    return changes is not None and all(
        diff.path in told and not (diff.patch or diff.additions or diff.deletions) for diff in changes.diffs
    )


def prompts_on_their_way(model: Model, workstation: str, session: str, arrived: Collection[bytes]) -> list[CallView]:
    """Prompts of this device for a session that the log does not hold, in the order in which they were said."""
    return [
        call
        for call in model.calls.values()
        if call.method == intents.PROMPT
        and call.workstation == workstation
        and call.call_id not in arrived
        and v1.PromptRequest.parse(call.request).session == session
    ]


def _with_deliveries(found: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Says how far the newest prompt is, and every one that is not answered."""
    answered = {_message(turn.message).answers for turn in found if turn.message and _is_answer(turn.message)}
    newest = max((at for at, turn in enumerate(found) if turn.is_person), default=-1)
    return tuple(
        replace(turn, delivery=_delivery(turn, answered, is_newest=at == newest)) if turn.is_person else turn
        for at, turn in enumerate(found)
    )


_NO_ANSWERS = (v1.MessageState.WRITING, v1.MessageState.INTERRUPTED)


def _is_answer(record: Held) -> bool:
    """Whether an agent has spoken. What was cut off is half an answer, which is none; what is being written may yet be
    cut off, and a prompt that was shown as answered must not become unanswered again.
    """
    message = _message(record)
    return message.role is not v1.Role.PERSON and message.state not in _NO_ANSWERS


def _delivery(turn: Turn, answered: set[str], *, is_newest: bool) -> Delivery | None:
    if turn.call is not None:
        return Delivery.FAILED if turn.call.error else _DELIVERIES[turn.call.state]
    if not is_newest or turn.message is None:
        return None
    return Delivery.ANSWERED if turn.message.name in answered else Delivery.AT_WORKSTATION


def prompt_text(call: CallView) -> str:
    """What a prompt on its way says."""
    return v1.PromptRequest.parse(call.request).text


# --- words ------------------------------------------------------------------------------------------------------------


def words(transcript: Transcript | None, record: Held) -> str:
    """The text or reasoning of a part, with what has streamed in since its record."""
    return _field(transcript, record, v1.DeltaField.TEXT)


def output(transcript: Transcript | None, record: Held) -> str:
    """The output of a tool call, with what has streamed in since its record."""
    return _field(transcript, record, v1.DeltaField.OUTPUT)


def _field(transcript: Transcript | None, record: Held, field: v1.DeltaField) -> str:
    grown = transcript.grown.get((record.name, field)) if transcript else None
    data = grown if grown is not None else recorded_text(record.resource, field)
    # A hint may end within a character.
    return data.decode(errors="ignore")


def cut_into_blocks(text: str) -> tuple[list[str], str]:
    """(finished Markdown blocks, tail). Cuts only at blank lines outside code fences, so that blocks never change."""
    blocks: list[str] = []
    lines: list[str] = []
    fence = ""
    for line in text.splitlines(keepends=True):
        lines.append(line)
        fence = _fence_after(fence, line)
        if not fence and not line.strip() and "".join(lines).strip():
            blocks.append("".join(lines))
            lines = []
    return blocks, "".join(lines)


def _fence_after(fence: str, line: str) -> str:
    """The open fence after `line`: empty when none is. A fence is closed by at least as many of the same mark."""
    mark = line.lstrip()[:3]
    if mark not in ("```", "~~~"):
        return fence
    run = line.lstrip()[: len(line.lstrip()) - len(line.lstrip().lstrip(mark[0]))].rstrip()
    if not fence:
        return run
    closes = run.startswith(fence) and not line.strip().strip(mark[0])
    return "" if closes else fence


_MARKS = re.compile(r"^ {0,3}(?:#{1,6} |> ?|```+.*|~~~+.*)|[*`]|(?<!\w)_|_(?!\w)", re.MULTILINE)


def spoken(markdown: str) -> str:
    """`markdown` as it is read aloud: the words without the marks."""
    return _MARKS.sub("", markdown).strip()


# --- the bar ----------------------------------------------------------------------------------------------------------


def todos(known: WorkstationView | None, session: str) -> tuple[v1.Todo, ...]:
    """What the agent means to do."""
    transcript = known.transcripts.get(session) if known else None
    record = transcript.held.get(f"{session}/todos") if transcript else None
    found = record.resource.todo_list if record else None
    return tuple(found.todos) if found else ()


def tokens(count: int) -> str:
    """`950`, `12.3k`, `1.2M`."""
    if count < 1000:
        return str(count)
    return f"{count / 1000:.1f}k" if count < 1_000_000 else f"{count / 1_000_000:.1f}M"


def cost(micro_usd: int) -> str:
    """Dollars and cents; more digits for what is less than a cent; empty for nothing."""
    if micro_usd <= 0:
        return ""
    return f"${micro_usd / 1e6:.2f}" if micro_usd >= 10_000 else f"${micro_usd / 1e6:.4f}"


def usage_line(usage: v1.Usage | None) -> str:
    """`$0.04 · 12.3k in · 1.2k out`; empty while nothing was used."""
    if usage is None or not (usage.input_tokens or usage.output_tokens):
        return ""
    read = usage.input_tokens + usage.cache_read_tokens
    said = [f"{tokens(read)} in", f"{tokens(usage.output_tokens + usage.reasoning_tokens)} out"]
    return " · ".join(filter(None, [cost(usage.cost_micro_usd), *said]))
