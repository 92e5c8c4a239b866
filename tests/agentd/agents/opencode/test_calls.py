"""What agentd asks of a running OpenCode: sessions, prompts that come twice, reading."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from agentd.agents.agent import (
    AgentRefusedError,
    ResourceNotFoundError,
    StartOrder,
)
from agentd.agents.opencode import calls as opencode_calls
from agentd.agents.opencode.event_schema import Frame
from agentd.agents.opencode.prompting import prompt_body
from halyard.agent.v1 import session_pb2
from tests.fakes.opencode import Rig, calls, prompts_seen, repository, runs, says, scripted

COMMAND = """{"command": {"greet": {"template": "Greet in a few words. $ARGUMENTS", "description": "Greets"}}}"""

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_session_is_renamed_put_away_brought_back_and_deleted(shared: Rig) -> None:
    session = await shared.session(title="Before")
    assert shared.journal.session(session).title == "Before"
    await shared.agent.rename(session, "After")
    await shared.until(lambda j: j.session(session).title == "After", "the new title")
    await shared.agent.archive(session, archived=True)
    await shared.until(lambda j: j.session(session).archived, "to be archived")
    await shared.agent.archive(session, archived=False)
    await shared.until(lambda j: not j.session(session).archived, "to be brought back")
    await shared.agent.delete(session)
    await shared.until(lambda j: f"sessions/{session}" not in j.resources, "to be deleted")
    with pytest.raises(ResourceNotFoundError):
        await shared.agent.rename(session, "Gone")


async def test_a_session_is_gone_before_its_deletion_is_answered(shared: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when OpenCode dies behind it and tells nobody: the next life would call the session lost."""
    session = await shared.session()
    mirror, apply = shared.agent._life().mirror, shared.agent._life().mirror.apply
    monkeypatch.setattr(mirror, "apply", lambda change, moment: None if moment.live else apply(change, moment))
    monkeypatch.setattr(opencode_calls, "_DELETED_SECONDS", 0.0)
    await shared.agent.delete(session)
    assert f"sessions/{session}" not in shared.journal.resources


async def test_deleting_a_session_that_waits_leaves_nothing_waiting(shared: Rig) -> None:
    session = await shared.session()
    await shared.prompt(session, runs("true"))
    permission = await shared.permission(session)
    await shared.agent.delete(session)
    await shared.until(lambda j: f"sessions/{session}" not in j.resources, "to be deleted")

    assert permission.name in shared.journal.withdrawn
    waiting = await shared.agent._life().client.permissions(str(shared.folder))
    assert session not in [request.session_id for request in waiting]


async def test_a_revert_restores_files_marks_messages_and_can_be_taken_back(shared: Rig) -> None:
    session = await shared.session()
    target = shared.folder / "reverted.txt"
    order = await shared.prompt(session, calls("write", filePath=str(target), content="x\n"), says("Written."))
    await shared.allow(await shared.permission(session))
    await shared.idle(session)
    await shared.agent.revert(session, order.message_id)
    await shared.until(lambda j: j.session(session).reverted_from != "", "the revert")
    assert not target.exists()
    assert all(m.reverted for m in shared.journal.messages(session))
    await shared.agent.revert(session, "")
    await shared.until(lambda j: j.session(session).reverted_from == "", "the unrevert")
    assert target.read_text() == "x\n"
    assert not any(m.reverted for m in shared.journal.messages(session))


async def test_a_prompt_after_a_revert_removes_what_was_undone(shared: Rig) -> None:
    session = await shared.session()
    first = await shared.prompt(session, says("One."))
    await shared.idle(session)
    await shared.agent.revert(session, first.message_id)
    await shared.ask(session, says("Two."))

    assert shared.journal.texts(session) == ["Two."]


async def test_a_fork_shares_what_came_before(shared: Rig) -> None:
    session = await shared.session()
    await shared.ask(session, says("One."))
    second = await shared.prompt(session, says("Two."))
    await shared.idle(session)
    forked = (await shared.agent.fork(session, second.message_id)).name.removeprefix("sessions/")
    await shared.until(lambda j: j.texts(forked) == ["One."], "the shared messages")


async def test_older_conversation_is_summed_up(shared: Rig) -> None:
    session = await shared.session()
    await shared.ask(session, says("One."))
    await shared.agent.compact(session)
    await shared.until(
        lambda j: any(m.summary and m.HasField("complete_time") for m in j.messages(session)), "a summary"
    )

    notices = [p.notice.kind for p in shared.journal.all_parts(session) if p.WhichOneof("content") == "notice"]
    assert notices == [session_pb2.NOTICE_KIND_COMPACTION]


async def test_a_session_without_a_turn_cannot_be_summed_up(shared: Rig) -> None:
    with pytest.raises(AgentRefusedError, match="nothing to sum up"):
        await shared.agent.compact(await shared.session())


