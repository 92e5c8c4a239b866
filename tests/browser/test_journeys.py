"""What a person does with a phone, against everything that `agentd up` starts: relay, agentd, the real OpenCode."""

from pathlib import Path

import pytest

from agentd.demo.project import BUG, FIX
from tests.browser.conftest import House, OpenBrowser, PairedPhone, pair
from tests.browser.hands import Browser

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]


async def begin(phone: Browser, prompt: str) -> None:
    """Begins a session and waits until its screen is there."""
    await phone.tap("session-new")
    await phone.has("project-pick")
    await phone.write("prompt", prompt)
    await phone.tap("send")
    await phone.until_path("/w/")
    await phone.has("composer")


def text_of(path: Path) -> str:
    return path.read_text()


async def test_pair_by_code_then_an_edit_is_asked_for_approved_and_on_disk(
    house: House, open_browser: OpenBrowser
) -> None:
    assert BUG in text_of(house.greeter)
    async with open_browser(still=False) as phone:
        await pair(phone, house)
        await begin(phone, "Please fix the greeter")
        await phone.sees("There is a typo")
        await phone.has("allow-once")
        assert BUG in text_of(house.greeter), "nothing happens before somebody allows it"
        await phone.tap("allow-once")
        await phone.sees("Now I run it.")
        await phone.tap("allow-once")
        await phone.sees("The file on your disk has changed")
        await phone.lacks("stop")
    assert FIX in text_of(house.greeter)


async def test_the_pairing_secret_leaves_neither_address_nor_history_and_nothing_asks_another_host(
    house: House, open_browser: OpenBrowser
) -> None:
    async with open_browser() as phone, house.pairing() as (_, link):
        secret = link.rpartition("k=")[2]
        await phone.open(link)
        await phone.has("session-new")
        assert secret not in await phone.page.evaluate("location.href")
        assert secret not in await phone.page.evaluate("JSON.stringify(Object.entries(localStorage))")
        await phone.page.go_back()
        assert secret not in await phone.page.evaluate("location.href")
        foreign = [url for url in phone.requests if not url.startswith((house.url, "data:", "blob:", "about:"))]
        assert foreign == []
        assert phone.problems == []


async def test_a_denial_with_a_word_reaches_the_agent(paired: PairedPhone) -> None:
    async with paired.tab() as phone:
        await begin(phone, "run a command")
        await phone.has("deny-reason")
        await phone.write("deny-reason", "list the files with fd instead")
        await phone.tap("deny")
        await phone.sees("Understood, I leave it as it is.")
        await phone.sees("list the files with fd instead")


async def test_a_question_is_answered_with_a_choice(paired: PairedPhone) -> None:
    async with paired.tab() as phone:
        await begin(phone, "ask me a question")
        await phone.has("question-option")
        await phone.tap("question-option", 1)
        await phone.sees("I was told")
        await phone.sees("Jib")


async def test_a_long_answer_streams_and_can_be_stopped(paired: PairedPhone) -> None:
    async with paired.tab() as phone:
        await begin(phone, "write something long")
        await phone.sees("A long answer")
        await phone.tap("stop")
        await phone.sees("Stopped.")
        await phone.lacks("stop")


async def test_what_is_typed_after_coming_back_from_the_review_is_what_is_said(paired: PairedPhone) -> None:
    async with paired.tab() as phone:
        await phone.move()
        await begin(phone, "hello there")
        await phone.lacks("stop")
        await phone.tap("review")
        await phone.has("review-scope")
        await phone.tap("back")
        await phone.has("composer")
        await phone.type("composer", "Said after the review")
        await phone.tap("send")
        await phone.sees("Said after the review")


async def test_a_reload_keeps_the_place_the_conversation_and_the_draft(house: House, paired: PairedPhone) -> None:
    async with paired.tab() as phone:
        await begin(phone, "hello")
        await phone.sees("scripted demo model")
        await phone.write("composer", "half a thought")
        await house.keeps_draft("half a thought")
        place = await phone.path()
        await phone.reload()
        await phone.sees("scripted demo model")
        assert await phone.path() == place
        assert await phone.entered("composer") == "half a thought"


async def test_a_second_browser_sees_the_decision_made_in_the_first(
    house: House, paired: PairedPhone, open_browser: OpenBrowser
) -> None:
    async with paired.tab() as first, open_browser() as second:
        await pair(second, house)
        await begin(first, "run a command")
        await first.has("allow-once")
        await second.open(house.url + await first.path())
        await second.has("allow-once")
        await first.tap("allow-once")
        await second.sees("Allowed once by Chrome")
        await second.lacks("allow-once")
        await first.sees("That is what the command printed")


async def test_a_prompt_says_how_far_it_is_until_it_is_answered(paired: PairedPhone) -> None:
    async with paired.tab() as phone:
        await begin(phone, "hello")
        await phone.sees("Try one of these")
        await phone.lacks("stop")
        await phone.write("composer", "make a plan")
        await phone.tap("send")
        await phone.sees("All three are done.")
        await phone.at("message-state").filter(has_text="answered").last.wait_for(state="attached")
