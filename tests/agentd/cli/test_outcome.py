import re
from pathlib import Path

from agentd.cli.outcome import MEANINGS, CommandError, Exit

DOCUMENT = Path(__file__).parents[3] / "docs" / "cli.md"


def test_the_table_in_the_document_is_this_one() -> None:
    rows = re.findall(r"^\| (\d+) \| (\w+) \| (.+) \|$", DOCUMENT.read_text(), re.MULTILINE)
    assert rows == [(str(int(code)), code.name, MEANINGS[code]) for code in Exit]


def test_a_reason_for_scripts_is_always_there() -> None:
    assert CommandError(Exit.NOT_FOUND, "No such thing.").reason == "NOT_FOUND"
    assert CommandError(Exit.TOO_LATE, "Late.", "ALREADY_DECIDED").reason == "ALREADY_DECIDED"
