from __future__ import annotations

from agentd.agents.opencode.accumulator import Accumulator
from agentd.agents.opencode.growing import Growing
from halyard.agent.v1 import session_pb2 as pb


def call(output: str, title: str = "Runs") -> pb.Part:
    running = pb.ToolCall(state=pb.TOOL_STATE_RUNNING, title=title, output=output, output_bytes=len(output))
    return pb.Part(name="p", state=pb.PART_STATE_OPEN, tool_call=running)


def test_a_longer_output_alone_is_no_other_record() -> None:
    growing = Growing(call("a"), Accumulator("a"))
    assert not growing.differs_beyond_output(call("ab"))
    assert growing.differs_beyond_output(call("a", title="Renamed"))
    assert growing.part.tool_call.output == "a"


def test_what_is_cut_off_keeps_what_had_arrived() -> None:
    text = Growing(pb.Part(name="p", text=pb.Text()), Accumulator("half"))
    thought = Growing(pb.Part(name="p", reasoning=pb.Reasoning()), Accumulator("hm"))
    assert (text.interrupted().text.text, text.interrupted().state) == ("half", pb.PART_STATE_INTERRUPTED)
    assert thought.interrupted().reasoning.text == "hm"
    cut = Growing(call("a"), Accumulator("a")).interrupted()
    assert (cut.tool_call.output, cut.tool_call.state) == ("a", pb.TOOL_STATE_INTERRUPTED)
    assert text.part.text.text == ""