async def test_models_modes_and_commands_are_described(shared: Rig) -> None:
    described = shared.agent.describe()
    assert described == shared.journal.agent
    assert (described.version.split(".")[0], described.default_model) == ("1", "demo/scripted")
    assert [m.id for m in described.models] == ["demo/scripted"]
    assert described.models[0].context_tokens == 200_000
    assert described.modes[0].id == "build"
    assert "plan" in [m.id for m in described.modes]
    assert "init" in [c.id for c in await shared.agent.commands(shared.folder)]


async def test_pages_of_messages_lead_back_to_the_beginning(shared: Rig) -> None:
    session = await shared.session()
    for word in ("One.", "Two.", "Three."):
        await shared.ask(session, says(word))
    found: list[str] = []
    token = ""
    while True:
        page = await shared.agent.messages(session, 4, token)
        found = [
            p.text.text
            for m in page.messages
            for p in m.parts
            if m.message.role == session_pb2.ROLE_AGENT and p.HasField("text")
        ] + found
        token = page.next_page_token
        if not token:
            break
    assert found == ["One.", "Two.", "Three."]


async def test_files_are_found_by_part_of_their_name(shared: Rig) -> None:
    assert "README.md" in await shared.agent.find_files(shared.folder, "READ", 5)
    assert len(await shared.agent.find_files(shared.folder, "e", 1)) == 1


async def test_files_are_attached_by_content_and_by_path(shared: Rig) -> None:
    session = await shared.session()
    files = [
        session_pb2.FileRef(path="README.md", media_type="text/plain"),
        session_pb2.FileRef(path="note.txt", media_type="text/plain", content=b"from the phone"),
    ]
    await shared.agent.prompt(replace(shared.order(session, "Read these"), files=files))
    await shared.idle(session)

    [prompt, _] = shared.journal.messages(session)
    attached = [p.file for p in shared.journal.parts(prompt.name) if p.HasField("file")]
    assert [(f.path, f.content) for f in attached] == [("README.md", b""), ("note.txt", b"from the phone")]
    synthetic = [p.text.text for p in shared.journal.parts(prompt.name) if p.text.synthetic]
    assert any("from the phone" in text for text in synthetic)


async def test_a_slash_command_runs_and_its_answer_streams(shared: Rig, tmp_path: Path) -> None:
    folder = repository(tmp_path / "commands", {"opencode.json": COMMAND})
    session = (await shared.agent.start_session(StartOrder(folder, "command"))).name.removeprefix("sessions/")
    order = shared.order(session, f"/greet {scripted(says('Ahoy.'))}")
    await shared.agent.prompt(order)
    await shared.idle(session)

    assert shared.journal.texts(session) == ["Ahoy."]
    assert "Greet in a few words." in shared.journal.texts(session, session_pb2.ROLE_PERSON)[0]


async def test_a_folder_that_does_not_exist_is_refused(shared: Rig) -> None:
    with pytest.raises(AgentRefusedError, match="no folder"):
        await shared.agent.start_session(StartOrder(folder=Path("/nowhere/at/all"), token="t"))


async def test_a_folder_with_other_letters_than_ascii_works(shared: Rig, tmp_path: Path) -> None:
    folder = repository(tmp_path / "Törn ⛵ 日本")
    begun = await shared.agent.start_session(StartOrder(folder=folder, token="utf8"))
    session = begun.name.removeprefix("sessions/")
    await shared.prompt(session, runs("pwd"), says("There."))
    await shared.allow(await shared.permission(session))
    await shared.idle(session)

    assert shared.journal.calls(session)[0].output == f"{folder}\n"


async def test_a_broken_configuration_of_a_project_is_told_in_its_own_words(shared: Rig, tmp_path: Path) -> None:
    folder = repository(tmp_path / "broken", {"opencode.json": "{ this is not JSON"})
    with pytest.raises(AgentRefusedError, match="this is not JSON"):
        await shared.agent.start_session(StartOrder(folder=folder, token="broken"))


async def test_a_repeated_start_returns_the_session_that_was_begun(shared: Rig) -> None:
    order = StartOrder(folder=shared.folder, token="cafe", title="Once")
    first = await shared.agent.start_session(order)
    again = await shared.agent.start_session(replace(order, repeat=True))
    other = await shared.agent.start_session(StartOrder(folder=shared.folder, token="beef", repeat=True))
    assert again.name == first.name != other.name


async def test_the_same_prompt_ordered_again_reaches_the_model_once(shared: Rig) -> None:
    session = await shared.session()
    order = await shared.prompt(session, says("Once."), words="exactly one sail")
    await shared.idle(session)
    await shared.agent.prompt(replace(order, repeat=True))
    await shared.ask(session, says("Next."))

    assert prompts_seen(shared.asked, "exactly one sail") == 1
    assert shared.journal.texts(session) == ["Once.", "Next."]


