"""Made-up work of a made-up agent: enough of everything that the contract can say to fill every screen."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from halyard_client.halyard.agent import v1

MODELS = [
    v1.Model(id="harbour/large", display_name="Harbour Large", provider="Harbour", context_tokens=200_000),
    v1.Model(id="harbour/small", display_name="Harbour Small", provider="Harbour", context_tokens=64_000),
]
MODES = [
    v1.Mode(id="build", display_name="Build", description="Works and changes files."),
    v1.Mode(id="plan", display_name="Plan", description="Thinks and changes nothing."),
]
PATCH = """@@ -1,7 +1,9 @@
 from flask import Flask
_
-app = Flask(__name__)
+
+def create_app() -> Flask:
+    app = Flask(__name__)
_
-@app.get("/")
-def home():
-    return "hello"
+    @app.get("/")
+    def home() -> str:
+        return "hello"
+
+    return app
""".replace("\n_\n", "\n \n")
ANSWER = """The tests fail because `home()` is registered on a module-level app, and the fixture makes a second one.

1. Move the routes into a factory.
2. Let the fixture call it.

```python
def create_app() -> Flask:
    app = Flask(__name__)
    return app
```

| file | change |
|---|---|
| `app.py` | factory → routes inside |
| `conftest.py` | fixture calls it |

