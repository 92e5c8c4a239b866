"""A workstation's link dies unheard while nobody looks: whoever looks then is not told that it is there."""

import asyncio
import time
from pathlib import Path

from app_flet.device import Device
from app_flet.glance import offline
from app_flet.links import keep_links
from app_flet.store import Store
from tests.chaos.proxy import Proxy
from tests.chaos.rig import free_port
from tests.fakes.relay_process import relay_process
from tests.flows.stack import running_stack
from tests.flows.test_move import PATIENCE_SECONDS, let_in, until


async def test_whoever_looks_at_a_workstation_that_cannot_hear_it_sees_that_it_does_not_answer(tmp_path: Path) -> None:
    device, door = Device(Store(tmp_path / "device.sqlite"), lambda: time.time_ns() // 1_000_000), free_port()
    async with Proxy("127.0.0.1", door).serving() as network:
        through = ("--public-grpc", f"127.0.0.1:{network.port}")
        served = relay_process(tmp_path / "relay", grpc=f"127.0.0.1:{door}", options=through)
        async with running_stack(tmp_path, served=served) as stack, asyncio.TaskGroup() as group:
            desk = await let_in(device, stack.workstation)
            links = group.create_task(keep_links(device))
            await until(device, lambda model: model.workstations[desk].caught_up and model.workstations[desk].as_of_ms)

            looked_ms = device.now_ms()
            device.lookers.came("a screen")
            await until(device, lambda model: model.workstations[desk].as_of_ms > looked_ms)
            assert device.model.workstations[desk].is_there
            device.lookers.left("a screen")
            async with asyncio.timeout(PATIENCE_SECONDS):
                while device.followings[desk].belief.answer_due_ms:  # noqa: ASYNC110 - tells nobody
                    await asyncio.sleep(0.01)

            network.silence()
            network.clear()
            device.lookers.came("a screen")
            await until(device, lambda model: model.workstations[desk].silent)
            assert device.model.workstations[desk].online, "the relay has not noticed either"
            line = offline(device.model, desk)
            assert line is not None
            assert line.text.endswith("does not answer")
            links.cancel()
