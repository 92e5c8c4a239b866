import asyncio
import os
import signal

from agentd.cli.foreground import Stopper, stopped_by_signals


def test_the_first_signal_stops_in_order_and_the_second_gives_up() -> None:
    heard: list[str] = []
    stopper = Stopper(lambda: heard.append("gave up"))
    stopper.hand_over(lambda: heard.append("stopped"))
    stopper.now()
    stopper.now()
    assert heard == ["stopped", "gave up"]


async def test_while_things_start_a_signal_ends_the_start_without_an_error() -> None:
    taken_down = False
    async with stopped_by_signals():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()
        finally:
            taken_down = True
    assert taken_down


async def test_later_a_signal_is_heard_by_whoever_took_over() -> None:
    stop = asyncio.Event()
    async with stopped_by_signals() as stopper:
        stopper.hand_over(stop.set)
        os.kill(os.getpid(), signal.SIGINT)
        await stop.wait()
    assert stop.is_set()