这样更清楚 ✅ — shall I go on?"""


def resource(name: str, at: datetime, **value: object) -> v1.Resource:
    return v1.Resource(name=name, update_time=at, **value)  # type: ignore[arg-type]


@dataclass
class Scene:
    """A workstation's log at a moment."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    demo: bool = False
    device_id: str = ""
    display_name: str = "bench"

    def ago(self, minutes: float) -> datetime:
        return self.at - timedelta(minutes=minutes)

    def everything(self) -> list[v1.Resource]:
        return [*self.about(), *self.sessions(), *self.conversation(), *self.waiting()]

    def about(self) -> Iterator[v1.Resource]:
        agent = v1.Agent(
            id="opencode",
            display_name="OpenCode",
            version="1.18.33",
            state=v1.AgentState.READY,
            models=MODELS,
            modes=MODES,
            default_model="harbour/large",
            default_mode="build",
            capabilities=["questions", "revert"],
        )
        workstation = v1.Workstation(
            name="workstation",
            display_name=self.display_name,
            device_id=self.device_id,
            platform="linux",
            version="0.1.0",
            agents=[agent],
            start_time=self.ago(600),
            demo_model=self.demo,
        )
        yield resource("workstation", self.at, workstation=workstation)
        for name, branch, minutes in (("webshop", "main", 3), ("tide-tables", "feat/cache", 90)):
            project = v1.Project(
                name=f"projects/{name}",
                display_name=name,
                path=f"/srv/code/{name}",
                branch=branch,
                git=True,
                last_active_time=self.ago(minutes),
            )
            yield resource(project.name, self.at, project=project)

    def session(self, name: str, title: str, state: v1.SessionState, minutes: float, **more: object) -> v1.Resource:
        session = v1.Session(
            name=f"sessions/{name}",
            project="projects/webshop",
            title=title,
            agent="opencode",
            model="harbour/large",
            mode="build",
            state=state,
            create_time=self.ago(minutes + 20),
            update_time=self.ago(minutes),
            usage=v1.Usage(input_tokens=18_400, output_tokens=2_310, cache_read_tokens=9_000, cost_micro_usd=84_200),
            **more,  # type: ignore[arg-type]
        )
        return resource(session.name, self.at, session=session)

    def sessions(self) -> Iterator[v1.Resource]:
        state = v1.SessionState
        changes = v1.ChangeCount(files=2, additions=34, deletions=12)
        yield self.session("s1", "Fix the failing checkout tests", state.WORKING, 1, changes=changes)
        yield self.session(
            "s2",
            "Cache tide tables for a day",
            state.IDLE,
            14,
            changes=v1.ChangeCount(files=5, additions=210, deletions=48),
        )
        yield self.session(
            "s3", "Upgrade to Python 3.13", state.FAILED, 40, state_detail="The provider refused: insufficient credit."
        )
        yield self.session("s4", "Explain the payment flow", state.IDLE, 260)
        yield self.session("s5", "Write release notes", state.IDLE, 1600, changes=v1.ChangeCount(files=1, additions=40))

    def message(self, number: int, role: v1.Role, minutes: float, **more: object) -> v1.Resource:
        message = v1.Message(
            name=f"sessions/s1/messages/m{number}",
            role=role,
            state=more.pop("state", v1.MessageState.COMPLETE),  # type: ignore[arg-type]
            create_time=self.ago(minutes),
            **more,  # type: ignore[arg-type]
        )
        return resource(message.name, self.at, message=message)

    def part(
        self, message: int, index: int, state: v1.PartState = v1.PartState.COMPLETE, **content: object
    ) -> v1.Resource:
        part = v1.Part(
            name=f"sessions/s1/messages/m{message}/parts/p{index}",
            index=index,
            state=state,
            create_time=self.ago(5),
            **content,  # type: ignore[arg-type]
        )
        return resource(part.name, self.at, part=part)

    def conversation(self) -> Iterator[v1.Resource]:
        yield self.message(1, v1.Role.PERSON, 9)
        yield self.part(1, 0, text=v1.Text(text="The checkout tests fail since yesterday. Find out why and fix it."))
        yield self.message(2, v1.Role.AGENT, 8, answers="sessions/s1/messages/m1", model="harbour/large")
        yield self.part(
            2,
            0,
            reasoning=v1.Reasoning(
                text="The traceback points at the fixture. Two apps are made; look at conftest.py first."
            ),
        )
        yield self.part(
            2,
            1,
            tool_call=v1.ToolCall(
                tool="bash",
                kind=v1.ToolKind.EXECUTE,
                state=v1.ToolState.FAILED,
                title="Run the tests",
                command="pytest -q tests/checkout",
                output="FF.\n2 failed, 1 passed in 0.41s\n",
                error="exit code 1",
            ),
        )
        yield self.part(
            2,
            2,
            tool_call=v1.ToolCall(
                tool="read",
                kind=v1.ToolKind.READ,
                state=v1.ToolState.COMPLETE,
                path="tests/conftest.py",
                title="Read conftest.py",
            ),
        )
        yield self.part(2, 3, text=v1.Text(text=ANSWER))
        yield self.message(3, v1.Role.PERSON, 4)
        yield self.part(3, 0, text=v1.Text(text="Yes, go on. Keep the old import working."))
        yield self.message(4, v1.Role.AGENT, 3, state=v1.MessageState.WRITING, answers="sessions/s1/messages/m3")
        yield self.part(4, 0, text=v1.Text(text="I move the routes into a factory."))
        yield self.part(
            4,
            1,
            tool_call=v1.ToolCall(
                tool="edit",
                kind=v1.ToolKind.EDIT,
                state=v1.ToolState.PENDING,
                title="Edit app.py",
                path="app.py",
            ),
        )
        todo, state = v1.Todo, v1.TodoState
        yield resource(
            "sessions/s1/todos",
            self.at,
            todo_list=v1.TodoList(
                name="sessions/s1/todos",
                todos=[
                    todo(text="Reproduce the failure", state=state.DONE),
                    todo(text="Move routes into a factory", state=state.ACTIVE),
                    todo(text="Run the tests again", state=state.PENDING),
                ],
            ),
        )

    def notes(self, first: int, count: int, minutes: float) -> Iterator[v1.Resource]:
        """So many turns in the session s5, milliseconds after one another, beginning so many minutes ago."""
        for number in range(first, first + count):
            began = minutes - (number - first) * 0.00004
            for role, offset, text in (
                (v1.Role.PERSON, 0.0, f"Write the notes for release {number}."),
                (
                    v1.Role.AGENT,
                    0.00002,
                    f"## Release {number}\n\n- Faster start\n- Fewer surprises\n- A doctor for the way",
                ),
            ):
                name = f"sessions/s5/messages/n{number:02}{'a' if role is v1.Role.AGENT else ''}"
                message = v1.Message(
                    name=name,
                    role=role,
                    state=v1.MessageState.COMPLETE,
                    create_time=self.ago(began - offset),
                    complete_time=self.ago(began - offset),
                    answers=name.removesuffix("a") if role is v1.Role.AGENT else "",
                    usage=v1.Usage(cost_micro_usd=31_000) if role is v1.Role.AGENT else None,
                )
                yield resource(name, self.at, message=message)
                part = v1.Part(name=f"{name}/parts/p0", state=v1.PartState.COMPLETE, text=v1.Text(text=text))
                yield resource(part.name, self.at, part=part)
            change = v1.FileDiff(path=f"docs/release-{number}.md", additions=12, change=v1.FileChange.ADDED)
            changes = v1.Part(
                name=f"sessions/s5/messages/n{number:02}a/parts/p1", index=1, changes=v1.ChangeSet(diffs=[change])
            )
            yield resource(changes.name, self.at, part=changes)

    def settled(self) -> Iterator[v1.Resource]:
        """Two decisions of the session s5, made a moment ago by somebody else."""
        state = v1.DecisionState
        for name, outcome, command in (
            ("d1", state.ALLOWED_ALWAYS, "npm test"),
            ("d2", state.DENIED, "git push --force"),
        ):
            permission = v1.Permission(
                name=f"sessions/s5/permissions/{name}",
                state=outcome,
                command=command,
                always_rules=["bash: npm test*"] if outcome is state.ALLOWED_ALWAYS else [],
                decision=v1.Decision(decided_by="Mira's phone", decide_time=self.ago(-0.00001), applied=True),
            )
            yield resource(permission.name, self.at, permission=permission)

    def interrupted(self) -> Iterator[v1.Resource]:
        """The session s4, cut off in the middle of an answer."""
        why = "OpenCode stopped in the middle of this turn. Send the prompt again to go on."
        yield self.session("s4", "Explain the payment flow", v1.SessionState.INTERRUPTED, 4, state_detail=why)
        said = v1.Message(name="sessions/s4/messages/m1", role=v1.Role.PERSON, create_time=self.ago(5))
        yield resource(said.name, self.at, message=said)
        words = v1.Part(name=f"{said.name}/parts/p0", text=v1.Text(text="How does a payment go through, step by step?"))
        yield resource(words.name, self.at, part=words)
        cut = v1.Message(
            name="sessions/s4/messages/m2",
            role=v1.Role.AGENT,
            state=v1.MessageState.INTERRUPTED,
            create_time=self.ago(4),
            answers=said.name,
        )
        yield resource(cut.name, self.at, message=cut)
        rest = v1.Part(
            name=f"{cut.name}/parts/p0",
            state=v1.PartState.INTERRUPTED,
            text=v1.Text(text="1. The shop asks for a token.\n2. The card is charged when the"),
        )
        yield resource(rest.name, self.at, part=rest)

    def waiting(self) -> Iterator[v1.Resource]:
        yield self.edit_permission()
        yield self.command_permission()
        yield self.question()

    def edit_permission(self, state: v1.DecisionState = v1.DecisionState.PENDING) -> v1.Resource:
        permission = v1.Permission(
            name="sessions/s1/permissions/e1",
            state=state,
            kind=v1.ToolKind.EDIT,
            action="edit",
            title="Edit app.py",
            diffs=[v1.FileDiff(path="app.py", patch=PATCH, additions=8, deletions=4, change=v1.FileChange.MODIFIED)],
            patterns=["app.py"],
            always_rules=["edit: app.py"],
            always_scope="until OpenCode restarts",
            reason="every change is asked for by default",
            risk=v1.Risk.MEDIUM,
            part="sessions/s1/messages/m4/parts/p1",
            create_time=self.ago(2),
            expire_time=self.at + timedelta(hours=12),
        )
        return resource(permission.name, self.at, permission=permission)

    def command_permission(self) -> v1.Resource:
        permission = v1.Permission(
            name="sessions/s2/permissions/c1",
            state=v1.DecisionState.PENDING,
            kind=v1.ToolKind.EXECUTE,
            action="bash",
            title="Remove the old cache",
            command="rm -rf build/cache && git clean -fdx tables/",
            patterns=["rm -rf build/cache", "git clean -fdx tables/"],
            reason="it deletes files",
            risk=v1.Risk.HIGH,
            create_time=self.ago(1),
            expire_time=self.at + timedelta(hours=12),
        )
        return resource(permission.name, self.at, permission=permission)

    def question(self) -> v1.Resource:
        option = v1.QuestionOption
        prompt = v1.QuestionPrompt(
            header="Storage",
            text="Where should the cache live?",
            options=[
                option(label="SQLite file", description="One file beside the app; nothing to install."),
                option(label="Redis", description="Shared between workers; needs a server."),
            ],
            free_text=True,
        )
        question = v1.Question(
            name="sessions/s2/questions/q1",
            state=v1.DecisionState.PENDING,
            prompts=[prompt],
            create_time=self.ago(0.5),
            expire_time=self.at + timedelta(hours=12),
        )
        return resource(question.name, self.at, question=question)
