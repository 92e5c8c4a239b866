"""Claim: with nobody looking, a link wakes its device at most four times a minute and takes at most 20 kB an hour.

Three links of real programs at once, each through a proxy that counts: a workstation that no app follows, one that an
app in the background follows, and that app's own. Then, with no aim, the last two again while somebody looks at lists
and nothing happens. A wake-up is traffic after a second of silence. There is no baseline: a socket without heartbeats
costs nothing and notices nothing.
"""

import argparse
import asyncio
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.counting_proxy import CountingProxy
from bench.relay_process import RelayProcess, relay_process
from bench.report import Figures, main
from bench.spoken_to import SpokenTo, spoken_to

_SETTLING_SECONDS = 45.0
"""Longer than any interval between heartbeats, so that what a link says at its beginning is over."""
_LOOKED_AT_SETTLING_SECONDS = 5.0


def _follow(app: SpokenTo, workstation: SpokenTo) -> None:
    """Pairs the app with the workstation and has it follow the log; it looks at no session."""
    told = workstation.ask("admit", app.first["sign_key"], app.first["agree_key"])
    app.ask("meet", told["sign_key"], told["agree_key"])
    app.ask("follow", 1)


async def _watch(proxies: dict[str, CountingProxy], settling: float, seconds: float) -> list[dict[str, object]]:
    await asyncio.sleep(settling)
    before = {link: proxy.cost() for link, proxy in proxies.items()}
    await asyncio.sleep(seconds)
    return [proxy.cost().since(before[link]).row(link, seconds) for link, proxy in proxies.items()]


async def _measure(seconds: float) -> list[dict[str, object]]:
    alone, followed, phone = CountingProxy(), CountingProxy(), CountingProxy()
    async with alone.serving(), followed.serving(), phone.serving():
        # A token names the address at which its device meets the relay; the app's is the proxy's.
        origin = f"http://{phone.address}"
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="halyard-bench-")))
            relay = stack.enter_context(relay_process("--public-url", origin))
            phone.target = relay.http.removeprefix("http://")
            workstations = [_workstation(stack, relay, proxy, folder) for proxy in (alone, followed)]
            app = stack.enter_context(spoken_to("bench.app_process", folder, origin))
            await asyncio.to_thread(_follow, app, workstations[1])
            links = {
                "workstation, no app": alone,
                "workstation, an app in the background": followed,
                "app in the background": phone,
            }
            rows = await _watch(links, _SETTLING_SECONDS, seconds)
            await asyncio.to_thread(app.ask, "foreground")
            looked_at = {"workstation, somebody looks": followed, "app, somebody looks": phone}
            return rows + await _watch(looked_at, _LOOKED_AT_SETTLING_SECONDS, seconds)


def _workstation(stack: ExitStack, relay: RelayProcess, proxy: CountingProxy, folder: Path) -> SpokenTo:
    proxy.target = relay.grpc
    home = folder / proxy.address.rpartition(":")[2]
    home.mkdir()
    return stack.enter_context(spoken_to("bench.source", home, relay.origin, proxy.address, 1))


def measure(options: argparse.Namespace) -> Figures:
    """A row per link, scaled from the time watched."""
    return {"seconds_watched": options.seconds, "rows": asyncio.run(_measure(options.seconds))}


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="bench.battery", description=__doc__)
    arguments.add_argument("--seconds", type=float, default=120.0)
    main("battery", measure, arguments)
