"""Fuzzed parts of OpenCode's adapter: the stream, the history, and the answers of every route that is read."""

import contextlib
import json
from functools import cache
from pathlib import Path
from typing import Any, cast

from pydantic import JsonValue, TypeAdapter

from agentd.agents.agent import AgentUnavailableError
from agentd.agents.opencode import catalogue, catalogue_schema, diffs, listing, schema
from agentd.agents.opencode.client import decode
from agentd.agents.opencode.event_schema import (
    Durable,
    Event,
    MalformedEventError,
    PartDelta,
    SessionFailed,
    StatusChanged,
    TodosChanged,
    decode_frame,
    decode_history,
)
from agentd.agents.opencode.events import data_of
from agentd.agents.opencode.mirror import Mirror, Moment
from halyard.agent.v1 import agent_service_pb2, workstation_pb2
from tests.fakes.journal import MemoryJournal
from tests.fuzz.draw import Draw
from wire.errors import Malformed

RECORDED = Path(__file__).parents[1] / "agentd/agents/opencode/recorded/turn.jsonl"
LEAVES: list[JsonValue] = [
    None, True, 0, -1, 1e308, 2**63, "", "x", "ses_1", "../..", "a/b", "\ud800", "💥" * 9, [], {}, [[]], {"": {}},
    "file://[", "[" * 2000,
]  # fmt: skip


@cache
def recorded() -> list[JsonValue]:
    return [json.loads(line) for line in RECORDED.read_text().splitlines()]


def opencode_lines(data: bytes) -> None:
    """Any bytes for a line of the stream or an answer of the history."""
    with contextlib.suppress(MalformedEventError):
        decode_frame(data)
    with contextlib.suppress(MalformedEventError):
        decode_frame(data_of(data.decode("utf-8", "replace")))
    with contextlib.suppress(MalformedEventError):
        decode_history(data)


def opencode_events(data: bytes) -> None:
    """A recorded turn, out of order and with other values in it: the mirror takes what the decoder lets through."""
    draw, journal = Draw(data), MemoryJournal()
    mirror = Mirror(journal)
    for _ in range(40):
        if draw.is_spent:
            break
        event = _event(draw)
        if event is not None:
            with contextlib.suppress(Malformed):  # a name that cannot be one: the adapter says so and begins again
                _tell(mirror, event, Moment(1_000, live=bool(draw.below(2))))
    mirror.checkpoint()


def _event(draw: Draw) -> Event | None:
    frame = cast("JsonValue", json.loads(json.dumps(draw.one_of(recorded()))))
    for _ in range(draw.below(4)):
        frame = _changed(frame, draw)
    try:
        return decode_frame(json.dumps(frame)).event
    except MalformedEventError:
        return None


def _changed(value: JsonValue, draw: Draw) -> JsonValue:
    """`value` with one thing somewhere in it replaced, dropped or moved."""
    if isinstance(value, dict) and value and draw.below(6):
        key = draw.one_of(sorted(value))
        if draw.below(8) == 0:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: _changed(value[key], draw)}
    if isinstance(value, list) and value and draw.below(6):
        at = draw.below(len(value))
        return [*value[:at], _changed(value[at], draw), *value[at + 1 :]]
    return draw.one_of(LEAVES)


def _tell(mirror: Mirror, event: Event, moment: Moment) -> None:
    match event:
        case Durable(change=change) if change is not None:
            mirror.apply(change, moment)
        case PartDelta():
            mirror.grow(event)
        case StatusChanged():
            mirror.status(event)
        case SessionFailed():
            mirror.failed(event)
        case TodosChanged():
            mirror.todos(event)
        case schema.PermissionRequest() | schema.QuestionRequest():
            mirror.ask(event, moment)


def _listed(kind: str) -> list[dict[str, JsonValue]]:
    """The newest of everything that the recorded turn has under this name, by id."""
    found: dict[str, dict[str, JsonValue]] = {}

    def look(value: JsonValue) -> None:
        if isinstance(value, dict):
            told = value.get(kind)
            if isinstance(told, dict) and "id" in told:
                found[str(told["id"])] = told
            value = list(value.values())
        for below in value if isinstance(value, list) else []:
            look(below)

    look(recorded())
    return list(found.values())


