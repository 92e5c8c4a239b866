from __future__ import annotations

import pytest
from pydantic import JsonValue

from agentd.agents.opencode import catalogue
from agentd.agents.opencode.catalogue_schema import AgentInfo, CommandInfo, Config, ModelInfo, Provider, Providers
from halyard.agent.v1 import workstation_pb2 as pb

PROVIDERS = Providers(
    providers=[
        Provider(id="b", name="Bay", models={"x": ModelInfo(id="x", name="Ex"), "y": ModelInfo(id="y")}),
        Provider(id="a", models={"z": ModelInfo(id="z", name="Zet")}),
    ],
    default={"b": "y", "a": "z"},
)


def test_the_configured_model_is_the_default_and_comes_first() -> None:
    assert catalogue.default_model(PROVIDERS, Config(model="a/z")) == "a/z"
    assert [m.id for m in catalogue.models(PROVIDERS, "b/y")] == ["b/y", "b/x", "a/z"]


def test_without_a_configured_model_the_first_providers_choice_is_it() -> None:
    assert catalogue.default_model(PROVIDERS, Config()) == "b/y"
    assert catalogue.default_model(Providers(providers=[]), Config()) == ""


def test_modes_are_what_a_person_may_choose() -> None:
    agents = [
        AgentInfo(name="plan", mode="primary", description="Plans"),
        AgentInfo(name="build", mode="primary"),
        AgentInfo(name="general", mode="subagent"),
        AgentInfo(name="title", mode="primary", hidden=True),
        AgentInfo(name="mine", mode="all"),
    ]
    assert [m.id for m in catalogue.modes(agents, "build")] == ["build", "mine", "plan"]


def test_filling_replaces_what_was_there() -> None:
    agent = pb.Agent(id="opencode", models=[pb.Model(id="old")])
    for _ in range(2):
        catalogue.fill(
            agent, PROVIDERS, Config(), [AgentInfo(name="build")], [CommandInfo(name="b"), CommandInfo(name="a")]
        )
    assert len(agent.models) == 3
    assert [c.id for c in agent.commands] == ["a", "b"]
    assert (agent.default_model, agent.default_mode) == ("b/y", "build")
    assert "revert" in agent.capabilities


@pytest.mark.parametrize(
    ("told", "address"),
    [
        (
            {"options": {"baseURL": "https://ada:pass@models.example.org:8443/v1?key=x"}},
            "https://models.example.org:8443",
        ),
        ({"models": {"m": {"id": "m", "api": {"url": "https://api.example.org/v1"}}}}, "https://api.example.org"),
        ({"models": {"m": {"id": "m", "api": {"url": "", "npm": "@ai-sdk/anthropic"}}}}, "https://api.anthropic.com"),
        ({"models": {"m": {"id": "m", "api": {"npm": "@example/own"}}}}, ""),
        ({"models": {}}, ""),
        ({"options": {"baseURL": "https://["}}, ""),
    ],
)
def test_a_provider_is_known_by_host_and_port_alone(told: dict[str, JsonValue], address: str) -> None:
    listed = {"id": "p", "key": "sk-secret", "models": {"m": {"id": "m"}}, **told}
    providers = Providers.model_validate({"providers": [listed], "default": {"p": "m"}})
    assert catalogue.provider_address(providers, "p/m") == address


def test_of_a_providers_options_only_the_address_is_kept() -> None:
    options = {"baseURL": "https://models.example.org", "apiKey": "sk-secret"}
    listed = {"id": "p", "options": options}
    kept = Providers.model_validate({"providers": [listed]}).providers[0].options
    assert "sk-secret" not in repr(kept)
