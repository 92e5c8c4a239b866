from __future__ import annotations

import json
from pathlib import Path

from agentd.agents.opencode import launch


def test_everything_that_acts_is_asked_for_and_the_general_rule_comes_first() -> None:
    rules = launch.configuration({})["permission"]
    assert isinstance(rules, dict)
    assert next(iter(rules.items())) == ("*", "ask")
    assert {rules[name] for name in ("bash", "edit", "webfetch", "external_directory", "doom_loop")} == {"ask"}


def test_what_is_laid_over_cannot_widen_what_is_asked_for() -> None:
    made = launch.configuration({"permission": "allow", "share": "manual", "model": "demo/scripted"})
    assert made["permission"] == launch.ASK_FIRST
    assert made["model"] == "demo/scripted"
    assert made["autoupdate"] is False


def test_the_environment_is_the_persons_without_halyards() -> None:
    inherited = {
        "PATH": "/bin",
        "ANTHROPIC_API_KEY": "theirs",
        "HALYARD_TOKEN": "ours",
        "AGENTD_KEY": "ours",
        "OPENCODE_SERVER_USERNAME": "someone",
        "OPENCODE_PERMISSION": '{"bash":"allow"}',
        "OPENCODE_CONFIG_CONTENT": "{}",
    }
    made = launch.environment(inherited, password="p", mark="m", extra_config={"model": "a/b"})
    assert made == {
        "PATH": "/bin",
        "ANTHROPIC_API_KEY": "theirs",
        "OPENCODE_SERVER_PASSWORD": "p",
        "HALYARD_AGENT_MARK": "m",
        "OPENCODE_CONFIG_CONTENT": json.dumps(launch.configuration({"model": "a/b"})),
        "OPENCODE_DISABLE_AUTOUPDATE": "1",
    }


def test_the_server_listens_on_loopback_only() -> None:
    line = launch.arguments(Path("/bin/opencode"), 4096)
    assert line == ["/bin/opencode", "serve", "--hostname", "127.0.0.1", "--port", "4096"]
