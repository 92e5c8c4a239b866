"""`agentd doctor`: gathers facts about every hop, lets agentd/doctor.py judge them, and prints what to do."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import grpc
import httpx

from agentd import config
from agentd.agents.agent import AgentUnavailableError
from agentd.agents.opencode.version import detect, require_supported
from agentd.cli.options import Options
from agentd.cli.outcome import Exit
from agentd.cli.printing import print_json
from agentd.cli.profile import daemon
from agentd.cli.socket_client import is_listening
from agentd.doctor import (
    Finding,
    Level,
    PathFacts,
    RelayFacts,
    judge_file,
    judge_program,
    judge_relay,
    judge_status,
    worst,
)
from agentd.errors import ConfigError
from agentd.opencode_binary import CHECKOUT, find
from halyard.agent.v1 import workstation_service_pb2 as service

_PROBE_SECONDS = 5.0
_MARKS = {Level.FINE: "ok  ", Level.WARNING: "look", Level.FAILURE: "FAIL"}
_EXITS = {Level.FINE: Exit.OK, Level.WARNING: Exit.WARNINGS, Level.FAILURE: Exit.FAILED}


async def run(options: Options) -> Exit:
    """Probes every hop and prints what it found as it finds it."""
    findings: list[Finding] = []
    async for finding in probe(options):
        findings.append(finding)
        if not options.json:
            print(f"{_MARKS[finding.level]}  {finding.hop:<12} {finding.message}", flush=True)
            if finding.advice:
                print(f"{'':18} → {finding.advice}", flush=True)
    level = worst(findings)
    if options.json:
        listed = [{**asdict(finding), "level": finding.level.name.lower()} for finding in findings]
        print_json({"level": level.name.lower(), "findings": listed})
    return _EXITS[level]


async def probe(options: Options) -> AsyncIterator[Finding]:
    """Yields findings from the inside out: this machine, the daemon, the relay, the agent and its model."""
    try:
        profile = config.load(options.profile)
    except ConfigError as error:
        yield Finding("config", Level.FAILURE, str(error))
        return
    yield Finding("config", Level.FINE, f"profile {profile.profile}, {profile.state_dir}")
    for finding in _probe_machine(profile):
        yield finding
    yield await _probe_opencode(options)
    origin = profile.relay.origin if profile.relay else ""
    if is_listening(profile.socket_path):
        async with daemon(options) as agentd:
            status = await agentd.workstation.GetStatus(service.GetStatusRequest(), timeout=_PROBE_SECONDS)
        yield Finding("socket", Level.FINE, f"agentd answers (pid {status.pid})")
        origin = status.relay_origin or origin
        for finding in judge_status(status):
            yield finding
    else:
        yield Finding("socket", Level.FAILURE, "agentd is not running for this profile.", "Start it with `agentd up`.")
    if origin:
        for finding in judge_relay(await probe_relay(origin)):
            yield finding


def _probe_machine(profile: config.Config) -> Iterator[Finding]:
    for path in (profile.state_dir, profile.key_path, profile.database_path):
        yield judge_file(look_at(path))
    environment_path = config.environment().get("PATH", "")
    yield judge_program(
        "git", shutil.which("git", path=environment_path), "without it agents cannot show or undo what a turn changed"
    )
    yield judge_program(
        "rg",
        shutil.which("rg", path=environment_path),
        "OpenCode searches with ripgrep, and fetches it from the network without one",
    )


def look_at(path: Path) -> PathFacts:
    """Returns how a file or folder is on disk."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return PathFacts(path, None)
    return PathFacts(path, found.st_mode, owned=found.st_uid == os.getuid())


async def _probe_opencode(options: Options) -> Finding:
    environment = config.environment()
    try:
        binary = find(options.opencode, environment, CHECKOUT)
        version = await detect(binary, environment)
        require_supported(version)
    except (ConfigError, AgentUnavailableError) as error:
        return Finding("opencode", Level.FAILURE, str(error))
    return Finding("opencode", Level.FINE, f"{version.text} ({binary})")


async def probe_relay(origin: str) -> RelayFacts:
    """Returns what the relay at `origin` answers: who it says it is, its time, whether its gRPC port is open."""
    try:
        async with httpx.AsyncClient(timeout=_PROBE_SECONDS) as http:
            answer = (await http.get(f"{origin}/.well-known/halyard-relay")).raise_for_status()
        told = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        return RelayFacts(origin, error=str(error) or type(error).__name__)
    facts = RelayFacts(origin, announced_origin=str(told.get("origin", "")), grpc=str(told.get("grpc", "")))
    with suppress(KeyError, ValueError):
        facts = replace(facts, relay_time=parsedate_to_datetime(answer.headers["date"]), our_time=datetime.now(tz=UTC))
    return replace(facts, grpc_error=await _probe_grpc(facts.grpc, encrypted=origin.startswith("https:")))


async def _probe_grpc(target: str, *, encrypted: bool) -> str:
    if not target:
        return "the relay does not announce one"
    dial = (
        grpc.aio.secure_channel(target, grpc.ssl_channel_credentials())
        if encrypted
        else grpc.aio.insecure_channel(target)
    )
    async with dial as channel:
        return await _wait_until_ready(channel)


async def _wait_until_ready(channel: grpc.aio.Channel) -> str:
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            await channel.channel_ready()
    except TimeoutError:
        return f"no connection within {_PROBE_SECONDS:.0f} seconds"
    return ""
