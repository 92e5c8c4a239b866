"""Every method of AgentService, called as an app calls it: sealed, through the desk."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeVar

import pytest
from google.protobuf.message import Message

from agentd.agent_service import MAX_PROMPT_BYTES
from agentd.grpc_errors import reason_of
from halyard.agent.v1 import agent_service_pb2 as pb
from halyard.agent.v1 import decision_pb2, resource_pb2, session_pb2, workstation_pb2
from tests.fakes.call_desk import Clock, Phone, Workstation, workstation
from tests.fakes.scripted_agent import ScriptedAgent

Answer = TypeVar("Answer", bound=Message)


class Caller:
    """An operator's phone at a workstation with one project and one session."""

    def __init__(self, at: Workstation, clock: Clock, folder: Path) -> None:
        self.at = at
        self.agent = at.agent
        self._clock = clock
        self._phone = Phone()
        at.devices.add(self._phone.identity.public, "Phone", "test", workstation_pb2.DEVICE_ROLE_OPERATOR)
        self.project = at.projects.add(str(folder)).name
        self.session = at.agent.begin_session("s", self.project, "A title").name

    async def ask(self, method: str, request: Message) -> resource_pb2.CallResult:
        call = self._phone.call(self._clock, f"AgentService/{method}", request)
        await self.at.receive(call)
        return (await self.at.answers(self._phone, [call]))[0]

    async def call(self, method: str, request: Message, answer: type[Answer]) -> Answer:
        result = await self.ask(method, request)
        assert not result.HasField("error"), result.error
        return answer.FromString(result.response)

    async def refusal(self, method: str, request: Message) -> str:
        return reason_of((await self.ask(method, request)).error)


@pytest.fixture
async def phone(tmp_path: Path, project: Path, agent: ScriptedAgent) -> AsyncIterator[Caller]:
    clock = Clock()
    async with workstation(tmp_path, clock, agent) as at:
        yield Caller(at, clock, project)


async def test_projects_and_agents_are_listed(phone: Caller, tmp_path: Path) -> None:
    added = await phone.call("AddProject", pb.AddProjectRequest(path=str(tmp_path)), pb.AddProjectResponse)
    listed = await phone.call("ListProjects", pb.ListProjectsRequest(), pb.ListProjectsResponse)
    assert {project.name for project in listed.projects} == {phone.project, added.project.name}
    agents = await phone.call("ListAgents", pb.ListAgentsRequest(), pb.ListAgentsResponse)
    assert [agent.id for agent in agents.agents] == ["scripted"]
    models = await phone.call("ListModels", pb.ListModelsRequest(), pb.ListModelsResponse)
    assert [model.id for model in models.models] == ["scripted/model"]
    modes = await phone.call("ListModes", pb.ListModesRequest(agent="scripted"), pb.ListModesResponse)
    assert [mode.id for mode in modes.modes] == ["build"]
    assert await phone.refusal("ListModes", pb.ListModesRequest(agent="other")) == "NOT_FOUND"


async def test_commands_are_those_of_the_project(phone: Caller) -> None:
    for project in (phone.project, ""):
        request = pb.ListCommandsRequest(project=project)
        commands = await phone.call("ListCommands", request, pb.ListCommandsResponse)
        assert [command.description for command in commands.commands] == ["For project"]


async def test_a_session_is_shown_with_what_waits_in_it(phone: Caller) -> None:
    phone.agent.ask(f"{phone.session}/permissions/p")
    phone.agent.journal.ask_question(decision_pb2.Question(name=f"{phone.session}/questions/q"))
    todos = session_pb2.TodoList(name=f"{phone.session}/todos", todos=[session_pb2.Todo(text="Write it")])
    phone.agent.journal.put(resource_pb2.Resource(name=todos.name, todo_list=todos))
    other = phone.agent.begin_session("other", phone.project)
    phone.agent.ask(f"{other.name}/permissions/p")
    shown = await phone.call("GetSession", pb.GetSessionRequest(name=phone.session), pb.GetSessionResponse)
    assert shown.session.title == "A title"
    assert [asked.name for asked in shown.permissions] == [f"{phone.session}/permissions/p"]
    assert [asked.name for asked in shown.questions] == [f"{phone.session}/questions/q"]
    assert shown.todo_list == todos
    listed = await phone.call("ListSessions", pb.ListSessionsRequest(), pb.ListSessionsResponse)
    assert {session.name for session in listed.sessions} == {phone.session, other.name}


