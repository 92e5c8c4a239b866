"""A part whose text or output still arrives: the record as OpenCode last told it, and what arrived since. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from agentd.agents.opencode import translate
from agentd.agents.opencode.accumulator import Accumulator
from halyard.agent.v1 import session_pb2 as pb


@dataclass
class Growing:
    """`part` is without the text that arrived by deltas; `arrived` holds it."""

    part: pb.Part
    arrived: Accumulator

    @property
    def is_call(self) -> bool:
        """Returns whether it is a tool call, whose output OpenCode repeats whole, rather than text."""
        return bool(self.part.WhichOneof("content") == "tool_call")

    def differs_beyond_output(self, other: pb.Part) -> bool:
        """Returns whether another record of the same call says more than that its output has grown."""
        return _without_output(self.part) != _without_output(other)

    def interrupted(self) -> pb.Part:
        """Returns the part as it is when nothing more will come."""
        if not self.is_call:
            return translate.with_text(self.part, self.arrived.text, pb.PART_STATE_INTERRUPTED)
        part = pb.Part()
        part.CopyFrom(self.part)
        part.state = pb.PART_STATE_INTERRUPTED
        part.tool_call.state = pb.TOOL_STATE_INTERRUPTED
        return part


def _without_output(part: pb.Part) -> bytes:
    copy = pb.Part()
    copy.CopyFrom(part)
    copy.tool_call.ClearField("output")
    copy.tool_call.ClearField("output_bytes")
    return copy.SerializeToString(deterministic=True)
