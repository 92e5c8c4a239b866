"""OpenCode's HTTP interface: one method per call, their types in and out, our exceptions.

Counterpart: `events.py` reads the stream. Limits: the unprefixed v1 routes only; a session made through `/api/*` has an
empty message list here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar
from urllib.parse import quote
from weakref import WeakValueDictionary

import httpx
from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from agentd.agents.agent import AgentRefusedError, AgentUnavailableError, ResourceNotFoundError, SessionBusyError
from agentd.agents.opencode import catalogue_schema, schema
from agentd.agents.opencode.event_schema import Durable, decode_history

USER = "opencode"
# A busy OpenCode answers late: one thread streams and serves (1.5 s seen with four sessions at full speed).
_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
# Summing up and slash commands answer when the model has finished.
_MODEL_TIMEOUT = httpx.Timeout(None, connect=5.0)
# A seq that no session reaches: "nothing of this one".
NOTHING_AFTER = 2**53 - 1

_T = TypeVar("_T")


class _ErrorData(BaseModel):
    message: str = ""


class _ErrorBody(BaseModel):
    """The three shapes of error bodies in one: {name, data:{message}}, {_tag, message}, and a validation error's
    `kind`.
    """

    name: str = ""
    message: str = ""
    data: _ErrorData | None = None

    @property
    def text(self) -> str:
        return (self.data.message if self.data else "") or self.message or self.name


def error_text(body: bytes) -> str:
    """Returns what an error body says, whichever of the three shapes it has; the body itself when it has none."""
    try:
        return _ErrorBody.model_validate_json(body).text or body.decode("utf-8", "replace")[:500]
    except ValidationError:
        return body.decode("utf-8", "replace")[:500]


def _silent(why: str) -> AgentUnavailableError:
    return AgentUnavailableError(f"OpenCode does not answer ({why}). It is being looked after; try again in a moment.")


class Page(BaseModel):
    """A page of messages, oldest first; `older` continues, empty at the beginning of the session."""

    messages: list[schema.MessageWithParts]
    older: str


class Client:
    """Asks one OpenCode server. Raises the errors of `agentd.agents.agent`, never httpx's."""

    def __init__(self, url: str, password: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=url, auth=httpx.BasicAuth(USER, password), timeout=_TIMEOUT, trust_env=False, limits=_LIMITS
        )
        self._handing_over: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def close(self) -> None:
        """Closes all connections."""
        await self._http.aclose()

    # How requests are made

    async def _send(
        self,
        method: str,
        path: str,
        *,
        directory: str = "",
        body: Mapping[str, JsonValue] | None = None,
        params: Mapping[str, str | int | bool] | None = None,
        patience: httpx.Timeout = _TIMEOUT,
    ) -> httpx.Response:
        headers = {"x-opencode-directory": quote(directory)} if directory else {}
        if self._http.is_closed:
            # Its server has ended; whoever waited for something meanwhile asks a moment too late.
            raise _silent("it has just ended")
        try:
            response = await self._http.request(
                method, path, json=body, params=params, headers=headers, timeout=patience
            )
        except httpx.HTTPError as error:
            raise _silent(type(error).__name__) from error
        _check(response)
        return response

    async def _get(self, kind: TypeAdapter[_T], path: str, *, directory: str = "", **params: str | int | bool) -> _T:
        return _decode(kind, await self._send("GET", path, directory=directory, params=params or None))

    # The server

    async def health(self, within: float) -> catalogue_schema.Health:
        """Returns the server's health; any other answer (a web page, or whoever has its port now) is
        AgentUnavailableError.
        """
        try:
            response = await self._send("GET", "/global/health", patience=httpx.Timeout(within))
        except (AgentRefusedError, ResourceNotFoundError, SessionBusyError) as error:
            raise AgentUnavailableError(f"Something else answers at OpenCode's address: {error}") from error
        return _decode(_HEALTH, response)

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[str]]:
        """Opens `/global/event` and yields its lines. Silence is not judged here; see `events.py`."""
        try:
            async with self._http.stream("GET", "/global/event", timeout=httpx.Timeout(None, connect=5.0)) as response:
                if response.is_error:
                    await response.aread()
                _check(response)
                yield response.aiter_lines()
        except httpx.HTTPError as error:
            raise AgentUnavailableError(f"OpenCode's event stream ended ({type(error).__name__}).") from error

    async def history(self, after: Mapping[str, int]) -> Sequence[Durable]:
        """Returns durable events above the given seq of each session. Sessions that are not named return everything."""
        response = await self._send("POST", "/sync/history", body=dict(after))
        return decode_history(response.content)

    async def dispose(self, directory: str) -> None:
        """Ends the instance of a directory: its remembered "always" rules and zombie requests go with it."""
        await self._send("POST", "/instance/dispose", directory=directory)

    # What can be chosen

    async def providers(self, directory: str) -> catalogue_schema.Providers:
        return await self._get(_PROVIDERS, "/config/providers", directory=directory)

    async def config(self, directory: str) -> catalogue_schema.Config:
        return await self._get(_CONFIG, "/config", directory=directory)

    async def agents(self, directory: str) -> Sequence[catalogue_schema.AgentInfo]:
        return await self._get(catalogue_schema.AGENTS, "/agent", directory=directory)

    async def commands(self, directory: str) -> Sequence[catalogue_schema.CommandInfo]:
        return await self._get(catalogue_schema.COMMANDS, "/command", directory=directory)

    # Sessions

    async def create_session(self, directory: str, body: Mapping[str, JsonValue]) -> schema.Session:
        return _decode(_SESSION, await self._send("POST", "/session", directory=directory, body=body))

    async def sessions(self, directory: str, limit: int) -> Sequence[schema.Session]:
        """Returns sessions of one directory, most recently updated first."""
        return await self._get(schema.SESSIONS, "/session", directory=directory, limit=limit)

    async def all_sessions(self, page_size: int) -> Sequence[schema.Session]:
        """Returns the sessions of all directories, archived and children too, most recently updated first.

        Raises AgentUnavailableError when a page leads back to one that was read, which would never end.
        """
        found: list[schema.Session] = []
        cursor = ""
        read: set[str] = set()
        while True:
            params: dict[str, str | int | bool] = {"limit": page_size, "archived": "true"}
            if cursor:
                params["cursor"] = cursor
            response = await self._send("GET", "/experimental/session", params=params)
            page = _decode(schema.SESSIONS, response)
            found += page
            cursor = response.headers.get("x-next-cursor", "")
            if not cursor or not page:
                return found
            if cursor in read:
                raise AgentUnavailableError("OpenCode's list of sessions leads back to its own beginning.")
            read.add(cursor)

    async def session(self, session_id: str) -> schema.Session:
        return await self._get(_SESSION, _path(session_id))

    async def children(self, session_id: str) -> Sequence[schema.Session]:
        return await self._get(schema.SESSIONS, _path(session_id, "children"))

    async def todos(self, session_id: str) -> Sequence[schema.Todo]:
        return await self._get(schema.TODOS, _path(session_id, "todo"))

    async def statuses(self, directory: str) -> Mapping[str, schema.Status]:
        """Returns what the busy sessions of a directory are doing; idle ones are absent."""
        return await self._get(schema.STATUSES, "/session/status", directory=directory)

    async def rename(self, session_id: str, title: str) -> None:
        await self._send("PATCH", _path(session_id), body={"title": title})

    async def archive(self, session_id: str, archived_ms: int) -> None:
        """Puts a session away; 0 brings it back."""
        await self._send("PATCH", _path(session_id), body={"time": {"archived": archived_ms}})

    async def delete(self, session_id: str) -> None:
        await self._send("DELETE", _path(session_id))

    async def fork(self, session_id: str, message_id: str) -> schema.Session:
        body: dict[str, JsonValue] = {"messageID": message_id} if message_id else {}
        return _decode(_SESSION, await self._send("POST", _path(session_id, "fork"), body=body))

    async def revert(self, session_id: str, message_id: str) -> None:
        await self._send("POST", _path(session_id, "revert"), body={"messageID": message_id})

    async def unrevert(self, session_id: str) -> None:
        await self._send("POST", _path(session_id, "unrevert"), body={})

    async def abort(self, session_id: str) -> None:
        await self._send("POST", _path(session_id, "abort"))

    async def summarize(self, session_id: str, provider_id: str, model_id: str) -> None:
        """Sums up older conversation; answers when it is done."""
        body: dict[str, JsonValue] = {"providerID": provider_id, "modelID": model_id}
        await self._send("POST", _path(session_id, "summarize"), body=body, patience=_MODEL_TIMEOUT)

    # Messages

    def handing_over(self, session_id: str) -> asyncio.Lock:
        """Held while something is said to the session, from the look at what it has until it has that, too. OpenCode
        orders what it is told by when it is stored: between the two, nothing else may be said.
        """
        return self._handing_over.setdefault(session_id, asyncio.Lock())

    async def prompt(self, session_id: str, body: Mapping[str, JsonValue]) -> None:
        """Hands a prompt over. Returns before it is stored, and also when model or agent do not exist; the failure
        comes as an event.
        """
        await self._send("POST", _path(session_id, "prompt_async"), body=body)

    async def command(self, session_id: str, body: Mapping[str, JsonValue]) -> None:
        """Runs a slash command; answers when its turn is over."""
        await self._send("POST", _path(session_id, "command"), body=body, patience=_MODEL_TIMEOUT)

    async def message(self, session_id: str, message_id: str) -> schema.MessageWithParts:
        return await self._get(_MESSAGE, _path(session_id, "message", message_id))

    async def messages(self, session_id: str, limit: int, before: str = "") -> Page:
        """Returns the newest messages, or those before the mark of another page."""
        params: dict[str, str | int | bool] = {"limit": limit}
        if before:
            params["before"] = before
        response = await self._send("GET", _path(session_id, "message"), params=params)
        return Page(messages=_decode(schema.MESSAGES, response), older=response.headers.get("x-next-cursor", ""))

    async def patch_part(self, part: schema.ToolPart) -> None:
        body: dict[str, JsonValue] = part.model_dump(mode="json", by_alias=True, exclude_unset=True)
        await self._send("PATCH", _path(part.session_id, "message", part.message_id, "part", part.id), body=body)

    # Decisions: these routes find nothing without the session's own directory

    async def permissions(self, directory: str) -> Sequence[schema.PermissionRequest]:
        return await self._get(schema.PERMISSIONS, "/permission", directory=directory)

    async def reply_permission(
        self, directory: str, request_id: str, reply: schema.PermissionReply, message: str = ""
    ) -> None:
        body: dict[str, JsonValue] = {"reply": reply}
        if message:
            body["message"] = message
        await self._send("POST", f"/permission/{quote(request_id, safe='')}/reply", directory=directory, body=body)

    async def questions(self, directory: str) -> Sequence[schema.QuestionRequest]:
        return await self._get(schema.QUESTIONS, "/question", directory=directory)

    async def reply_question(self, directory: str, request_id: str, answers: Sequence[Sequence[str]]) -> None:
        body: dict[str, JsonValue] = {"answers": [list(answer) for answer in answers]}
        await self._send("POST", f"/question/{quote(request_id, safe='')}/reply", directory=directory, body=body)

    async def reject_question(self, directory: str, request_id: str) -> None:
        await self._send("POST", f"/question/{quote(request_id, safe='')}/reject", directory=directory)

    # Files

    async def turn_diff(self, session_id: str, message_id: str) -> Sequence[schema.FileChange]:
        """Returns what the turn of a prompt changed; without a message id OpenCode answers with nothing, so it is
        required.
        """
        return await self._get(schema.FILE_CHANGES, _path(session_id, "diff"), messageID=message_id)

    async def working_tree_diff(self, directory: str) -> Sequence[schema.FileChange]:
        return await self._get(schema.FILE_CHANGES, "/vcs/diff", directory=directory, mode="git")

    async def vcs(self, directory: str) -> catalogue_schema.Vcs:
        return await self._get(_VCS, "/vcs", directory=directory)

    async def find_files(self, directory: str, query: str, limit: int) -> Sequence[str]:
        return await self._get(schema.PATHS, "/find/file", directory=directory, query=query, limit=limit)


