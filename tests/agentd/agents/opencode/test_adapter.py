"""The adapter against the real OpenCode: what a person asks for happens, and is told."""

from __future__ import annotations

import pytest

from agentd.demo.script import Say, Think
from tests.fakes.opencode import Rig, turn

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_streamed_answer_is_told_as_deltas_and_then_whole(shared: Rig) -> None:
    session = await shared.session()
    words = "Über den Wolken ⛵ " * 10
    await shared.ask(session, turn(Think(think="Hm, let me think."), Say(say=words)))

    [_, answer] = shared.journal.messages(session)
    [reasoning, text] = shared.journal.parts(answer.name)
    assert reasoning.reasoning.text == "Hm, let me think."
    assert text.text.text == words
    assert "".join(d.text for d in shared.journal.deltas() if d.part == text.name) == words
    assert shared.journal.stale_deltas == 0