async def test_a_session_begins_with_or_without_a_prompt(phone: Caller) -> None:
    request = pb.StartSessionRequest(project=phone.project, title="Empty")
    empty = await phone.call("StartSession", request, pb.StartSessionResponse)
    assert (empty.session.title, empty.message) == ("Empty", "")
    request = pb.StartSessionRequest(project=phone.project, prompt="Go", model="m", mode="plan")
    begun = await phone.call("StartSession", request, pb.StartSessionResponse)
    (order,) = phone.agent.prompts.values()
    assert begun.message == f"{begun.session.name}/messages/{order.message_id}"
    assert (order.text, order.model, order.mode) == ("Go", "m", "plan")
    assert await phone.refusal("StartSession", pb.StartSessionRequest(project="projects/none")) == "NOT_FOUND"


async def test_prompts_have_limits(phone: Caller) -> None:
    long = pb.PromptRequest(session=phone.session, text="x" * (MAX_PROMPT_BYTES + 1))
    assert await phone.refusal("Prompt", long) == "MALFORMED"
    assert (
        await phone.refusal("StartSession", pb.StartSessionRequest(prompt="x" * (MAX_PROMPT_BYTES + 1))) == "MALFORMED"
    )
    assert phone.agent.prompts == {}


async def test_files_may_be_sent_without_words(phone: Caller) -> None:
    request = pb.PromptRequest(session=phone.session, files=[session_pb2.FileRef(path="a.py")])
    await phone.call("Prompt", request, pb.PromptResponse)
    (order,) = phone.agent.prompts.values()
    assert [file.path for file in order.files] == ["a.py"]


async def test_a_question_is_answered(phone: Caller) -> None:
    name = f"{phone.session}/questions/q"
    phone.agent.waiting.add(name)
    phone.agent.journal.ask_question(decision_pb2.Question(name=name, prompts=[decision_pb2.QuestionPrompt()]))
    request = pb.AnswerRequest(question=name, answers=[decision_pb2.QuestionAnswer(values=["yes"])])
    answered = await phone.call("Answer", request, pb.AnswerResponse)
    assert answered.question.decision.applied
    assert phone.agent.asked == [("answer", name, "yes")]


async def test_sessions_are_renamed_archived_and_deleted(phone: Caller) -> None:
    rename = pb.RenameSessionRequest(session=phone.session, title="  Better\n title ")
    renamed = await phone.call("RenameSession", rename, pb.RenameSessionResponse)
    assert renamed.session.title == "Better title"
    for restore in (False, True):
        archive = pb.ArchiveSessionRequest(session=phone.session, restore=restore)
        archived = await phone.call("ArchiveSession", archive, pb.ArchiveSessionResponse)
        assert archived.session.archived is not restore
    delete = pb.DeleteSessionRequest(session=phone.session)
    await phone.call("DeleteSession", delete, pb.DeleteSessionResponse)
    assert [asked[0] for asked in phone.agent.asked] == ["rename", "archive", "archive", "delete"]
    assert await phone.refusal("GetSession", pb.GetSessionRequest(name=phone.session)) == "NOT_FOUND"


@pytest.mark.parametrize("title", ["", " \n ", "x" * 201])
async def test_a_title_is_one_line(phone: Caller, title: str) -> None:
    assert (
        await phone.refusal("RenameSession", pb.RenameSessionRequest(session=phone.session, title=title)) == "MALFORMED"
    )


