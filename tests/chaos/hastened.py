"""`python -m tests.chaos.hastened MODULE ARGUMENT…`: a program of Halyard's with less patience.

The programs are the real ones. What they wait for when all is lost is shortened, so that a round of chaos takes
seconds: signs of life every 2 s instead of 25, links tried again after at most 3 s instead of 4 (what a relay for a few
devices says; 30 without its word) and forgiven after 5 instead of 60, OpenCode looked after every second instead of
every 30 and started again within 2 s instead of up to 60. `docs/chaos.md` has the list.
"""

import runpy
import sys
from dataclasses import replace
from functools import partial

from wire import backoff

HEARTBEAT_SECONDS = 2
CEILING_SECONDS = 3.0
HEALTHY_SECONDS = 5.0
OPEN_SECONDS = 3


def hasten_links() -> None:
    """For every program that links."""
    backoff.CEILING_SECONDS = CEILING_SECONDS
    backoff.HEALTHY_SECONDS = HEALTHY_SECONDS


def hasten_app() -> None:
    """For a process that runs the app's link."""
    from app_flet import dialling, link  # noqa: PLC0415 - only where there is an app

    hasten_links()
    for module in (dialling, link):
        module.OPEN_SECONDS = OPEN_SECONDS  # type: ignore[attr-defined]


def hasten_relay() -> None:
    """For `relay serve`."""
    from relay import config  # noqa: PLC0415 - only where there is a relay
    from relay.limits import Limits  # noqa: PLC0415

    usual = config.limits

    def hastened(log_mib: int | None, log_days: int | None) -> Limits:
        return replace(usual(log_mib, log_days), heartbeat_seconds=HEARTBEAT_SECONDS)

    config.limits = hastened


def hasten_agentd() -> None:
    """For `agentd run`."""
    from agentd import uplink  # noqa: PLC0415 - only where there is an agentd
    from agentd.agents.opencode.life import Settings  # noqa: PLC0415
    from agentd.agents.supervision import Policy  # noqa: PLC0415
    from agentd.cli import foreground  # noqa: PLC0415

    hasten_links()
    uplink.CEILING_SECONDS = CEILING_SECONDS  # type: ignore[attr-defined]  # imported there by name
    uplink.WELCOME_SECONDS = float(OPEN_SECONDS)  # type: ignore[attr-defined]
    policy = Policy(health_interval=1.0, backoff_first=0.2, backoff_most=2.0, settled_after=10.0)
    foreground.Settings = partial(Settings, policy=policy)  # type: ignore[assignment,attr-defined]


if __name__ == "__main__":
    module = sys.argv[1]
    {"relay.main": hasten_relay, "agentd.main": hasten_agentd}[module]()
    sys.argv = sys.argv[1:]
    runpy.run_module(module, run_name="__main__")
