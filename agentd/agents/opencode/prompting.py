"""A prompt order → the body of OpenCode's prompt and command calls. Pure."""

from __future__ import annotations

import base64
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from pydantic import JsonValue

from agentd.agents.agent import PromptOrder
from agentd.agents.opencode import ids, schema
from halyard.agent.v1 import session_pb2 as pb


@dataclass(frozen=True, slots=True)
class SlashCommand:
    """A prompt that calls one of OpenCode's commands."""

    name: str
    arguments: str


def slash_command(text: str, known: Collection[str]) -> SlashCommand | None:
    """Returns the command that the prompt begins with, or None when it is none that OpenCode knows."""
    head, _, rest = text.strip().partition(" ")
    name = head.removeprefix("/")
    return SlashCommand(name, rest.strip()) if head.startswith("/") and name in known else None


def split_model(model: str) -> tuple[str, str]:
    """Returns provider and model of "provider/model"; the model may hold slashes of its own."""
    provider, _, rest = model.partition("/")
    return provider, rest


def file_part(file: pb.FileRef, directory: str, part_id: str) -> dict[str, JsonValue]:
    """Returns an attached file: its bytes when they came along, else where it lies in the project."""
    media_type = file.media_type or "text/plain"
    if file.content:
        url = f"data:{media_type};base64,{base64.b64encode(file.content).decode()}"
    else:
        url = (PurePosixPath(directory) / file.path).as_uri()
    return {"id": part_id, "type": "file", "mime": media_type, "filename": PurePosixPath(file.path).name, "url": url}


def file_parts(files: Sequence[pb.FileRef], directory: str, message_id: str) -> list[JsonValue]:
    """Returns the attached files, with ids that are the same every time."""
    return [file_part(f, directory, ids.part_id(message_id, i)) for i, f in enumerate(files, start=1)]


def prompt_body(order: PromptOrder, directory: str) -> dict[str, JsonValue]:
    """Returns the body of `prompt_async`."""
    text: JsonValue = {"id": ids.part_id(order.message_id, 0), "type": "text", "text": order.text}
    body: dict[str, JsonValue] = {
        "messageID": order.message_id,
        "parts": [text, *file_parts(order.files, directory, order.message_id)],
    }
    if order.model:
        provider, model = split_model(order.model)
        body["model"] = {"providerID": provider, "modelID": model}
    if order.mode:
        body["agent"] = order.mode
    return body


def wake_body(prompt: schema.UserMessage) -> dict[str, JsonValue]:
    """Returns the body that makes OpenCode answer a prompt it already has: same id, nothing to add to it.

    Agent and model are said again, or OpenCode would put its defaults in their place.
    """
    body: dict[str, JsonValue] = {"messageID": prompt.id, "parts": []}
    if prompt.agent:
        body["agent"] = prompt.agent
    if prompt.model is not None:
        body["model"] = {"providerID": prompt.model.provider_id, "modelID": prompt.model.model_id}
    return body


def command_body(order: PromptOrder, command: SlashCommand, directory: str) -> dict[str, JsonValue]:
    """Returns the body of `command`."""
    body: dict[str, JsonValue] = {
        "messageID": order.message_id,
        "command": command.name,
        "arguments": command.arguments,
        "parts": file_parts(order.files, directory, order.message_id),
    }
    if order.model:
        body["model"] = order.model
    if order.mode:
        body["agent"] = order.mode
    return body


def is_whole(order: PromptOrder, stored: Sequence[schema.Part]) -> bool:
    """Returns whether all of a prompt is stored. OpenCode stores the message first, then its text, then the files one
    by one, of which each becomes one part or several.
    """
    return len(stored) > len(order.files)


def unanswered(messages: Sequence[schema.MessageWithParts]) -> list[str]:
    """Returns the ids of the prompts, oldest first, that the agent has not begun to answer."""
    prompts = [m.info.id for m in messages if isinstance(m.info, schema.UserMessage)]
    return [prompt for prompt in prompts if not is_answered(prompt, messages)]


def is_answered(message_id: str, messages: Sequence[schema.MessageWithParts]) -> bool:
    """Returns whether the agent has begun to answer this prompt, or a later one that swallowed it."""
    prompts = [m.info.id for m in messages if isinstance(m.info, schema.UserMessage)]
    answered = {m.info.parent_id for m in messages if isinstance(m.info, schema.AssistantMessage)}
    after = prompts[prompts.index(message_id) :] if message_id in prompts else [message_id]
    return any(prompt in answered for prompt in after)
