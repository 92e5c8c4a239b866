from __future__ import annotations

from pathlib import Path

from agentd.demo.provider import MODEL, apart, opencode_config


def test_the_scripted_model_is_the_only_one() -> None:
    config = opencode_config("http://127.0.0.1:1/v1")
    assert config["enabled_providers"] == ["demo"]
    assert config["model"] == config["small_model"] == MODEL == "demo/scripted"
    provider = config["provider"]
    assert isinstance(provider, dict)
    assert "http://127.0.0.1:1/v1" in str(provider["demo"])


def test_a_demo_keeps_its_history_to_itself() -> None:
    inherited = {"PATH": "/bin", "XDG_DATA_HOME": "/their/data", "XDG_CONFIG_HOME": "/their/config"}
    environment = apart(inherited, Path("/halyard/demo"))
    assert environment["XDG_DATA_HOME"].startswith("/halyard/demo/")
    assert environment["XDG_STATE_HOME"].startswith("/halyard/demo/")
    assert (environment["PATH"], environment["XDG_CONFIG_HOME"]) == ("/bin", "/their/config")
