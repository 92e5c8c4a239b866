"""What every test shares: the tools of this checkout on PATH, one worker for tests that start real programs, tries."""

import os
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).resolve().parent.parent
# These start real agents and browsers; side by side they would starve one another on a small machine.
HEAVY = (
    "tests/agentd/agents/opencode/",
    "tests/agentd/demo/test_scenarios.py",
    "tests/browser/",
    "tests/chaos/",
    "tests/flows/",
)
# Real processes on a crowded machine miss a deadline now and then. Such a test gets another try, which the summary
# counts ("rerun"); what fails three times running is broken. Tests of pure code get none.
SEVERAL_TRIES = tuple(ROOT / "tests" / name for name in ("adversary", "agentd", "browser", "chaos", "flows", "relay"))
RERUNS, RERUN_DELAY_SECONDS = 2, 3


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", type=Path, metavar="FOLDER", help="write pictures of every screen here")


def pytest_configure() -> None:
    """Find the pinned OpenCode and this environment's programs also when pytest is started by hand."""
    # How long an example takes says how crowded the machine is.
    settings.register_profile("untimed", deadline=None)
    settings.load_profile("untimed")
    own = [ROOT / ".venv" / "bin", ROOT / "node_modules" / ".bin"]
    os.environ["PATH"] = os.pathsep.join([*map(str, own), os.environ.get("PATH", "")])  # noqa: TID251 - for children


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests of real programs several tries."""
    for item in items:
        if _lies_in(item, SEVERAL_TRIES):
            item.add_marker(pytest.mark.flaky(reruns=RERUNS, reruns_delay=RERUN_DELAY_SECONDS))


class OneStackAtATime(LoadScopeScheduling):  # type: ignore[misc]  # published without types
    """Heavy tests one after another on one worker, whatever the number of workers; the others by file on the rest."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return "heavy" if path.startswith(HEAVY) else path


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneStackAtATime:
    return OneStackAtATime(config, log)


def _lies_in(item: pytest.Item, places: tuple[Path, ...]) -> bool:
    return any(place in (item.path, *item.path.parents) for place in places)
