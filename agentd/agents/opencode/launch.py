"""How `opencode serve` is started: arguments, environment, configuration. Pure.

Ask first: OpenCode allows nearly everything by default, so everything that acts is set to "ask" here, tools of
plugins and MCP servers included. Reading inside the project, the agent's own list, its questions and its subagents
(whose acts are asked for one by one) are not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

# Rules are tried in order and the last that matches wins; so the general one comes first.
ASK_FIRST: dict[str, JsonValue] = {
    "*": "ask",
    "read": {"*": "allow", "*.env": "ask", "*.env.*": "ask", "*.env.example": "allow"},
    "glob": "allow",
    "grep": "allow",
    "list": "allow",
    "lsp": "allow",
    "skill": "allow",
    "todowrite": "allow",
    "todoread": "allow",
    "question": "allow",
    "task": "allow",
    "bash": "ask",
    "edit": "ask",
    "webfetch": "ask",
    "websearch": "ask",
    "external_directory": "ask",
    "doom_loop": "ask",
    "plan_enter": "deny",
    "plan_exit": "deny",
}
ACCESS_VARIABLE = "OPENCODE_SERVER_PASSWORD"
# Inherited by everything the server starts; see `process.reap`.
MARK_VARIABLE = "HALYARD_AGENT_MARK"
# Halyard's own variables and what would make the server another one than we think.
_WITHHELD_PREFIXES = ("HALYARD_", "AGENTD_", "RELAY_", "OPENCODE_SERVER_", "OPENCODE_PERMISSION", "OPENCODE_CLIENT")


def configuration(extra: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Returns the configuration that is laid over the person's own files."""
    return {"autoupdate": False, "share": "disabled", **extra, "permission": ASK_FIRST}


def environment(
    inherited: Mapping[str, str], *, password: str, mark: str, extra_config: Mapping[str, JsonValue]
) -> dict[str, str]:
    """Returns the environment of the server: the person's own (providers' keys live there) without Halyard's."""
    kept = {name: value for name, value in inherited.items() if not name.startswith(_WITHHELD_PREFIXES)}
    return {
        **kept,
        ACCESS_VARIABLE: password,
        MARK_VARIABLE: mark,
        "OPENCODE_CONFIG_CONTENT": json.dumps(configuration(extra_config)),
        "OPENCODE_DISABLE_AUTOUPDATE": "1",
    }


def arguments(binary: Path, port: int) -> list[str]:
    """Returns the command line of a server on loopback."""
    return [str(binary), "serve", "--hostname", "127.0.0.1", "--port", str(port)]


def attach_arguments(binary: Path, url: str, folder: Path) -> list[str]:
    """Returns the command line of OpenCode's own terminal interface on the managed server."""
    return [str(binary), "attach", url, "--dir", str(folder)]