# Of these the recorded turn has none.
_OTHER_LISTINGS: dict[str, JsonValue] = {
    "statuses": {"ses_1": {"type": "busy"}, "ses_2": {"type": "retry", "attempt": 2, "message": "x", "next": 9}},
    "questions": [
        {
            "id": "que_1",
            "sessionID": "ses_1",
            "questions": [{"question": "Which?", "header": "A", "options": [{"label": "One"}], "multiple": True}],
            "tool": {"messageID": "msg_1", "callID": "call_1"},
        }
    ],
    "todos": [{"content": "Do it", "status": "in_progress", "priority": "high"}],
    "changes": [{"file": "/p/a", "patch": "@@ -1 +1 @@\n-a\n+b\n", "additions": 1, "deletions": 1, "status": "added"}],
    "paths": ["a", "b/c"],
    "providers": {
        "providers": [
            {
                "id": "p",
                "name": "P",
                "options": {"baseURL": "https://u:p@a.example"},
                "models": {"m": {"id": "m", "api": {"url": "https://a.example/v1"}, "limit": {"context": 200_000}}},
            }
        ],
        "default": {"p": "m"},
    },
    "config": {"model": "p/m", "default_agent": "build"},
    "agents": [{"name": "build", "mode": "primary"}],
    "commands": [{"name": "init", "description": "Begins"}],
}


@cache
def listings() -> dict[str, JsonValue]:
    """An answer of each kind, as OpenCode gave them."""
    infos, parts = _listed("info"), _listed("part")
    messages: list[JsonValue] = [
        {"info": info, "parts": [part for part in parts if part["messageID"] == info["id"]]}
        for info in infos
        if "role" in info
    ]
    return {
        **_OTHER_LISTINGS,
        "sessions": [info for info in infos if "role" not in info],
        "messages": messages,
        "permissions": [asked for asked in _listed("properties") if "permission" in asked],
    }


_KINDS: dict[str, TypeAdapter[Any]] = {
    "sessions": schema.SESSIONS,
    "messages": schema.MESSAGES,
    "statuses": schema.STATUSES,
    "permissions": schema.PERMISSIONS,
    "questions": schema.QUESTIONS,
    "todos": schema.TODOS,
    "changes": schema.FILE_CHANGES,
    "paths": schema.PATHS,
    "providers": TypeAdapter(catalogue_schema.Providers),
    "config": TypeAdapter(catalogue_schema.Config),
    "agents": catalogue_schema.AGENTS,
    "commands": catalogue_schema.COMMANDS,
}


class _Answers:
    """What OpenCode answered of each kind; of one that could not be read, nothing."""

    def __init__(self, draw: Draw) -> None:
        self._read: dict[str, Any] = {}
        for kind, good in listings().items():
            changed = good
            for _ in range(draw.below(4)):
                changed = _changed(changed, draw)
            body = draw.chunk() if draw.below(32) == 31 else json.dumps(changed).encode()
            with contextlib.suppress(AgentUnavailableError):
                self._read[kind] = decode(_KINDS[kind], body, kind)

    def of(self, kind: str) -> Any:
        return self._read.get(kind, [])


def opencode_listings(data: bytes) -> None:
    """Answers of OpenCode's routes, with other values in them: what is read of them can be shown and kept."""
    answers, journal = _Answers(Draw(data)), MemoryJournal()
    mirror, moment = Mirror(journal), Moment(1_000, live=False)
    with contextlib.suppress(Malformed):  # a name that cannot be one, as above
        for info in answers.of("sessions"):
            room = mirror.adopt_session(info)
            mirror.adopt_listing(info.id, answers.of("messages"), moment)
            assert listing.page(room, answers.of("messages"), "older").SerializeToString()
            mirror.todos(TodosChanged(sessionID=info.id, todos=list(answers.of("todos"))))
        for session_id, status in dict(answers.of("statuses")).items():
            mirror.status(StatusChanged(sessionID=session_id, status=status))
        for request in (*answers.of("permissions"), *answers.of("questions")):
            mirror.ask(request, moment)
            mirror.still_waits(request)
    _offered(answers)
    _diffs(answers)


def _offered(answers: _Answers) -> None:
    agent = workstation_pb2.Agent()
    if answers.of("providers") and answers.of("config"):
        catalogue.fill(
            agent, answers.of("providers"), answers.of("config"), answers.of("agents"), answers.of("commands")
        )
        catalogue.provider_address(answers.of("providers"), agent.default_model)
    agent.SerializeToString()


def _diffs(answers: _Answers) -> None:
    found = diffs.file_diffs(answers.of("changes"), "/p")
    for diff in diffs.merge([found, found]):
        diff.SerializeToString()
    agent_service_pb2.FindFilesResponse(paths=answers.of("paths"))
