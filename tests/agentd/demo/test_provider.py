from __future__ import annotations

from agentd.demo.provider import MODEL, opencode_config


def test_the_scripted_model_is_the_only_one() -> None:
    config = opencode_config("http://127.0.0.1:1/v1")
    assert config["enabled_providers"] == ["demo"]
    assert config["model"] == config["small_model"] == MODEL == "demo/scripted"
    provider = config["provider"]
    assert isinstance(provider, dict)
    assert "http://127.0.0.1:1/v1" in str(provider["demo"])
