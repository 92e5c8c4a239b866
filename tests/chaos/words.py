"""A prompt's words: its token, and a script that makes the scripted model do the prompt's work. Pure."""

import re

from agentd.demo.script import AnyStep, Call, Say, Script, Think, Turn
from tests.chaos.plan import Work

EFFECTS = "effects.txt"
"""In the project: every command that was let run has written its token here."""
_TOKEN = re.compile(r"\b(t\d+x\d+)b?\b")
_PACE = 0.03


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
    match work:
        case Work.SAY:
            thought = Think(think=f"About {token} I think for a while. " * 4, pace=_PACE)
            return (Turn(steps=(thought, *_said(f"Of {token} there is much to say. " * 8).steps)),)
        case Work.RUN:
            return _said(f"I run it for {token}.", _bash(_append(token))), last
        case Work.RUN_TWICE:
            return _said("Once.", _bash(_append(token))), _said("Twice.", _bash(_append(f"{token}b"))), last
        case Work.RUN_SLOWLY:
            slowly = f"{_append(token)}; for n in 1 2 3 4 5 6; do echo line $n of {token}; sleep 0.2; done"
            return _said(f"It takes its time, {token}.", _bash(slowly)), last
        case Work.WRITE:
            written = Call(call="write", arguments={"filePath": f"{token}.txt", "content": f"{token}\n"})
            return _said(f"I write {token}.", written), last
        case Work.ASK:
            return _said(f"I have to ask about {token}.", _question(token)), last
        case Work.PLAN:
            return _said(f"I plan {token}.", _todos(token, "in_progress")), _said("", _todos(token, "completed")), last


def _said(text: str, *steps: AnyStep) -> Turn:
    return Turn(steps=((Say(say=text, pace=_PACE),) if text else ()) + steps)


def _append(token: str) -> str:
    return f"echo {token} >> {EFFECTS}"


def _bash(command: str) -> Call:
    return Call(call="bash", arguments={"command": command, "description": "Notes that it ran"})


def _question(token: str) -> Call:
    options = [{"label": "Red", "description": "warm"}, {"label": "Blue", "description": "cold"}]
    asked = {"question": f"Which colour for {token}?", "header": "Colour", "options": options}
    return Call.model_validate({"call": "question", "arguments": {"questions": [asked]}})


def _todos(token: str, state: str) -> Call:
    todos = [{"content": f"See to {token}", "status": state, "priority": "medium"}]
    return Call.model_validate({"call": "todowrite", "arguments": {"todos": todos}})
