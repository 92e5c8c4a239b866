"""What was interrupted, and whether it can be said again. Pure questions to the model.

Offered only at the end of a session: once somebody has said something else, or the same again, what was cut off is
history. While the same prompt is on its way it is not offered a second time.
"""

from dataclasses import dataclass

from app_flet import intents
from app_flet.conversation import part_of
from app_flet.glance import role_in, session_named
from app_flet.instants import milliseconds
from app_flet.intents import Intent
from app_flet.model import Held, Model, Transcript
from app_flet.reduce import stands
from halyard_client.halyard.agent import v1

UNTOLD = "The agent was restarted in the middle of this turn."
BUSY = frozenset({v1.SessionState.WORKING, v1.SessionState.RETRYING})


@dataclass(frozen=True, slots=True)
class Interruption:
    """A message that was cut off."""

    reason: str
    request: bytes = b""
    """The prompt to send again, as a serialized PromptRequest; empty when it is not offered."""
    is_waiting: bool = False
    """The same prompt is on its way, or the agent works already: sending it would say it twice."""


def interruption_of(model: Model, workstation: str, session: str, message: v1.Message) -> Interruption | None:
    """None when the message was not cut off."""
    if message.state is not v1.MessageState.INTERRUPTED:
        return None
    known = model.workstations.get(workstation)
    about = session_named(known, session) or v1.Session()
    detail = about.state_detail if about.state is v1.SessionState.INTERRUPTED else ""
    reason = message.error or detail or UNTOLD
    transcript = known.transcripts.get(session) if known else None
    if transcript is None or message.reverted or role_in(model, workstation) != "operator":
        return Interruption(reason)
    if not _is_at_the_end(transcript, message):
        return Interruption(reason)
    request = _prompt(transcript, session, message.answers or message.name)
    waiting = about.state in BUSY or _is_on_its_way(model, workstation, request)
    return Interruption(reason, request, is_waiting=waiting)


def resend(interruption: Interruption) -> Intent:
    """The same prompt once more, as a new one."""
    return intents.again(intents.PROMPT, interruption.request)


def _is_at_the_end(transcript: Transcript, message: v1.Message) -> bool:
    """Whether nothing follows but what was cut off, too."""
    messages = [record for record in transcript.held.values() if record.resource.message is not None]
    later = [record for record in messages if stands(record) > _stands_of(message)]
    return all(_message(record).state is v1.MessageState.INTERRUPTED for record in later)


def _stands_of(message: v1.Message) -> tuple[int, str]:
    """Where a message stands in its session, as `reduce.stands` has it."""
    return milliseconds(message.create_time), message.name


def _message(record: Held) -> v1.Message:
    return record.resource.message or v1.Message()


def _prompt(transcript: Transcript, session: str, message: str) -> bytes:
    """What the person had said; nothing while that is so far up that it is not loaded."""
    parts = sorted(
        (record for name, record in transcript.held.items() if name.startswith(f"{message}/parts/")), key=_place
    )
    said = [part_of(record) for record in parts if not record.is_gone]
    texts = [part.text.text for part in said if part.text is not None and not part.text.synthetic]
    files = [part.file for part in said if part.file is not None]
    if not texts and not files:
        return b""
    return bytes(v1.PromptRequest(session=session, text="\n\n".join(texts), files=files))


def _place(record: Held) -> tuple[int, str]:
    return part_of(record).index, record.name


def _is_on_its_way(model: Model, workstation: str, request: bytes) -> bool:
    return any(
        call.is_open and call.method == intents.PROMPT and call.workstation == workstation and call.request == request
        for call in model.calls.values()
    )
