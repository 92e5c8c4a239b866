from __future__ import annotations

import pytest

from agentd.demo.script import (
    Call,
    Conversation,
    Failure,
    Message,
    Role,
    Say,
    Scenario,
    Script,
    Think,
    Turn,
    choose,
    say,
    sequence,
    title_of,
)

TITLE_SYSTEM = "You are a title generator. You output ONLY a thread title."
SUMMARY_SYSTEM = "You are a helpful assistant tasked with summarizing conversations."


def conversation(*messages: tuple[Role, str], system: str = "You are opencode.", tools: bool = True) -> Conversation:
    known = tuple(Message(role=role, text=text) for role, text in messages)
    return Conversation(system, known, frozenset({"bash"} if tools else ()))


def said(turn: Turn) -> str:
    return "".join(step.say for step in turn.steps if isinstance(step, Say))


SCRIPT = Script(turns=(Turn(steps=(Think(think="Hm."), Call(call="bash", arguments={"command": "ls"}))), say("Done.")))
PROMPT = f"Please do this.\n{SCRIPT.directive()}\nThank you."


def test_a_script_in_the_prompt_is_played_turn_by_turn() -> None:
    assert choose(conversation(("user", PROMPT)), ()) == SCRIPT.turns[0]
    after_one = conversation(("user", PROMPT), ("assistant", ""), ("tool", "a.txt"))
    assert choose(after_one, ()) == SCRIPT.turns[1]
    after_all = conversation(("user", PROMPT), ("assistant", ""), ("tool", ""), ("assistant", "Done."))
    assert said(choose(after_all, ())) == "The script has ended."


def test_only_the_last_prompt_counts() -> None:
    later = conversation(("user", PROMPT), ("assistant", "x"), ("user", "Hello"))
    assert said(choose(later, (Scenario("any", (), sequence(say("Ahoy."))),))) == "Ahoy."


def test_a_script_may_carry_another_one_for_a_subagent() -> None:
    inner = Script(turns=(say("Inner."),))
    outer = Script(turns=(Turn(steps=(Call(call="task", arguments={"prompt": f"Go.\n{inner.directive()}"}),)),))
    turn = choose(conversation(("user", outer.directive())), ())
    [call] = turn.steps
    assert isinstance(call, Call)
    prompt = call.arguments["prompt"]
    assert isinstance(prompt, str)
    assert said(choose(conversation(("user", prompt)), ())) == "Inner."


def test_a_script_that_cannot_be_played_says_why() -> None:
    broken = '```halyard-script\n{"turns": [{"steps": [{"shout": "x"}]}]}\n```'
    assert "cannot be played" in said(choose(conversation(("user", broken)), ()))


@pytest.mark.parametrize(
    "step",
    [
        {"say": "x", "pace": 0.1, "chunk": 3},
        {"think": "x"},
        {"call": "bash", "arguments": {"command": "ls"}},
        {"pause": 1.5},
        {"hold": "gate"},
        {"stream_error": "overloaded"},
        {"drop": True},
        {"hang": True},
    ],
)
def test_every_kind_of_step_survives_the_way_through_a_prompt(step: dict[str, object]) -> None:
    script = Script.model_validate({"turns": [{"steps": [step], "failures": [{"status": 503}]}]})
    assert choose(conversation(("user", script.directive())), ()) == script.turns[0]
    assert script.turns[0].failures == (Failure(status=503),)


def test_a_title_is_made_of_the_first_words_without_the_script() -> None:
    asked = conversation(("user", "Generate a title for this conversation:\n"), ("user", PROMPT), system=TITLE_SYSTEM)
    assert said(choose(asked, ())) == "Please do this. Thank you."
    assert title_of(conversation(("user", SCRIPT.directive()))) == "Scripted session"


def test_a_summary_is_built_in_and_does_not_play_the_prompt_again() -> None:
    asked = conversation(("user", PROMPT), ("assistant", "Done."), ("user", PROMPT), system=SUMMARY_SYSTEM, tools=False)
    assert said(choose(asked, ())).startswith("## Summary")


def test_scenarios_are_found_by_whole_words_and_the_first_one_wins() -> None:
    scenarios = (
        Scenario("fix", ("fix", "repair"), sequence(say("Fixing."))),
        Scenario("any", (), sequence(say("Ahoy."))),
    )
    assert said(choose(conversation(("user", "Please FIX it.")), scenarios)) == "Fixing."
    assert said(choose(conversation(("user", "A prefix is no fixture.")), scenarios)) == "Ahoy."
    assert "Nothing in this script" in said(choose(conversation(("user", "Ahoy")), ()))


def test_a_sequence_repeats_its_last_turn() -> None:
    play = sequence(say("One."), say("Two."))
    later = conversation(("user", "x"), ("assistant", ""), ("assistant", ""), ("assistant", ""))
    assert said(play(later)) == "Two."


def test_the_working_directory_is_read_from_the_system_prompt() -> None:
    assert conversation(system="<env>\n  Working directory: /home/a b\n</env>").directory == "/home/a b"
    assert conversation().directory == "."
    assert conversation().prompt == ""
    assert conversation().turn_index == 0
