"""Messages that the relay let go of come from the workstation when a person goes back to them, and stay."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from app_flet import intents
from app_flet.device import Device
from halyard_client.google.rpc import Status
from halyard_client.halyard.agent import v1
from tests.app_flet.harbour import Harbour
from tests.app_flet.harness import Stage, staged
from tests.app_flet.scenes import Scene
from tests.app_flet.workstation import Workstation, refusal

S = "sessions/s1"
SAID = 50


def told(number: int) -> v1.MessageWithParts:
    """An old message, `number` from the beginning, all of them before what the scene holds."""
    name = f"{S}/messages/a{number:03d}"
    message = v1.Message(name=name, role=v1.Role.PERSON, create_time=Scene().ago(600) + timedelta(minutes=number))
    part = v1.Part(name=f"{name}/parts/p", state=v1.PartState.COMPLETE, text=v1.Text(text=f"Old remark {number}."))
    return v1.MessageWithParts(message=message, parts=[part])


def in_the_log() -> list[v1.MessageWithParts]:
    """What the log still holds, as the workstation reads it out: a page of nothing new."""
    values = list(Scene().conversation())
    messages = [value.message for value in values if value.message is not None]
    return [v1.MessageWithParts(message=message, parts=[]) for message in messages]


def pages(method: str, request: bytes) -> bytes | Status:
    """The workstation's own pages, the newest first; the first one holds what the log has, too."""
    if method != intents.AGENT_SERVICE + "ListMessages":
        return refusal(12, "UNSUPPORTED", "no")
    asked = v1.ListMessagesRequest.parse(request)
    if not asked.page_token:
        return bytes(v1.ListMessagesResponse(messages=in_the_log(), next_page_token=str(SAID)))
    end = int(asked.page_token)
    start = max(0, end - asked.page_size)
    found = [told(number) for number in range(start, end)]
    return bytes(v1.ListMessagesResponse(messages=found, next_page_token=str(start) if start else ""))


@pytest.fixture
def truncated(harbour: Harbour, bench: Workstation) -> Workstation:
    """A workstation of whose log the relay has let go the beginning."""
    harbour.truncated_through = 3
    bench.answer = pages
    return bench


def shows(stage: Stage, *texts: str) -> Callable[[], bool]:
    return lambda: all(text in stage.text() for text in texts)


async def test_earlier_messages_are_fetched_in_order_and_stay_without_a_relay(
    paired: Device, harbour: Harbour, truncated: Workstation, make_device: Callable[[str], Device]
) -> None:
    place = f"/w/{truncated.id}/s/s1"
    async with staged(paired, place, served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "transcript-earlier" in stage.ids())
        assert not shows(stage, "Old remark")()
        for first in (30, 10, 0):
            await stage.tap("transcript-earlier")
            await stage.until(shows(stage, f"Old remark {first}."))
        await stage.until(lambda: "transcript-earlier" not in stage.ids())
        # The list is reversed: the newest stands first.
        remarks = [text for text in stage.texts() if text.startswith("Old remark")]
        assert remarks == [f"Old remark {number}." for number in reversed(range(SAID))]
        assert stage.texts().index("Old remark 49.") > stage.texts().index(
            "Yes, go on. Keep the old import working."
        ), "what the log holds is newer"
    paired.store.close()
    async with staged(make_device("device"), place, served_by=harbour.origin) as stage:
        assert shows(stage, "Yes, go on.")()
        while "transcript-older" in stage.ids():
            await stage.tap("transcript-older")
        assert shows(stage, "Old remark 0.", "Old remark 49.")()
        assert "transcript-earlier" not in stage.ids(), "this device knows that it has all of it"


async def test_what_the_log_tells_later_wins_over_a_page(
    paired: Device, harbour: Harbour, truncated: Workstation
) -> None:
    async with staged(paired, f"/w/{truncated.id}/s/s1", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "transcript-earlier" in stage.ids())
        await stage.tap("transcript-earlier")
        await stage.until(shows(stage, "Old remark 49."))
        entry = told(49)
        part = v1.Part(name=entry.parts[0].name, state=v1.PartState.COMPLETE, text=v1.Text(text="Remark 49, renewed."))
        await harbour.publish(truncated, v1.Resource(name=part.name, part=part))
        await stage.until(shows(stage, "Remark 49, renewed."))
        assert "Old remark 49." not in stage.text()


async def test_a_workstation_that_is_away_is_said_on_the_spot(
    paired: Device, harbour: Harbour, truncated: Workstation
) -> None:
    truncated.answer = lambda _method, _request: refusal(14, "AGENT_UNAVAILABLE", "OpenCode is not running.")
    async with staged(paired, f"/w/{truncated.id}/s/s1", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "transcript-earlier" in stage.ids())
        await stage.tap("transcript-earlier")
        await stage.until(shows(stage, "OpenCode is not running. What is here stays readable."))
        truncated.answer = pages
        await stage.tap("transcript-earlier")
        await stage.until(shows(stage, "Old remark 49."))


async def test_a_session_of_which_nothing_was_let_go_offers_nothing(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    async with staged(paired, f"/w/{bench.id}/s/s1", served_by=harbour.origin, linked=True) as stage:
        await stage.until(shows(stage, "Yes, go on."))
        assert "transcript-earlier" not in stage.ids()


async def told_of(harbour: Harbour, bench: Workstation) -> str:
    """A session of which the log holds the header alone; the route to its screen."""
    header = v1.Session(
        name="sessions/old",
        title="Long ago",
        agent="opencode",
        update_time=Scene().ago(9000),
        has_earlier_messages=True,
    )
    bench.answer = of_old
    await harbour.publish(bench, v1.Resource(name=header.name, session=header))
    return f"/w/{bench.id}/s/old"


def of_old(method: str, request: bytes) -> bytes | Status:
    """The workstation's pages of that session."""
    if method != intents.AGENT_SERVICE + "ListMessages":
        return refusal(12, "UNSUPPORTED", "no")
    token = v1.ListMessagesRequest.parse(request).page_token
    name = f"sessions/old/messages/{'a' if token else 'b'}"
    message = v1.Message(name=name, role=v1.Role.PERSON, create_time=Scene().ago(9002 if token else 9001))
    text = v1.Text(text="It began so." if token else "It ended so.")
    part = v1.Part(name=f"{name}/parts/p", state=v1.PartState.COMPLETE, text=text)
    entry = v1.MessageWithParts(message=message, parts=[part])
    return bytes(v1.ListMessagesResponse(messages=[entry], next_page_token="" if token else "more"))


async def test_a_session_of_which_the_log_holds_the_header_alone_is_read_when_it_is_opened(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    place = await told_of(harbour, bench)
    async with staged(paired, place, served_by=harbour.origin, linked=True) as stage:
        await stage.until(shows(stage, "It ended so."))
        assert "It began so." not in stage.text()
        await stage.tap("transcript-earlier")
        await stage.until(shows(stage, "It began so.", "It ended so."))
        await stage.until(lambda: "transcript-earlier" not in stage.ids())
