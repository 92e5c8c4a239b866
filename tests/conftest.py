"""What every test shares: this checkout's tools on PATH, and lanes and tries for tests that start real programs."""

import os
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).resolve().parent.parent
# A lane is taken by one worker, one test after another, and before all else: these start real agents, browsers and
# whole stacks, of which more than two at a time would starve one another on a small machine. The longest comes first;
# what remains fills up behind them, file by file.
LANES = (
    ("tests/browser/", "tests/chaos/", "tests/flows/"),
    ("tests/agentd/agents/opencode/", "tests/agentd/demo/"),
)
# Real processes on a crowded machine miss a deadline now and then. Such a test gets another try, which the summary
# counts ("rerun"); what fails three times running is broken. Tests of pure code get none, nor do those that look for
# what goes wrong once: what a malicious relay or the proving ground finds is a find, however the next try ends.
SEVERAL_TRIES = tuple(ROOT / "tests" / name for name in ("agentd", "browser", "flows", "relay"))
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
    """Begin with the lanes, and give tests of real programs several tries."""
    items.sort(key=lambda item: _lane(item.nodeid))
    for item in items:
        if _lies_in(item, SEVERAL_TRIES):
            item.add_marker(pytest.mark.flaky(reruns=RERUNS, reruns_delay=RERUN_DELAY_SECONDS))


class Lanes(LoadScopeScheduling):  # type: ignore[misc]  # published without types
    """A lane is one piece of work, and so is every file outside of them."""

    def _split_scope(self, nodeid: str) -> str:
        lane = _lane(nodeid)
        return f"lane {lane}" if lane < len(LANES) else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)  # there is none with `-p no:xdist`
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    return Lanes(config, log)


def _lane(nodeid: str) -> int:
    """The number of the test's lane; len(LANES) for none."""
    return next((number for number, places in enumerate(LANES) if nodeid.startswith(places)), len(LANES))


def _lies_in(item: pytest.Item, places: tuple[Path, ...]) -> bool:
    return any(place in (item.path, *item.path.parents) for place in places)
