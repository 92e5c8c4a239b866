import subprocess
import sys

from tests.fuzz.targets import TARGETS
from tools import fuzz


def test_every_target_has_its_share_of_a_run() -> None:
    assert fuzz.shares() == {name: target.share for name, target in TARGETS.items()}


def test_without_the_fuzzer_it_says_how_to_get_it() -> None:
    program = "import sys; sys.modules['atheris'] = None; from tools.fuzz import drive; drive('names', [])"
    done = subprocess.run([sys.executable, "-c", program], cwd=fuzz.ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "requirements/fuzz.txt" in done.stderr


def test_figures_are_read_from_what_libfuzzer_says() -> None:
    told = "#9\tNEW    cov: 414 ft: 1704 corp: 138/236Kb\nstat::number_of_executed_units: 5788\n"
    assert fuzz._RUNS.findall(told) == ["5788"]
    assert fuzz._COVERED.findall(told) == [("414", "1704")]
