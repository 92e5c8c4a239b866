"""Nothing that a person or an agent wrote can be read on the way."""

from pathlib import Path

from halyard_client.halyard.agent import v1
from tests.adversary.scene import Scene, opened


async def test_no_word_of_anybody_crosses_in_clear(tmp_path: Path) -> None:
    async with opened(tmp_path) as at:
        await _live_a_little(at)
        seen = b"\n".join(at.relay.crossed)
        assert len(seen) > 5_000
        assert [secret for secret in _secrets(at) if secret in seen] == []


async def _live_a_little(at: Scene) -> None:
    """Words of every kind, both ways."""
    message = f"{at.session}/messages/m1"
    at.agent.say(f"{message}/parts/p1", "The agent whispers swordfish to nobody.")
    at.agent.ask(f"{at.session}/permissions/p1", "cat /etc/hidden-command")
    await at.until(lambda: f"{at.session}/permissions/p1" in at.view.held)
    decision = at.decide(f"{at.session}/permissions/p1", v1.DecisionState.ALLOWED_ONCE)
    prompt = at.prompt("Tell nobody about the turnip.")
    await at.rename("A secret title")
    await at.over(decision)
    await at.over(prompt)
    await at.until(lambda: at.title() == "A secret title")


def _secrets(at: Scene) -> list[bytes]:
    words = [
        "swordfish", "hidden-command", "turnip", "A secret title", "first title", "A phone with a private name",
        "Prompt", "Decide", "sessions/s", "parts/p1", "permissions", at.daemon.projects.list()[0].path, "Scripted",
    ]  # fmt: skip
    keys = [at.daemon.identity.to_bytes(), at.phone.identity.to_bytes()]
    return [word.encode() for word in words] + [key[:32] for key in keys] + [key[32:] for key in keys]