_LIMITS = httpx.Limits(max_connections=64, max_keepalive_connections=16)
_HEALTH = TypeAdapter(catalogue_schema.Health)
_PROVIDERS = TypeAdapter(catalogue_schema.Providers)
_CONFIG = TypeAdapter(catalogue_schema.Config)
_SESSION = TypeAdapter(schema.Session)
_MESSAGE = TypeAdapter(schema.MessageWithParts)
_VCS = TypeAdapter(catalogue_schema.Vcs)


def _path(session_id: str, *rest: str) -> str:
    return "/".join(["/session", *(quote(piece, safe="") for piece in (session_id, *rest))])


def _check(response: httpx.Response) -> None:
    if response.is_success:
        return
    text = error_text(response.content)
    match response.status_code:
        case 401:
            raise AgentUnavailableError(
                "OpenCode refused agentd's password: another server took its port. It is being restarted."
            )
        case 404:
            raise ResourceNotFoundError(text or "OpenCode knows no such thing.")
        case 409:
            raise SessionBusyError(text or "The session is busy; stop it first.")
        case status:
            raise AgentRefusedError(f"OpenCode refused with {status}: {text}")


def _decode(kind: TypeAdapter[_T], response: httpx.Response) -> _T:
    return decode(kind, response.content, response.request.url.path)


def decode(kind: TypeAdapter[_T], body: bytes, path: str) -> _T:
    """Returns what the answer of a route says; raises AgentUnavailableError for what is not its JSON."""
    try:
        return kind.validate_json(body)
    except ValidationError as error:
        raise AgentUnavailableError(
            f"OpenCode answered {path} with something that is not its JSON. "
            "Check that release 1.x of opencode-ai is installed."
        ) from error