async def test_reverting_and_forking_name_a_message_of_the_session(phone: Caller) -> None:
    message = f"{phone.session}/messages/m"
    revert = pb.RevertSessionRequest(session=phone.session, message=message)
    await phone.call("RevertSession", revert, pb.RevertSessionResponse)
    await phone.call("RevertSession", pb.RevertSessionRequest(session=phone.session), pb.RevertSessionResponse)
    fork = pb.ForkSessionRequest(session=phone.session, message=message)
    forked = await phone.call("ForkSession", fork, pb.ForkSessionResponse)
    assert forked.session.name == "sessions/s_fork"
    assert phone.agent.asked == [("revert", "s", "m"), ("revert", "s", ""), ("fork", "s", "m")]
    for wrong in ("sessions/other/messages/m", phone.session):
        assert (
            await phone.refusal("RevertSession", pb.RevertSessionRequest(session=phone.session, message=wrong))
            == "MALFORMED"
        )


async def test_older_messages_come_by_page_and_keep_their_authors(phone: Caller) -> None:
    prompted = await phone.call("Prompt", pb.PromptRequest(session=phone.session, text="x"), pb.PromptResponse)
    request = pb.ListMessagesRequest(session=phone.session, page_size=10_000, page_token="t")
    page = await phone.call("ListMessages", request, pb.ListMessagesResponse)
    assert [(entry.message.name, bool(entry.message.call_id)) for entry in page.messages] == [(prompted.message, True)]
    assert phone.agent.asked[-1] == ("messages", "s", "200", "t")


async def test_changes_of_a_turn_a_session_or_a_tree(phone: Caller) -> None:
    for request, path in (
        (pb.GetDiffRequest(message=f"{phone.session}/messages/m"), "s-m"),
        (pb.GetDiffRequest(session=phone.session), "s"),
        (pb.GetDiffRequest(project=phone.project), "project"),
    ):
        diff = await phone.call("GetDiff", request, pb.GetDiffResponse)
        assert [changed.path for changed in diff.diffs] == [path]
    assert await phone.refusal("GetDiff", pb.GetDiffRequest()) == "MALFORMED"
    assert await phone.refusal("GetDiff", pb.GetDiffRequest(message=phone.session)) == "MALFORMED"


async def test_files_of_a_project_are_listed_read_and_found(phone: Caller, project: Path) -> None:
    (project / "a.txt").write_text("Hello")
    listed = await phone.call("ListFiles", pb.ListFilesRequest(project=phone.project), pb.ListFilesResponse)
    assert [entry.path for entry in listed.entries] == ["a.txt"]
    read = await phone.call("ReadFile", pb.ReadFileRequest(project=phone.project, path="a.txt"), pb.ReadFileResponse)
    assert read.content == b"Hello"
    find = pb.FindFilesRequest(project=phone.project, query="a")
    assert list((await phone.call("FindFiles", find, pb.FindFilesResponse)).paths) == ["project/a"]
    outside = pb.ReadFileRequest(project=phone.project, path="../secret")
    assert await phone.refusal("ReadFile", outside) == "PATH_OUTSIDE_PROJECT"


@pytest.mark.parametrize("name", ["", "nonsense", "sessions/none", "projects/p", "sessions/s/messages/m"])
async def test_names_that_are_no_session_are_refused(phone: Caller, name: str) -> None:
    refused = await phone.refusal("Interrupt", pb.InterruptRequest(session=name))
    assert refused in ("MALFORMED", "NOT_FOUND")
    assert phone.agent.asked == []


class Beginning(ScriptedAgent):
    """An agent that tells of its session only once it has started."""

    async def ready(self) -> None:
        await super().ready()
        if "late" not in self.sessions:
            self.begin_session("late", "projects/p")


async def test_a_prompt_waits_for_an_agent_that_has_yet_to_tell_of_its_sessions(tmp_path: Path, project: Path) -> None:
    clock, agent = Clock(), Beginning()
    async with workstation(tmp_path, clock, agent) as at:
        phone = Caller(at, clock, project)
        await phone.call("Prompt", pb.PromptRequest(session="sessions/late", text="Go on."), pb.PromptResponse)
        assert [order.text for order in agent.prompts.values()] == ["Go on."]
        assert await phone.refusal("Prompt", pb.PromptRequest(session="sessions/none", text="x")) == "NOT_FOUND"
