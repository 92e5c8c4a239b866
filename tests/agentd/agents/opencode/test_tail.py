from __future__ import annotations

from agentd.agents.opencode import schema
from agentd.agents.opencode.tail import MAX_EARLY, Tail
from tests.agentd.agents.opencode import shapes


def ask(number: int) -> schema.UserMessage:
    info = shapes.prompt(f"p{number}", number * 10).info
    assert isinstance(info, schema.UserMessage)
    return info


def reply(number: int, to: int, *, done: bool = True) -> schema.AssistantMessage:
    at = to * 10 + number
    info = shapes.answer(f"a{to}_{number}", f"p{to}", at, done=at + 1 if done else None).info
    assert isinstance(info, schema.AssistantMessage)
    return info


def heard(*messages: schema.UserMessage | schema.AssistantMessage) -> Tail:
    tail = Tail()
    for message in messages:
        tail.note(message)
    return tail


def waiting(tail: Tail) -> list[str]:
    return [message.id for message in tail.unanswered()]


def test_a_long_conversation_leaves_nothing_behind_but_its_end() -> None:
    tail = Tail()
    for turn in range(1, 1001):
        for message in (ask(turn), reply(1, turn, done=False), reply(1, turn), reply(2, turn), ask(turn)):
            tail.note(message)
    assert tail.prompts == {}
    assert tail.answers == {}
    assert tail.early == {}


def test_an_answer_settles_its_prompt_and_all_before_it() -> None:
    tail = heard(ask(1), ask(2), ask(3), reply(1, 2, done=False))
    assert waiting(tail) == ["p3"]
    assert [message.id for message in tail.unfinished()] == ["a2_1"]
    assert [message.id for message in tail.unsettled()] == ["p3", "a2_1"]


def test_a_settled_prompt_that_is_told_again_stays_settled() -> None:
    assert waiting(heard(ask(1), reply(1, 1), ask(1))) == []


def test_an_answer_that_is_heard_of_before_its_prompt_settles_it_too() -> None:
    assert waiting(heard(reply(1, 1), reply(2, 1), ask(1))) == []


def test_prompts_that_never_come_are_not_remembered_for_ever() -> None:
    assert len(heard(*(reply(1, turn) for turn in range(1, 100))).early) == MAX_EARLY


def test_what_was_removed_does_not_wait() -> None:
    tail = heard(ask(1), reply(1, 1, done=False), ask(2))
    tail.forget("p2")
    tail.forget("a1_1")
    assert tail.unsettled() == ()


def test_a_page_is_heard_before_what_is_known() -> None:
    tail = heard(ask(4))
    page = tail.with_all([ask(1), reply(1, 1), ask(3)])
    assert waiting(page) == ["p3", "p4"]
    assert waiting(tail) == ["p4"]


def test_of_all_answers_without_an_end_only_the_newest_may_be_written() -> None:
    tail = heard(ask(1), reply(1, 1, done=False), ask(2), reply(1, 2, done=False))
    assert [tail.may_be_written(name) for name in ("a1_1", "a2_1")] == [False, True]
    tail.note(reply(1, 1, done=False))
    assert not tail.may_be_written("a1_1")


def test_what_a_turn_left_open_is_not_taken_up_by_the_next_one() -> None:
    tail = heard(ask(1), reply(1, 1, done=False))
    tail.turn_over()
    assert not tail.may_be_written("a1_1")
    assert not tail.with_all([ask(2)]).may_be_written("a1_1")
    tail.let_go()
    assert tail.unfinished() == []
    tail.note(reply(1, 2, done=False))
    tail.let_go()
    assert [message.id for message in tail.unfinished()] == ["a2_1"]
