"""The relay's other commands. Most ask a relay that serves on this machine, with its operator's token; backup and
restore go to its files.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import grpc
import grpc.aio
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from halyard.relay.v1 import relay_service_pb2, relay_service_pb2_grpc
from relay import config, database
from relay.backup import BackupFailed, Copied, back_up, restore
from relay.errors import ConfigError
from relay.restore_served import restore_served
from relay.tokens import OPERATOR_TOKEN_FILE

_DEADLINE_SECONDS = 10.0

Stub = relay_service_pb2_grpc.RelayServiceStub
Credentials = tuple[tuple[str, str], ...]


def run(options: argparse.Namespace) -> int:
    """Runs the command; returns the exit code, 1 when the relay refused."""
    folder = config.data_dir(options.data)
    if options.command == "token":
        print(_token(folder))
        return 0
    try:
        if options.command in _ON_FILES:
            _ON_FILES[options.command](options, _database(options, folder))
        else:
            asyncio.run(_ask(options, folder))
    except grpc.aio.AioRpcError as error:
        print(_explained(error), file=sys.stderr)
        return 1
    except BackupFailed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


async def _ask(options: argparse.Namespace, folder: Path) -> None:
    async with _channel(folder) as channel:
        who = (("authorization", f"Bearer {_token(folder)}"),)
        await _COMMANDS[options.command](Stub(channel), who, options)


def _token(folder: Path) -> str:
    file = folder / OPERATOR_TOKEN_FILE
    if not file.exists():
        raise ConfigError(f"No relay has run in {folder} yet; start `relay serve`, or name its folder with --data.")
    return file.read_text(encoding="ascii").strip()


def _told(folder: Path) -> dict[str, str]:
    """What the relay that serves from `folder` says of itself; empty when none does."""
    file = folder / config.RUN_FILE
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def _database(options: argparse.Namespace, folder: Path) -> Path:
    """The store's file: as it was given, as the running relay says, or in the data folder."""
    if options.database is None and (named := _told(folder).get("database")):
        return Path(named)
    return config.database(options.database, folder)


def _channel(folder: Path) -> grpc.aio.Channel:
    told = _told(folder)
    if not told:
        raise ConfigError(f"No relay serves from {folder}; start `relay serve`, or name its folder with --data.")
    if not told["tls_cert"]:
        return grpc.aio.insecure_channel(told["grpc"])
    chain = Path(told["tls_cert"]).read_bytes()
    return grpc.aio.secure_channel(told["grpc"], grpc.ssl_channel_credentials(chain))


async def _invite(stub: Stub, who: Credentials, options: argparse.Namespace) -> None:
    request = relay_service_pb2.CreateInviteRequest()
    request.ttl.FromSeconds(round(options.hours * 3600))
    answer = await stub.CreateInvite(request, metadata=who, timeout=_DEADLINE_SECONDS)
    _tell(options, [answer], lambda made: f"{made.invite}\nGive it to `agentd run --invite`; it works once.")


async def _workstations(stub: Stub, who: Credentials, options: argparse.Namespace) -> None:
    found: list[relay_service_pb2.RelayWorkstation] = []
    request = relay_service_pb2.ListWorkstationsRequest(page_size=1000)
    while True:
        answer = await stub.ListWorkstations(request, metadata=who, timeout=_DEADLINE_SECONDS)
        found += answer.workstations
        request.page_token = answer.next_page_token
        if not answer.next_page_token:
            break
    _tell(options, found, _workstation_line)


async def _devices(stub: Stub, who: Credentials, options: argparse.Namespace) -> None:
    found: list[relay_service_pb2.RelayDevice] = []
    request = relay_service_pb2.ListDevicesRequest(page_size=1000, workstation_id=options.workstation)
    while True:
        answer = await stub.ListDevices(request, metadata=who, timeout=_DEADLINE_SECONDS)
        found += answer.devices
        request.page_token = answer.next_page_token
        if not answer.next_page_token:
            break
    _tell(options, found, lambda device: f"{device.device_id}  {_presence(device)}  of {device.workstation_id}")


def _backup(options: argparse.Namespace, store: Path) -> None:
    # The relay comes first on a machine with little to spare.
    os.nice(10)
    began = time.monotonic()
    copied = back_up(store, options.file, overwrite=options.overwrite)
    if options.json:
        print(json.dumps(_as_dict(copied) | {"seconds": round(time.monotonic() - began, 3)}))
    else:
        print(f"{copied.file}: {_summary(copied)}, checked.")


def _restore(options: argparse.Namespace, store: Path) -> None:
    folder = config.data_dir(options.data)
    pid = database.holder(store)
    # What has the store may be another program, and the run file may be left of a relay that was killed.
    is_served = pid is not None and str(_told(folder).get("pid")) == str(pid)
    if pid is not None and is_served:
        restored = restore_served(store, options.file, pid, folder / config.RUN_FILE)
    else:
        restored = restore(store, options.file, time.time_ns() // 1_000_000)
    if options.json:
        print(json.dumps(_as_dict(restored.copied) | {"replaced": str(restored.replaced or "")}))
        return
    print(f"{store} is {options.file} now: {_summary(restored.copied)}.")
    if restored.replaced is not None:
        print(f"What was there before is {restored.replaced}; delete it once you are content.")
    print("The relay serves it." if is_served else "Start the relay.", end=" ")
    print("Workstations and apps send again what is newer. Invites that were open must be made anew.")


def _as_dict(copied: Copied) -> dict[str, object]:
    counts = {"workstations": copied.workstations, "records": copied.records, "calls_waiting": copied.calls_waiting}
    return {"file": str(copied.file), "bytes": copied.size, **counts}


def _summary(copied: Copied) -> str:
    size = f"{copied.size / 1e6:.1f} MB"
    return f"{size}, {copied.workstations} workstations, {copied.records} records, {copied.calls_waiting} calls waiting"


def _workstation_line(workstation: relay_service_pb2.RelayWorkstation) -> str:
    size = f"{workstation.stored_bytes / 1e6:.1f} MB in {workstation.records} records"
    waiting = f"{workstation.calls_waiting} calls waiting"
    return f"{workstation.workstation_id}  {_presence(workstation)}  {size}, {workstation.members} apps, {waiting}"


def _presence(of: relay_service_pb2.RelayWorkstation | relay_service_pb2.RelayDevice) -> str:
    if of.online:
        return "online"
    if not of.HasField("last_seen_time") or not of.last_seen_time.seconds:
        return "never seen"
    return f"last seen {of.last_seen_time.ToDatetime():%Y-%m-%d %H:%M} UTC"


def _tell(options: argparse.Namespace, found: Iterable[Message], line: Callable[..., str]) -> None:
    for message in found:
        as_dict = MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
        print(json.dumps(as_dict) if options.json else line(message))


def _explained(error: grpc.aio.AioRpcError) -> str:
    if error.code() is grpc.StatusCode.UNAVAILABLE:
        return "The relay does not answer; is `relay serve` still running?"
    return str(error.details())


_COMMANDS: dict[str, Callable[[Stub, Credentials, argparse.Namespace], Awaitable[None]]] = {
    "invite": _invite,
    "workstations": _workstations,
    "devices": _devices,
}
_ON_FILES: dict[str, Callable[[argparse.Namespace, Path], None]] = {"backup": _backup, "restore": _restore}
