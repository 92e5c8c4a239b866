from __future__ import annotations

from agentd.agents.opencode import listing, schema
from agentd.agents.opencode.event_schema import Change, MessageChanged, PartChanged
from agentd.agents.opencode.place import Place
from agentd.agents.opencode.room import Room
from agentd.agents.opencode.tail import Tail
from halyard.agent.v1 import session_pb2 as pb
from tests.agentd.agents.opencode import shapes


def listed(*changes: Change) -> list[schema.MessageWithParts]:
    found: list[schema.MessageWithParts] = []
    for change in changes:
        if isinstance(change, MessageChanged):
            found.append(schema.MessageWithParts(info=change.info, parts=[]))
        elif isinstance(change, PartChanged):
            found[-1].parts.append(change.part)
    return found


def test_a_page_of_messages_with_parts_in_their_order() -> None:
    room = Room(Place("ses_1", "/p"), shapes.session().info)
    entries = listed(
        shapes.prompt("m1", 1),
        shapes.part("p0", "m1", "text", text="Ahoy"),
        shapes.answer("m2", "m1", 2, done=3),
        shapes.part("p1", "m2", "step-start"),
        shapes.ended("p2", "Aye."),
    )
    page = listing.page(room, entries, "older")
    assert page.next_page_token == "older"
    assert [m.message.state for m in page.messages] == [pb.MESSAGE_STATE_COMPLETE] * 2
    assert [[p.text.text for p in m.parts] for m in page.messages] == [["Ahoy"], ["Aye."]]
    assert room.tail == Tail()
