"""The relay moves to another address, with an empty database: what docs/operating.md says of that is so."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from app_flet import intents
from app_flet.conversation import turns, words
from app_flet.device import Device
from app_flet.links import keep_links
from app_flet.model import LinkState, Model
from app_flet.pairing import Guise, pair
from app_flet.store import Store
from tests.fakes.opencode import says, scripted
from tests.fakes.relay_process import relay_process
from tests.flows.stack import Stack, Workstation, running_stack
from wire.calls import CallState
from wire.pairing import parse_code

PATIENCE_SECONDS = 90


async def let_in(device: Device, workstation: Workstation) -> str:
    """The person types the code that the workstation shows."""
    async with workstation.pairing() as code:
        origin = workstation.relay.origin
        paired = await pair(origin, parse_code(code), device.identity, Guise("Phone", "android"), device.now_ms)
        return device.paired(paired)


async def until(device: Device, condition: Callable[[Model], object]) -> None:
    """Returns once the app shows this; what is down is dialled when it pleases."""
    changed = asyncio.Event()
    unlisten = device.listen(changed.set)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition(device.model):
                changed.clear()
                await changed.wait()
    finally:
        unlisten()


def conversation(device: Device, desk: str, session: str) -> list[str]:
    """What was said, oldest first, as the session's page has it."""
    known = device.model.workstations[desk]
    return [
        text.partition("\n")[0]
        for one in turns(device.model, desk, session)
        for part in one.parts
        if (text := words(known.transcripts[session], part))
    ]


def prompts(stack: Stack) -> list[str]:
    """What the model was asked to answer, in order."""
    asked = (one.prompt.partition("\n")[0] for one in stack.asked if one.tools and one.turn_index == 0)
    return list(asked)


async def test_what_waits_in_an_app_goes_with_it_to_a_relay_elsewhere_once_and_in_order(tmp_path: Path) -> None:
    device = Device(Store(tmp_path / "device.sqlite"), lambda: time.time_ns() // 1_000_000)
    async with running_stack(tmp_path) as stack, relay_process(tmp_path / "elsewhere") as second:
        first = stack.relay.origin
        desk = await let_in(device, stack.workstation)
        async with asyncio.TaskGroup() as group:
            links = group.create_task(keep_links(device))
            await until(device, lambda model: any(n.startswith("projects/") for n in model.workstations[desk].held))
            project = next(n for n in device.model.workstations[desk].held if n.startswith("projects/"))
            device.call(desk, intents.start_session(project, scripted(says("Here."), words="Before the move")))
            await until(device, lambda model: any(n.startswith("sessions/") for n in model.workstations[desk].held))
            session = next(n for n in device.model.workstations[desk].held if n.startswith("sessions/"))
            device.open_session(desk, session)
            await until(device, lambda _: conversation(device, desk, session) == ["Before the move", "Here."])

            os.kill(stack.relay.pid, signal.SIGTERM)
            await until(device, lambda model: model.links[first].state is LinkState.OFFLINE)
            waiting = [
                device.call(desk, intents.prompt(session, scripted(says(f"Done {text}."), words=text)))
                for text in ("First", "Second")
            ]

            await stack.workstation.stop()
            stack.workstation.relay = second
            await stack.workstation.start()
            assert await let_in(device, stack.workstation) == desk
            assert device.relays == {second.origin}
            assert conversation(device, desk, session)[:2] == ["Before the move", "Here."]
            await until(device, lambda model: all(model.calls[call].state is CallState.DONE for call in waiting))
            said = ["Before the move", "Here.", "First", "Done First.", "Second", "Done Second."]
            await until(device, lambda _: conversation(device, desk, session) == said)
            assert device.model.workstations[desk].warning == ""
            assert device.store.calls() == []
            links.cancel()
    assert prompts(stack) == ["Before the move", "First", "Second"]
    device.store.close()
