"""What the scripted model answers to people who try Halyard without a key. Data, and a few pure players.

The agent behind it is real: every command runs, every edit lands on disk, every permission is asked for. Only the
thinking is scripted.
"""

from pydantic import JsonValue

from agentd.demo.project import BUG, FIX
from agentd.demo.script import Call, Conversation, Failure, Pause, Say, Scenario, Script, Think, Turn, sequence

# Fast enough to read along, slow enough to see that it streams.
PACE = 0.025

WELCOME = """Hello! I am a **scripted demo model**: no intelligence, but everything around me is real.
The agent is a real OpenCode on your workstation, it runs real commands and edits real files, and it asks you first.

Try one of these:

| say | and see |
|---|---|
| *fix the greeter* | reads a file, asks to edit it, runs it |
| *run a command* | asks before anything runs |
| *ask me a question* | a question with choices |
| *make a plan* | a to-do list that fills up |
| *use a subagent* | a second agent at work |
| *write something long* | a long answer; press **stop** when you like |
| *show an error* | how a provider's failure looks |

```python
print("Code, emoji ⛵ and 日本語 are shown as they should be.")
```
"""

_LONG_PARAGRAPH = (
    "A halyard is the line by which one person on deck raises a sail at the top of the mast. "
    "You do not climb; you pull, and look up to see what it does. "
)
LONG = "# A long answer\n\n" + "\n\n".join(f"## Part {number}\n\n{_LONG_PARAGRAPH * 4}" for number in range(1, 31))


def _said(text: str, *calls: Call) -> Turn:
    return Turn(steps=(Say(say=text, pace=PACE), *calls))


def _refused(conversation: Conversation) -> Turn | None:
    """Returns the answer to a person who said no with a word; without one, the agent ends the turn by itself."""
    results = conversation.tool_results
    if not results or "rejected permission" not in results[-1].text:
        return None
    word = results[-1].text.partition("following feedback:")[2].strip()
    return _said(f"Understood, I leave it as it is. You said: *{word or 'no'}*\n\nTell me what to do instead.")


def _bash(command: str, description: str) -> Call:
    return Call(call="bash", arguments={"command": command, "description": description})


def fix(conversation: Conversation) -> Turn:
    """Reads the greeter, edits it, runs it; writes a note where there is no greeter."""
    refused = _refused(conversation)
    if refused is not None:
        return refused
    path = f"{conversation.directory}/greeter.py"
    seen = next((m.text for m in conversation.tool_results if m.tool_name == "read"), "")
    match conversation.turn_index:
        case 0:
            thought = Think(think="The person wants the greeter fixed. First I read it.", pace=PACE)
            return Turn(
                steps=(
                    thought,
                    Say(say="I look at `greeter.py` first.", pace=PACE),
                    Call(call="read", arguments={"filePath": path}),
                )
            )
        case 1 if "nmae" in seen:
            edit = Call(call="edit", arguments={"filePath": path, "oldString": BUG, "newString": FIX})
            return _said("There is a typo: `nmae` instead of `name`. I correct it.", edit)
        case 1:
            note: dict[str, JsonValue] = {
                "filePath": f"{conversation.directory}/halyard-demo.md",
                "content": "# Written by the demo\n\nNothing here needed fixing.\n",
            }
            return _said(
                "I find no bug to fix here, so I write you a note instead.", Call(call="write", arguments=note)
            )
        case 2 if "nmae" in seen:
            return _said("Now I run it.", _bash("python3 greeter.py", "Runs the greeter"))
        case _:
            return _said("Done. The file on your disk has changed; look at **Review** to see the difference.")


def command(conversation: Conversation) -> Turn:
    """Runs a harmless command and repeats what it printed."""
    refused = _refused(conversation)
    if refused is not None:
        return refused
    if conversation.turn_index == 0:
        return _said(
            "I look around.", _bash("pwd && ls -la && git log --oneline | head -5", "Looks around in the project")
        )
    printed = conversation.tool_results[-1].text if conversation.tool_results else ""
    return _said(f"That is what the command printed:\n\n```\n{printed.strip()[:2000]}\n```")


def question(conversation: Conversation) -> Turn:
    """Asks a question with choices and repeats the answer."""
    if conversation.turn_index > 0:
        answer = conversation.tool_results[-1].text if conversation.tool_results else ""
        return _said(f"Thank you. I was told:\n\n> {answer.strip()}")
    options: list[JsonValue] = [
        {"label": "Main sail", "description": "Big, and hard to miss"},
        {"label": "Jib", "description": "Small and quick"},
        {"label": "Spinnaker", "description": "Only with the wind behind you"},
    ]
    asked: JsonValue = {"question": "Which sail shall we raise?", "header": "Sail", "options": options}
    return _said("I need to know one thing first.", Call(call="question", arguments={"questions": [asked]}))


def _todos(*states: str) -> Call:
    texts = ("Untie the line", "Raise the sail", "Make it fast")
    todos: list[JsonValue] = [
        {"content": text, "status": state, "priority": "medium"} for text, state in zip(texts, states, strict=True)
    ]
    return Call(call="todowrite", arguments={"todos": todos})


PLAN = sequence(
    _said("I make a plan.", _todos("in_progress", "pending", "pending")),
    Turn(
        steps=(Pause(pause=0.8), Say(say="The line is free.", pace=PACE), _todos("completed", "in_progress", "pending"))
    ),
    Turn(
        steps=(Pause(pause=0.8), Say(say="The sail is up.", pace=PACE), _todos("completed", "completed", "in_progress"))
    ),
    Turn(steps=(Pause(pause=0.8), _todos("completed", "completed", "completed"))),
    _said("All three are done."),
)

_CHILD = Script(turns=(_said("I am the subagent. I looked, and everything is in order."),))
SUBAGENT = sequence(
    _said(
        "I hand this to a subagent.",
        Call(
            call="task",
            arguments={
                "description": "Look after the rigging",
                "prompt": f"Look around.\n{_CHILD.directive()}",
                "subagent_type": "general",
            },
        ),
    ),
    _said("The subagent came back and says that everything is in order."),
)

ERROR = sequence(
    Turn(
        failures=(
            Failure(
                status=429, message="The demo provider is busy. Trying again in a moment.", headers={"retry-after": "3"}
            ),
        ),
        steps=(Say(say="There I am again: the provider was busy, the agent waited and tried once more.", pace=PACE),),
    )
)

SCENARIOS = (
    Scenario("error", ("errors?", "fail", "failure"), ERROR),
    Scenario("question", ("questions?", "ask me"), question),
    Scenario("plan", ("plan", "todos?", "to-do", "list"), PLAN),
    Scenario("subagent", ("subagents?", "delegate", "second agent"), SUBAGENT),
    Scenario("long", ("long", "essay", "story"), sequence(Turn(steps=(Say(say=LONG, pace=PACE),)))),
    Scenario("fix", ("fix", "edit", "change", "repair", "bug"), fix),
    Scenario("command", ("run", "command", "test", "look around", "ls"), command),
    Scenario(
        "welcome",
        (),
        sequence(Turn(steps=(Think(think="A person says hello.", pace=PACE), Say(say=WELCOME, pace=PACE)))),
    ),
)