async def test_a_prompt_that_arrived_without_its_text_gets_it_by_its_repetition(shared: Rig) -> None:
    """OpenCode died after storing the message and before its parts."""
    session = await shared.session()
    order = shared.order(session, scripted(says("All there."), words="only half of me"))
    client = shared.agent._life().client
    body = {**prompt_body(order, str(shared.folder)), "noReply": True}
    await client.prompt(session, body)
    await shared.until(lambda j: bool(j.texts(session, session_pb2.ROLE_PERSON)), "the prompt to be stored")
    [part] = (await client.message(session, order.message_id)).parts
    await client._send("DELETE", f"/session/{session}/message/{order.message_id}/part/{part.id}")
    assert (await client.message(session, order.message_id)).parts == []

    await shared.agent.prompt(replace(order, repeat=True))
    await shared.idle(session)
    assert prompts_seen(shared.asked, "only half of me") == 1
    assert shared.journal.texts(session) == ["All there."]
    assert shared.journal.texts(session, session_pb2.ROLE_PERSON) == [order.text]


async def test_a_prompt_that_is_stopped_before_its_turn_begins_says_so(shared: Rig) -> None:
    """It was handed over again after a refusal had ended the turn before it, when somebody pressed Stop."""
    session = await shared.session()
    order = shared.order(session, "about to begin")
    body = {**prompt_body(order, str(shared.folder)), "noReply": True}
    await shared.agent._life().client.prompt(session, body)
    await shared.until(lambda j: bool(j.texts(session, session_pb2.ROLE_PERSON)), "the prompt to be stored")
    await shared.agent.interrupt(session)
    stopped = session_pb2.MESSAGE_STATE_STOPPED
    await shared.until(lambda j: j.messages(session)[0].state == stopped, "the prompt to be stopped")
    # What is said next is answered, and that with it.
    await shared.ask(session, says("Both."))
    complete = session_pb2.MESSAGE_STATE_COMPLETE
    await shared.until(lambda j: j.messages(session)[0].state == complete, "the first prompt to be answered too")


async def test_a_prompt_of_which_the_stream_has_not_told_yet_is_stopped_all_the_same(
    shared: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A prompt and a Stop both waited for an OpenCode that was being started, and came to it at the same moment."""
    session = await shared.session()
    order = shared.order(session, "about to begin")
    life, heard = shared.agent._life(), asyncio.Event()
    take = life.follower._take

    async def late(frame: Frame) -> None:
        await heard.wait()
        await take(frame)

    monkeypatch.setattr(life.follower, "_take", late)
    await life.client.prompt(session, {**prompt_body(order, str(shared.folder)), "noReply": True})
    async with asyncio.timeout(30):
        while not (await life.client.messages(session, 1)).messages:  # noqa: ASYNC110 - another process wakes nobody
            await asyncio.sleep(0.02)
    assert shared.journal.messages(session) == []
    assert await shared.agent.interrupt(session)
    heard.set()
    stopped = session_pb2.MESSAGE_STATE_STOPPED
    await shared.until(lambda j: [m.state for m in j.messages(session)] == [stopped], "the prompt to be stopped")


async def test_a_prompt_keeps_its_place_until_it_is_stored_there(shared: Rig) -> None:
    """Handed over again beside it, a dropped prompt could be stored behind it, and seem to have been said later."""
    session = await shared.session()
    order = shared.order(session, scripted(says("Heard.")))
    client = shared.agent._life().client
    place = client.handing_over(session)
    async with asyncio.TaskGroup() as tasks:
        async with place:
            tasks.create_task(shared.agent.prompt(order))
            await asyncio.sleep(0.2)
            assert (await client.messages(session, 1)).messages == []
        async with place:
            stored, *_ = (await client.messages(session, 9)).messages
            assert stored.info.id == order.message_id
    await shared.idle(session)


async def test_a_mode_that_there_is_not_is_refused(shared: Rig) -> None:
    session = await shared.session()
    order = replace(shared.order(session, "Hm?"), mode="daydream")
    with pytest.raises(AgentRefusedError, match=r"no mode 'daydream' .* Choose one of: build, plan"):
        await shared.agent.prompt(order)
    with pytest.raises(AgentRefusedError, match="no mode 'daydream'"):
        await shared.agent.start_session(StartOrder(folder=shared.folder, token="dream", mode="daydream"))
    await shared.agent.prompt(replace(shared.order(session, scripted(says("I plan."))), mode="plan"))
    await shared.idle(session)
    assert shared.journal.messages(session)[-1].mode == "plan"
