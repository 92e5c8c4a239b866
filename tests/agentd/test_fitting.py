"""Every value fits into a record, whatever is in it."""

from hypothesis import given
from hypothesis import strategies as st

from agentd.fitting import CUT, fit
from halyard.agent.v1 import decision_pb2, resource_pb2, session_pb2

SMALL = 2_000
texts = st.text(max_size=3_000)


def part(**content: object) -> resource_pb2.Resource:
    name = "sessions/s/messages/m/parts/p"
    return resource_pb2.Resource(name=name, part=session_pb2.Part(name=name, **content))  # type: ignore[arg-type]


def test_what_fits_is_left_alone() -> None:
    value = part(text=session_pb2.Text(text="short"))
    assert fit(value) is value


@given(st.lists(texts, max_size=4), texts, texts, st.binary(max_size=3_000))
def test_whatever_is_too_long_is_cut_to_fit(patches: list[str], output: str, input_json: str, content: bytes) -> None:
    call = session_pb2.ToolCall(output=output, input_json=input_json)
    call.diffs.extend(session_pb2.FileDiff(path="a", patch=patch) for patch in patches)
    for value in (
        part(tool_call=call),
        part(text=session_pb2.Text(text=output)),
        part(reasoning=session_pb2.Reasoning(text=output)),
        part(file=session_pb2.FileRef(path="a", content=content)),
    ):
        assert fit(value, SMALL).ByteSize() <= SMALL


def test_patches_go_first_and_are_marked() -> None:
    long, short = session_pb2.FileDiff(path="a", patch="x" * 5_000), session_pb2.FileDiff(path="b", patch="y" * 50)
    asked = decision_pb2.Permission(name="sessions/s/permissions/p", command="make", diffs=[long, short])
    fitted = fit(resource_pb2.Resource(name=asked.name, permission=asked), SMALL).permission
    assert [diff.truncated for diff in fitted.diffs] == [True, False]
    assert fitted.command == "make"


def test_cut_text_says_so() -> None:
    assert fit(part(text=session_pb2.Text(text="ä" * 5_000)), SMALL).part.text.text.endswith(CUT)


@given(texts, texts, st.lists(texts, max_size=3))
def test_what_has_no_cut_of_its_own_is_cut_too(command: str, title: str, asked: list[str]) -> None:
    """A command that does not fit must not stop the log; that it is cut stands in what a person reads."""
    prompts = [decision_pb2.QuestionPrompt(text=text) for text in asked]
    for value in (
        resource_pb2.Resource(permission=decision_pb2.Permission(command=command, title=title, patterns=asked)),
        resource_pb2.Resource(question=decision_pb2.Question(prompts=prompts)),
        part(tool_call=session_pb2.ToolCall(command=command, error=title)),
    ):
        assert fit(value, 3_600).ByteSize() <= 3_600


def test_a_command_that_was_cut_says_so_and_names_are_left_alone() -> None:
    asked = decision_pb2.Permission(name="sessions/s/permissions/p", command="y" * 5_000, patterns=["y" * 5_000])
    fitted = fit(resource_pb2.Resource(name=asked.name, permission=asked), SMALL).permission
    assert fitted.command.endswith(CUT)
    assert fitted.patterns[0].endswith(CUT)
    assert fitted.name == asked.name
