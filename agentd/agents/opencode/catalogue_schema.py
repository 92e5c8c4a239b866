"""OpenCode's own types for what can be chosen, and for the server itself."""

from __future__ import annotations

from pydantic import ConfigDict, Field, TypeAdapter

from agentd.agents.opencode.schema import Theirs


class ModelLimit(Theirs):
    """Sizes of a model."""

    context: float = 0


class ModelAddress(Theirs):
    """How a model is asked."""

    url: str = ""
    npm: str = ""


class ModelInfo(Theirs):
    """A model of a provider."""

    id: str
    name: str = ""
    api: ModelAddress = Field(default_factory=ModelAddress)
    limit: ModelLimit = Field(default_factory=ModelLimit)


class ProviderOptions(Theirs):
    """Of what a person configured only the address: the rest may be secret, and is not even kept."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    base_url: str = Field(default="", alias="baseURL")


class Provider(Theirs):
    """A provider that is configured."""

    id: str
    name: str = ""
    options: ProviderOptions = Field(default_factory=ProviderOptions)
    models: dict[str, ModelInfo] = Field(default_factory=dict)


class Providers(Theirs):
    """All providers; `default` names a model for each."""

    providers: list[Provider]
    default: dict[str, str] = Field(default_factory=dict)


class AgentInfo(Theirs):
    """What we call a mode. Subagents and hidden ones are not for people."""

    name: str
    description: str = ""
    mode: str = "primary"
    hidden: bool = False


class CommandInfo(Theirs):
    """A slash command."""

    name: str
    description: str = ""


class Config(Theirs):
    """The resolved configuration, as far as defaults go."""

    model: str = ""
    default_agent: str = ""


class Health(Theirs):
    """The answer of a server that works."""

    healthy: bool
    version: str


class Vcs(Theirs):
    """State of the working tree's repository."""

    branch: str | None = None


AGENTS = TypeAdapter(list[AgentInfo])
COMMANDS = TypeAdapter(list[CommandInfo])
