from collections.abc import Sequence

import pytest

from agentd import main
from agentd.cli.outcome import Exit


def test_ctrl_c_while_the_command_line_is_read_ends_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_arguments: Sequence[str] | None) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(main, "parse", interrupted)
    assert main.main(["status"]) == Exit.INTERRUPTED


def test_help_ends_with_success(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(["--help"])
    assert ended.value.code == Exit.OK
    assert "agentd" in capsys.readouterr().out
