"""Nothing that a person or an agent wrote can be read on the way."""

from pathlib import Path

from agentd.config import Config
from agentd.daemon import running
from halyard.agent.v1 import agent_service_pb2 as pb
from halyard_client.halyard.agent import v1
from tests.adversary.scene import Scene, opened
from tests.fakes.pair_app import pair_app
from tests.fakes.relay_process import relay_process
from tests.fakes.scripted_agent import ScriptedAgent


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


async def test_no_word_of_anybody_is_on_the_disk_of_a_real_relay(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    project = tmp_path / "a-private-folder"
    project.mkdir()
    async with relay_process(tmp_path / "relay") as relay:
        config = Config(tmp_path / "state", display_name="desk", default_project=project, relay=relay.address)
        async with running(config, lambda _: [agent]) as daemon:
            await agent.started()
            app = await pair_app(daemon, relay, display_name="A phone with a private name")
            async with app.attached():
                await app.until(lambda: app.ring)
                session = agent.begin_session("s", daemon.projects.list()[0].name, "A secret title").name
                agent.say(f"{session}/messages/m/parts/p", "The agent whispers swordfish to nobody.")
                prompt = pb.PromptRequest(session=session, text="Tell nobody about the turnip.")
                await app.call("AgentService/Prompt", prompt, pb.PromptResponse)
                await app.until(lambda: f"{session}/messages/m/parts/p" in app.resources)
    disk = _everything_below(tmp_path, "relay*/**/*", "*.log")
    words = ["swordfish", "turnip", "A secret title", "private name", "a-private-folder", "sessions/s", "Prompt"]
    assert len(disk) > 10_000
    assert [word for word in words if word.encode() in disk] == []


def _everything_below(folder: Path, *patterns: str) -> bytes:
    found = [path for pattern in patterns for path in folder.glob(pattern) if path.is_file()]
    return b"".join(path.read_bytes() for path in found)
