"""What a person does with an app, and what they wait to see."""

from halyard.agent.v1 import agent_service_pb2 as service
from halyard.agent.v1 import decision_pb2 as decision
from halyard.agent.v1 import session_pb2 as session
from tests.fakes.app_link import AppLink

ONCE = decision.DECISION_STATE_ALLOWED_ONCE
ALWAYS = decision.DECISION_STATE_ALLOWED_ALWAYS
DENIED = decision.DECISION_STATE_DENIED
PENDING = decision.DECISION_STATE_PENDING
IDLE = session.SESSION_STATE_IDLE

_UNDER_WAY = (session.MESSAGE_STATE_QUEUED, session.MESSAGE_STATE_WRITING)


async def start(app: AppLink, prompt: str) -> tuple[str, str]:
    """Begins a session with a prompt; returns the names of both."""
    await app.until(lambda: app.named("projects/"))
    request = service.StartSessionRequest(project=app.named("projects/")[0].name, prompt=prompt)
    started = await app.call("AgentService/StartSession", request, service.StartSessionResponse)
    return started.session.name, started.message


async def say(app: AppLink, session_name: str, prompt: str) -> str:
    """Prompts; returns the name of the message."""
    request = service.PromptRequest(session=session_name, text=prompt)
    return (await app.call("AgentService/Prompt", request, service.PromptResponse)).message


async def decide(
    app: AppLink, permission: decision.Permission, outcome: decision.DecisionState, word: str = ""
) -> decision.Permission:
    request = service.DecideRequest(permission=permission.name, outcome=outcome, message=word)
    return (await app.call("AgentService/Decide", request, service.DecideResponse)).permission


async def permission(app: AppLink, session_name: str) -> decision.Permission:
    """Waits until the session, or a subagent of it, asks for something, and returns what."""
    await app.until(lambda: pending(app, session_name))
    return pending(app, session_name)[0]


def pending(app: AppLink, session_name: str) -> list[decision.Permission]:
    below = [value.permission for value in app.named(f"{session_name}/permissions/")]
    return [item for item in below if item.state == PENDING]


async def settled(app: AppLink, name: str, state: decision.DecisionState) -> None:
    """Waits until the permission of this name stands so."""
    await app.until(lambda: app.resources[name].permission.state == state)


async def question(app: AppLink, session_name: str) -> decision.Question:
    """Waits until the session asks a question, and returns it."""

    def asked() -> list[decision.Question]:
        below = [value.question for value in app.named(f"{session_name}/questions/")]
        return [item for item in below if item.state == PENDING]

    await app.until(asked)
    return asked()[0]


async def ended(app: AppLink, session_name: str, message: str, state: session.SessionState = IDLE) -> None:
    """Waits until the turn that answers `message` is over and the session is in this state."""

    def over() -> bool:
        if session_name not in app.resources or app.resources[session_name].session.state != state:
            return False
        states = [answer.state for answer in answers(app, session_name, message)]
        return bool(states) and not any(one in _UNDER_WAY for one in states)

    await app.until(over)


async def answered(app: AppLink, session_name: str, message: str, words: str) -> None:
    """Waits until the turn that answers `message` is over and the agent has said exactly these words."""
    await ended(app, session_name, message)
    await app.until(lambda: said(app, session_name, message) == words)


def answers(app: AppLink, session_name: str, message: str) -> list[session.Message]:
    found = [value.message for value in app.named(f"{session_name}/messages/") if value.HasField("message")]
    return sorted((one for one in found if one.answers == message), key=_order)


def said(app: AppLink, session_name: str, message: str) -> str:
    """All that the agent said in answer to `message`."""
    texts = []
    for answer in answers(app, session_name, message):
        parts = sorted((v.part for v in app.named(f"{answer.name}/parts/")), key=lambda part: part.index)
        texts += [part.text.text for part in parts if part.HasField("text")]
    return "".join(texts)


def tools(app: AppLink, session_name: str) -> list[session.ToolCall]:
    """All tool calls of a session, oldest first."""
    calls = [value for value in app.named(f"{session_name}/messages/") if value.part.HasField("tool_call")]
    return [value.part.tool_call for value in sorted(calls, key=lambda v: (v.part.create_time.ToNanoseconds(), v.name))]


def _order(message: session.Message) -> tuple[int, str]:
    return message.create_time.ToNanoseconds(), message.name
