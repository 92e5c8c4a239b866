"""A prompt's words: its token, and a script that makes the scripted model do the prompt's work. Pure."""

import re

from agentd.demo.script import AnyStep, Call, Say, Script, Think, Turn
from tests.chaos.plan import Work

EFFECTS = "effects.txt"
"""In the project: every command that was let run has written its token here."""
_TOKEN = re.compile(r"\b(t\d+x\d+)b?\b")
_PACE = 0.03
_COLOURS = ("Red", "Blue")
_LEFT_SECONDS = 90
"""Longer than a round, so that what is not ended with its command is seen; not so long that it stays for good."""


def token_in(text: str) -> str:
    """The first token in a text; empty for none."""
    found = _TOKEN.search(text)
    return found[1] if found else ""


def first_words(token: str) -> str:
    """With what the prompt of this token begins."""
    return f"Order {token}."


def prompt(token: str, work: Work) -> str:
    """The whole prompt."""
    return f"{first_words(token)}\n{Script(turns=_turns(token, work)).directive()}"


def _turns(token: str, work: Work) -> tuple[Turn, ...]:
    last = _said(f"Done with {token}: é 中文 🙂, and that is all there is to say about it.")
    return (*_work(token, work), last) if work is not Work.SAY else (_much(token),)


def _much(token: str) -> Turn:
    thought = Think(think=f"About {token} I think for a while. " * 4, pace=_PACE)
    return Turn(steps=(thought, *_said(f"Of {token} there is much to say. " * 8).steps))


def _work(token: str, work: Work) -> tuple[Turn, ...]:
    slowly = f"{_append(token)}; for n in 1 2 3 4 5 6; do echo line $n of {token}; sleep 0.2; done"
    changed = {"filePath": f"{token}.txt", "oldString": f"{token}\n", "newString": f"{token}\nand more\n"}
    written = Call(call="write", arguments={"filePath": f"{token}.txt", "content": f"{token}\n"})
    return {
        Work.RUN: (_said(f"I run it for {token}.", _bash(_append(token))),),
        Work.RUN_TWICE: (_said("Once.", _bash(_append(token))), _said("Twice.", _bash(_append(f"{token}b")))),
        Work.RUN_SLOWLY: (_said(f"It takes its time, {token}.", _bash(slowly)),),
        Work.LEAVE_RUNNING: (_said(f"I leave {token} running.", _bash(f"{_append(token)}; {_left_running()}")),),
        Work.WRITE: (_said(f"I write {token}.", written),),
        Work.EDIT: (_said("", written), _said(f"I edit {token}.", Call(call="edit", arguments={**changed}))),
        Work.ASK: (_said(f"I have to ask about {token}.", _question(token)),),
        Work.PLAN: (_said(f"I plan {token}.", _todos(token, "in_progress")), _said("", _todos(token, "completed"))),
    }[work]


def _said(text: str, *steps: AnyStep) -> Turn:
    return Turn(steps=((Say(say=text, pace=_PACE),) if text else ()) + steps)


def _append(token: str) -> str:
    return f"echo {token} >> {EFFECTS}"


def _bash(command: str) -> Call:
    return Call(call="bash", arguments={"command": command, "description": "Notes that it ran"})


def _left_running() -> str:
    """One program that leaves its command's group, one that also hides its surroundings, and one that is elsewhere."""
    stays = f"setsid sleep {_LEFT_SECONDS} >/dev/null 2>&1 &"
    elsewhere = f'env -i -C / setsid sh -c "sleep {_LEFT_SECONDS}; :" "$PWD" >/dev/null 2>&1 &'
    return f"({stays}); (env -i {stays}); ({elsewhere})"


def colour_for(token: str) -> str:
    """What a person answers who is asked about this token: not always the same."""
    return _COLOURS[int(token.rpartition("x")[2]) % len(_COLOURS)]


def _question(token: str) -> Call:
    options = [{"label": label, "description": "a colour"} for label in _COLOURS]
    asked = {"question": f"Which colour for {token}?", "header": "Colour", "options": options}
    return Call.model_validate({"call": "question", "arguments": {"questions": [asked]}})


def _todos(token: str, state: str) -> Call:
    todos = [{"content": f"See to {token}", "status": state, "priority": "medium"}]
    return Call.model_validate({"call": "todowrite", "arguments": {"todos": todos}})
