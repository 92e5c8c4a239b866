"""What a crash left half done in OpenCode's own store is brought to an end.

OpenCode has no start-up recovery: tool calls stay `running` for ever, and the model would be told so with the next
prompt. Partial text is not repaired there: OpenCode never had it; the log holds it, marked as cut off.
"""

from __future__ import annotations

import logging

from agentd.agents.agent import AgentRefusedError, ResourceNotFoundError
from agentd.agents.opencode import schema
from agentd.agents.opencode.client import Client
from agentd.agents.opencode.tools import CUT_OFF

_log = logging.getLogger(__name__)

# A turn has one message per step; only the newest can be unfinished, children have sessions of their own.
_NEWEST_MESSAGES = 20


def ended(part: schema.ToolPart, now_ms: int) -> schema.ToolPart:
    """Returns the tool call as failed, with what it was asked to do, what it had printed, and when it began."""
    begin = part.state.time.start or now_ms
    span = schema.Span(start=begin, end=now_ms)
    state = schema.ToolState(
        status="error", input=part.state.input, error=CUT_OFF, metadata=part.state.metadata, time=span
    )
    return part.model_copy(update={"state": state})


def unfinished_calls(messages: list[schema.MessageWithParts]) -> list[schema.ToolPart]:
    """Returns the tool calls that nobody runs any more: those still open in messages of the agent that have no end."""
    return [
        part
        for message in messages
        if isinstance(message.info, schema.AssistantMessage) and not message.info.time.completed
        for part in message.parts
        if isinstance(part, schema.ToolPart) and part.state.status in ("pending", "running")
    ]


async def repair_session(client: Client, session_id: str, now_ms: int) -> int:
    """Ends what is unfinished in a session that nothing runs in; returns how many tool calls that were."""
    try:
        page = await client.messages(session_id, _NEWEST_MESSAGES)
        calls = unfinished_calls(page.messages)
        for part in calls:
            await client.patch_part(ended(part, now_ms))
    except (ResourceNotFoundError, AgentRefusedError) as error:
        _log.warning("session %s could not be repaired: %s", session_id, error)
        return 0
    return len(calls)
