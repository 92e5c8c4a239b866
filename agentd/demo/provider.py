"""How an agent is told about the scripted model: the provider block of OpenCode's configuration. Pure."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

PROVIDER_ID = "demo"
MODEL_ID = "scripted"
# As agents name it: provider and model.
MODEL = f"{PROVIDER_ID}/{MODEL_ID}"


def opencode_config(base_url: str) -> dict[str, JsonValue]:
    """Returns the part of OpenCode's configuration that makes the scripted model the only one."""
    model: dict[str, JsonValue] = {
        "name": "Scripted demo (no intelligence)",
        "tool_call": True,
        "reasoning": True,
        "limit": {"context": 200_000, "output": 8_192},
    }
    return {
        "provider": {
            PROVIDER_ID: {
                "npm": "@ai-sdk/openai-compatible",
                "name": "Halyard demo",
                "options": {"baseURL": base_url, "apiKey": "none"},
                "models": {MODEL_ID: model},
            }
        },
        "model": MODEL,
        "small_model": MODEL,
        "enabled_providers": [PROVIDER_ID],
    }


def apart(inherited: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Returns an environment in which OpenCode keeps its history in `folder`.

    What the scripted model says has no business among a person's own sessions, nor those in a demo.
    """
    return {**inherited, "XDG_DATA_HOME": str(folder / "data"), "XDG_STATE_HOME": str(folder / "state")}
