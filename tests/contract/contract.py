"""The contract as the google runtime describes it, and each message's twin in the app's runtime."""

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import betterproto2
from google.protobuf import descriptor, message, message_factory

import halyard
import halyard_client

PREFIX = "halyard."


def contract_modules() -> Iterator[ModuleType]:
    """Every generated `_pb2` module."""
    for found in pkgutil.walk_packages(halyard.__path__, PREFIX):
        if found.name.endswith("_pb2"):
            yield importlib.import_module(found.name)


def message_types() -> dict[str, descriptor.Descriptor]:
    """Full name → descriptor of every message of the contract, nested ones included."""
    found: dict[str, descriptor.Descriptor] = {}
    pending = [kind for module in contract_modules() for kind in module.DESCRIPTOR.message_types_by_name.values()]
    while pending:
        kind = pending.pop()
        if not kind.GetOptions().map_entry:
            found[kind.full_name] = kind
            pending.extend(kind.nested_types)
    return dict(sorted(found.items()))


def services() -> list[descriptor.ServiceDescriptor]:
    """Every service of the contract."""
    return [service for module in contract_modules() for service in module.DESCRIPTOR.services_by_name.values()]


def google_class(kind: descriptor.Descriptor) -> type[message.Message]:
    """The class that relay and agentd use."""
    found: type[message.Message] = message_factory.GetMessageClass(kind)
    return found


def client_package(package: str) -> ModuleType:
    """The app's module for a proto package."""
    return importlib.import_module(f"{halyard_client.__name__}.{package}")


def client_class(kind: descriptor.Descriptor) -> type[betterproto2.Message]:
    """The class that the app uses."""
    local_name = kind.full_name.removeprefix(f"{kind.file.package}.").replace(".", "")
    found: type[betterproto2.Message] = getattr(client_package(kind.file.package), local_name)
    return found
