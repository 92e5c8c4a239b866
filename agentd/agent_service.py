"""AgentService, implemented once. The socket's gRPC server and the link's call desk call the same methods.

Who calls comes from `caller.current()`; roles were checked at the door. What must not happen twice is planned first:
its id is drawn and on disk before the agent hears of it.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from agentd import caller, files
from agentd.agents.agent import Agent, AgentUnavailableError, PromptOrder, StartOrder
from agentd.errors import malformed, not_found, outcome_unknown
from agentd.permissions import Decisions
from agentd.projects import Projects
from agentd.prompt_authors import PromptAuthors
from agentd.reply_fitting import largest_page
from agentd.roster import Roster
from agentd.session_log import SessionLog
from agentd.session_pages import page
from agentd.watching import watch
from halyard.agent.v1 import agent_service_pb2 as pb
from halyard.agent.v1 import session_pb2
from halyard.agent.v1.agent_service_pb2_grpc import AgentServiceServicer
from wire import names

MAX_PROMPT_BYTES = 1024 * 1024
MAX_TITLE_LENGTH = 200
DEFAULT_MESSAGES, MAX_MESSAGES = 50, 200
DEFAULT_FOUND, MAX_FOUND = 50, 200
TAKE_SECONDS, TAKE_AGAIN_SECONDS = 120.0, 0.5
"""How long, and how often, an agent that went away is asked whether it took what it was told."""

# gRPC's own context on the socket, None through the link; no method looks at it.
Context = Any
_Taken = TypeVar("_Taken")

_log = logging.getLogger(__name__)


class AgentService(AgentServiceServicer):
    """What a person can ask of the agents."""

    def __init__(
        self,
        log: SessionLog,
        roster: Roster,
        projects: Projects,
        decisions: Decisions,
        authors: PromptAuthors,
        clock_ms: Callable[[], int],
    ) -> None:
        self._log = log
        self._roster = roster
        self._projects = projects
        self._decisions = decisions
        self._authors = authors
        self._clock_ms = clock_ms
        self._prompting: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    # --- the workstation ---

    async def ListProjects(self, request: pb.ListProjectsRequest, context: Context) -> pb.ListProjectsResponse:
        return pb.ListProjectsResponse(projects=self._projects.list())

    async def AddProject(self, request: pb.AddProjectRequest, context: Context) -> pb.AddProjectResponse:
        return pb.AddProjectResponse(project=self._projects.add(request.path))

    async def ListAgents(self, request: pb.ListAgentsRequest, context: Context) -> pb.ListAgentsResponse:
        return pb.ListAgentsResponse(agents=[agent.describe() for agent in self._roster.all()])

    async def ListModels(self, request: pb.ListModelsRequest, context: Context) -> pb.ListModelsResponse:
        return pb.ListModelsResponse(models=self._roster.get(request.agent).describe().models)

    async def ListModes(self, request: pb.ListModesRequest, context: Context) -> pb.ListModesResponse:
        return pb.ListModesResponse(modes=self._roster.get(request.agent).describe().modes)

    async def ListCommands(self, request: pb.ListCommandsRequest, context: Context) -> pb.ListCommandsResponse:
        project = request.project or self._default_project()
        agent = await self._roster.ready(self._roster.get(request.agent))
        return pb.ListCommandsResponse(commands=await agent.commands(self._projects.folder(project)))

    # --- sessions ---

    async def ListSessions(self, request: pb.ListSessionsRequest, context: Context) -> pb.ListSessionsResponse:
        return page((value.session for value in self._log.of_kind("session")), request)

    async def GetSession(self, request: pb.GetSessionRequest, context: Context) -> pb.GetSessionResponse:
        response = pb.GetSessionResponse(session=self._session(request.name))
        for name in self._decisions.pending():
            value = self._log.get(name) if names.session_of(name) == request.name else None
            if value and value.HasField("permission"):
                response.permissions.append(value.permission)
            elif value:
                response.questions.append(value.question)
        todos = self._log.get(request.name + "/todos")
        if todos:
            response.todo_list.CopyFrom(todos.todo_list)
        return response

    async def StartSession(self, request: pb.StartSessionRequest, context: Context) -> pb.StartSessionResponse:
        _check_prompt(request.prompt)
        folder = self._projects.folder(request.project)
        agent = await self._roster.ready(self._roster.get(request.agent))
        plan = await caller.current().effect.plan(
            lambda: f"{secrets.token_hex(16)} {agent.draw_message_id(self._clock_ms())}"
        )
        token, message_id = plan.drawn.split(" ", 1)
        order = StartOrder(folder, token, request.title, request.model, request.mode)
        session = await self._until_taken(
            agent, lambda again: agent.start_session(replace(order, repeat=again)), repeat=plan.repeat
        )
        self._projects.touch(request.project)
        if not request.prompt:
            return pb.StartSessionResponse(session=session)
        session_id = session.name.removeprefix("sessions/")
        first = PromptOrder(session_id, message_id, request.prompt, request.files, request.model, request.mode)
        message = await self._prompt(agent, first, repeat=plan.repeat)
        return pb.StartSessionResponse(session=session, message=message)

    async def Prompt(self, request: pb.PromptRequest, context: Context) -> pb.PromptResponse:
        _check_prompt(request.text)
        if not request.text and not request.files:
            raise malformed("Say something to the agent, or attach a file.")
        agent = await self._roster.ready_of(request.session)
        session = self._session(request.session)
        session_id = _session_id(request.session)
        # An agent orders what it is told by these ids: one that is told again must not come behind a later one.
        async with self._prompting.setdefault(session_id, asyncio.Lock()):
            plan = await caller.current().effect.plan(lambda: agent.draw_message_id(self._clock_ms()))
            order = PromptOrder(session_id, plan.drawn, request.text, request.files, request.model, request.mode)
            message = await self._prompt(agent, order, repeat=plan.repeat)
        self._projects.touch(session.project)
        return pb.PromptResponse(message=message)

    async def Interrupt(self, request: pb.InterruptRequest, context: Context) -> pb.InterruptResponse:
        agent = await self._roster.ready_of(request.session)
        return pb.InterruptResponse(was_running=await agent.interrupt(_session_id(request.session)))

    async def Decide(self, request: pb.DecideRequest, context: Context) -> pb.DecideResponse:
        caller.current().check_decides()
        author = caller.current().author
        decided = await self._decisions.decide(request.permission, request.outcome, request.message, author)
        return pb.DecideResponse(permission=decided)

    async def Answer(self, request: pb.AnswerRequest, context: Context) -> pb.AnswerResponse:
        caller.current().check_decides()
        author = caller.current().author
        question = await self._decisions.answer(request.question, request.answers, author, dismiss=request.dismiss)
        return pb.AnswerResponse(question=question)

    async def RenameSession(self, request: pb.RenameSessionRequest, context: Context) -> pb.RenameSessionResponse:
        title = " ".join(request.title.split())
        if not 1 <= len(title) <= MAX_TITLE_LENGTH:
            raise malformed(f"A title has 1 to {MAX_TITLE_LENGTH} characters.")
        agent = await self._roster.ready_of(request.session)
        session = self._session(request.session)
        await agent.rename(_session_id(request.session), title)
        session.title = title
        return pb.RenameSessionResponse(session=session)

    async def ArchiveSession(self, request: pb.ArchiveSessionRequest, context: Context) -> pb.ArchiveSessionResponse:
        agent = await self._roster.ready_of(request.session)
        session = self._session(request.session)
        await agent.archive(_session_id(request.session), archived=not request.restore)
        session.archived = not request.restore
        return pb.ArchiveSessionResponse(session=session)

    async def DeleteSession(self, request: pb.DeleteSessionRequest, context: Context) -> pb.DeleteSessionResponse:
        agent = await self._roster.ready_of(request.session)
        session_id = _session_id(request.session)
        # Deleted and not said so, it would come back as one that the agent has lost.
        await self._until_taken(agent, lambda _again: agent.delete(session_id), repeat=False)
        return pb.DeleteSessionResponse()

    async def RevertSession(self, request: pb.RevertSessionRequest, context: Context) -> pb.RevertSessionResponse:
        agent = await self._roster.ready_of(request.session)
        await agent.revert(_session_id(request.session), _message_id(request.message, request.session))
        return pb.RevertSessionResponse(session=self._session(request.session))

    async def ForkSession(self, request: pb.ForkSessionRequest, context: Context) -> pb.ForkSessionResponse:
        agent = await self._roster.ready_of(request.session)
        forked = await agent.fork(_session_id(request.session), _message_id(request.message, request.session))
        return pb.ForkSessionResponse(session=forked)

    async def CompactSession(self, request: pb.CompactSessionRequest, context: Context) -> pb.CompactSessionResponse:
        agent = await self._roster.ready_of(request.session)
        await agent.compact(_session_id(request.session))
        return pb.CompactSessionResponse()

    async def ListMessages(self, request: pb.ListMessagesRequest, context: Context) -> pb.ListMessagesResponse:
        agent = await self._roster.ready_of(request.session)
        size = min(request.page_size or DEFAULT_MESSAGES, MAX_MESSAGES)
        session_id = _session_id(request.session)
        found = await largest_page(lambda size: agent.messages(session_id, size, request.page_token), size)
        for entry in found.messages:
            self._authors.decorate(entry.message)
        return found

    # --- files and changes ---

    async def GetDiff(self, request: pb.GetDiffRequest, context: Context) -> pb.GetDiffResponse:
        match request.WhichOneof("scope"):
            case "message":
                agent = await self._roster.ready_of(request.message)
                found = names.parse(request.message)
                if found.kind is not names.Kind.MESSAGE:
                    raise malformed("Name the message of which the changes are wanted.")
                return pb.GetDiffResponse(diffs=await agent.turn_diff(*found.ids))
            case "session":
                agent = await self._roster.ready_of(request.session)
                return pb.GetDiffResponse(diffs=await agent.session_diff(_session_id(request.session)))
            case "project":
                agent = await self._roster.ready(self._roster.get(""))
                folder = self._projects.folder(request.project)
                return pb.GetDiffResponse(diffs=await agent.working_tree_diff(folder))
            case _:
                raise malformed("Name a message, a session or a project.")

    async def ListFiles(self, request: pb.ListFilesRequest, context: Context) -> pb.ListFilesResponse:
        folder = self._projects.folder(request.project)
        return pb.ListFilesResponse(entries=await asyncio.to_thread(files.list_folder, folder, request.path))

    async def ReadFile(self, request: pb.ReadFileRequest, context: Context) -> pb.ReadFileResponse:
        folder = self._projects.folder(request.project)
        return await asyncio.to_thread(files.read_file, folder, request.path, request.offset_bytes, request.limit_bytes)

    async def FindFiles(self, request: pb.FindFilesRequest, context: Context) -> pb.FindFilesResponse:
        folder = self._projects.folder(request.project)
        agent = await self._roster.ready(self._roster.get(""))
        limit = min(request.limit or DEFAULT_FOUND, MAX_FOUND)
        return pb.FindFilesResponse(paths=await agent.find_files(folder, request.query, limit))

    async def Watch(self, request: pb.WatchRequest, context: Context) -> AsyncIterator[pb.WatchResponse]:
        async for response in watch(self._log, request):
            yield response

    # --- inside ---

    def _session(self, name: str) -> session_pb2.Session:
        value = self._log.get(name)
        if value is None or not value.HasField("session"):
            raise not_found("There is no such session; it may have been deleted.")
        return value.session

    def _default_project(self) -> str:
        known = self._projects.list()
        if not known:
            raise not_found("No project is known yet; add a folder first.")
        return known[0].name

    async def _prompt(self, agent: Agent, order: PromptOrder, *, repeat: bool) -> str:
        message = names.message(order.session_id, order.message_id)
        author = caller.current().author
        self._authors.note(message, author.call_id, author.device)
        await self._log.flush_patiently()
        await self._until_taken(agent, lambda again: agent.prompt(replace(order, repeat=again)), repeat=repeat)
        return message

    async def _until_taken(self, agent: Agent, ask: Callable[[bool], Awaitable[_Taken]], *, repeat: bool) -> _Taken:
        """What `ask(repeat)` returns. An agent that dies over it may have done it or not: the next one looks first."""
        try:
            return await ask(repeat)
        except AgentUnavailableError as error:
            _log.info("The agent did not say whether it took what it was told (%s); asking again.", error)
        try:
            async with asyncio.timeout(TAKE_SECONDS):
                while True:
                    await asyncio.sleep(TAKE_AGAIN_SECONDS)
                    await self._roster.ready(agent)
                    with suppress(AgentUnavailableError):
                        return await ask(True)
        except (TimeoutError, AgentUnavailableError):
            raise outcome_unknown() from None


def _check_prompt(text: str) -> None:
    if len(text.encode()) > MAX_PROMPT_BYTES:
        raise malformed("A prompt has at most 1 MiB; put long material into a file of the project.")


def _session_id(name: str) -> str:
    found = names.parse(name)
    if found.kind is not names.Kind.SESSION:
        raise malformed(f"{name[:100]!r} does not name a session.")
    return found.ids[0]


def _message_id(name: str, session: str) -> str:
    """The id in a message's name; empty for an empty name. MALFORMED when it lies in another session."""
    if not name:
        return ""
    found = names.parse(name)
    if found.kind is not names.Kind.MESSAGE or names.session_of(name) != session:
        raise malformed("Name a message of this session.")
    return found.ids[1]
