"""A bench whose threshold was not met says so, fails, and still ends with its figures."""

import json

import pytest

from bench import report


@pytest.mark.parametrize("unmet", [[], ["It grew."]])
def test_what_was_not_met_fails_and_figures_stay_on_the_last_line(
    unmet: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bench", "--json"])
    code: object = 0
    try:
        report.main("day", lambda _options: {"rows": [{"a": 1}], "unmet": unmet})
    except SystemExit as ended:
        code = ended.code
    lines = capsys.readouterr().out.splitlines()
    assert json.loads(lines[-1])["unmet"] == unmet
    assert code == (1 if unmet else 0)
    assert ("Not met: It grew." in lines) == bool(unmet)
