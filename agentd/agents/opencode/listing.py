"""A page of OpenCode's messages → ListMessagesResponse, for what the log no longer holds. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agentd.agents.opencode import schema, translate
from agentd.agents.opencode.room import Room
from halyard.agent.v1 import agent_service_pb2 as service


def page(room: Room, messages: Sequence[schema.MessageWithParts], older: str) -> service.ListMessagesResponse:
    """Returns the page; `older` becomes the token of the next one. Older prompts count as answered unless the room
    knows better.
    """
    known = replace(room, tail=room.tail.with_all(entry.info for entry in messages))
    return service.ListMessagesResponse(
        messages=[_with_parts(known, entry) for entry in messages], next_page_token=older
    )


def _with_parts(room: Room, entry: schema.MessageWithParts) -> service.MessageWithParts:
    parts = (translate.part(part, index, room.place) for index, part in enumerate(entry.parts))
    return service.MessageWithParts(
        message=room.message(entry.info), parts=[part for part in parts if part is not None]
    )
