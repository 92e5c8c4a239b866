"""The methods of the services by name, as the link finds them. Read from the contract: a new rpc needs no entry."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from agentd.devices import METHOD_ROLES
from agentd.errors import malformed, unsupported
from halyard.agent.v1 import workstation_pb2

_AGENTS = "/halyard.agent.v1.AgentService/"

WITHDRAW = "/halyard.agent.v1.WorkstationService/WithdrawCall"

URGENT = frozenset({_AGENTS + "Interrupt", _AGENTS + "Decide", _AGENTS + "Answer", WITHDRAW})
"""They must not wait behind a slow call of the same device."""

UNREPEATABLE = frozenset({_AGENTS + "ForkSession", _AGENTS + "CompactSession"})
"""After a crash in the middle nobody can tell whether these happened, and doing them twice would show."""

SOCKET_ONLY = frozenset({"/halyard.agent.v1.WorkstationService/Shutdown"})
"""Besides the streaming methods."""


@dataclass(frozen=True)
class Method:
    """One rpc."""

    name: str
    """For example "/halyard.agent.v1.AgentService/Prompt"."""
    request: type[Message]
    response: type[Message]
    call: Callable[[Any, Any], Awaitable[Message]]

    @property
    def is_read(self) -> bool:
        """Whether it changes nothing; what a viewer may call does not. Reads are repeated freely and not remembered."""
        return METHOD_ROLES.get(self.name) == workstation_pb2.DEVICE_ROLE_VIEWER

    @property
    def is_urgent(self) -> bool:
        """Whether it overtakes the other calls of its device."""
        return self.name in URGENT

    @property
    def is_repeatable(self) -> bool:
        """Whether it may be carried out again when a crash left its outcome open."""
        return self.name not in UNREPEATABLE

    def parse(self, request: bytes) -> Message:
        """The request message; MALFORMED when the bytes are none."""
        try:
            return self.request.FromString(request)
        except DecodeError:
            raise malformed(f"The request to {self.name} cannot be read.") from None


class MethodTable:
    """Everything that can be called through the link."""

    def __init__(self) -> None:
        self._methods: dict[str, Method] = {}

    def add(self, service: ServiceDescriptor, servicer: object) -> None:
        """The methods of one service of the contract, carried out by `servicer`."""
        for method in (_method(servicer, found) for found in service.methods if not found.server_streaming):
            if method.name not in SOCKET_ONLY:
                self._methods[method.name] = method

    def get(self, name: str) -> Method:
        """The method; UNSUPPORTED when this release has none of that name, or not through the link."""
        method = self._methods.get(name)
        if method is None:
            raise unsupported(f"This release of agentd has no method {name[:100]!r} for apps; update agentd.")
        return method


def _method(servicer: object, method: MethodDescriptor) -> Method:
    name = f"/{method.containing_service.full_name}/{method.name}"
    return Method(
        name, GetMessageClass(method.input_type), GetMessageClass(method.output_type), getattr(servicer, method.name)
    )
