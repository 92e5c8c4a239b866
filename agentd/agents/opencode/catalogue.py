"""Models, modes and commands that OpenCode offers → halyard.agent.v1. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from agentd.agents.opencode import catalogue_schema as schema
from agentd.agents.opencode.place import count
from halyard.agent.v1 import workstation_pb2 as pb

CAPABILITIES = ("revert", "fork", "compact", "questions")
_FIRST_MODE = "build"


def default_model(providers: schema.Providers, config: schema.Config) -> str:
    """Returns the model used when none is chosen: the configured one, else the first provider's own choice; may be
    empty.
    """
    if config.model:
        return config.model
    return next((f"{p.id}/{providers.default[p.id]}" for p in providers.providers if p.id in providers.default), "")


def models(providers: schema.Providers, first: str) -> list[pb.Model]:
    """Returns all models, the default first."""
    found = [
        pb.Model(
            id=f"{provider.id}/{model.id}",
            display_name=model.name or model.id,
            provider=provider.name or provider.id,
            context_tokens=count(model.limit.context),
        )
        for provider in providers.providers
        for model in provider.models.values()
    ]
    return sorted(found, key=lambda model: (model.id != first, model.provider, model.display_name))


# Where these packages of the AI SDK ask when nothing else is configured, by their own documentation.
_PACKAGE_ADDRESSES = {
    "@ai-sdk/anthropic": "https://api.anthropic.com",
    "@ai-sdk/google": "https://generativelanguage.googleapis.com",
    "@ai-sdk/openai": "https://api.openai.com",
}


def provider_address(providers: schema.Providers, model: str) -> str:
    """Returns where `model` ("provider/id") is asked: scheme, host and port, nothing that could be secret; empty when
    OpenCode does not tell.
    """
    provider_id, _, model_id = model.partition("/")
    provider = next((p for p in providers.providers if p.id == provider_id), None)
    info = provider.models.get(model_id) if provider else None
    if provider is None or info is None:
        return ""
    try:
        told = urlsplit(provider.options.base_url or info.api.url or _PACKAGE_ADDRESSES.get(info.api.npm, ""))
    except ValueError:
        return ""
    return f"{told.scheme}://{told.netloc.rpartition('@')[2]}" if told.hostname else ""


def modes(agents: Sequence[schema.AgentInfo], first: str) -> list[pb.Mode]:
    """Returns what a person may choose, the default first: neither subagents nor hidden helpers."""
    found = [
        pb.Mode(id=agent.name, display_name=agent.name.capitalize(), description=agent.description)
        for agent in agents
        if agent.mode in ("primary", "all") and not agent.hidden
    ]
    return sorted(found, key=lambda mode: (mode.id != first, mode.id))


def commands(theirs: Sequence[schema.CommandInfo]) -> list[pb.Command]:
    """Returns the slash commands in order of name."""
    return [pb.Command(id=c.name, description=c.description) for c in sorted(theirs, key=lambda c: c.name)]


def fill(
    agent: pb.Agent,
    providers: schema.Providers,
    config: schema.Config,
    agents: Sequence[schema.AgentInfo],
    slash_commands: Sequence[schema.CommandInfo],
) -> None:
    """Puts everything that can be chosen into the agent's description."""
    agent.default_model = default_model(providers, config)
    agent.default_mode = config.default_agent or _FIRST_MODE
    del agent.models[:], agent.modes[:], agent.commands[:], agent.capabilities[:]
    agent.models.extend(models(providers, agent.default_model))
    agent.modes.extend(modes(agents, agent.default_mode))
    agent.commands.extend(commands(slash_commands))
    agent.capabilities.extend(CAPABILITIES)
