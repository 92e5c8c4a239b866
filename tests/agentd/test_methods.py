import pytest

from agentd.errors import Refused
from agentd.methods import MethodTable
from halyard.agent.v1 import agent_service_pb2, workstation_service_pb2

AGENTS = "/halyard.agent.v1.AgentService/"
WORKSTATION = "/halyard.agent.v1.WorkstationService/"


class Anything:
    """Has every method."""

    def __getattr__(self, name: str) -> str:
        return name


@pytest.fixture
def methods() -> MethodTable:
    table = MethodTable()
    table.add(agent_service_pb2.DESCRIPTOR.services_by_name["AgentService"], Anything())
    table.add(workstation_service_pb2.DESCRIPTOR.services_by_name["WorkstationService"], Anything())
    return table


def test_methods_come_from_the_contract(methods: MethodTable) -> None:
    prompt = methods.get(AGENTS + "Prompt")
    assert (prompt.request, prompt.response) == (
        agent_service_pb2.PromptRequest,
        agent_service_pb2.PromptResponse,
    )
    assert (prompt.is_read, prompt.is_urgent, prompt.is_repeatable) == (False, False, True)
    assert methods.get(AGENTS + "ListFiles").is_read
    assert methods.get(AGENTS + "Interrupt").is_urgent
    assert not methods.get(AGENTS + "ForkSession").is_repeatable


@pytest.mark.parametrize("name", [AGENTS + "Watch", WORKSTATION + "Pair", WORKSTATION + "Shutdown", "/x/Y", ""])
def test_what_is_for_the_socket_alone_or_unknown_is_unsupported(methods: MethodTable, name: str) -> None:
    with pytest.raises(Refused) as refused:
        methods.get(name)
    assert refused.value.reason == "UNSUPPORTED"


def test_bytes_that_are_no_request_are_malformed(methods: MethodTable) -> None:
    with pytest.raises(Refused) as refused:
        methods.get(AGENTS + "Prompt").parse(b"\xff\xff\xff")
    assert refused.value.reason == "MALFORMED"
