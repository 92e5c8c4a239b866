import errno
import os
from collections.abc import Sequence

import pytest

from agentd import main
from agentd.cli.outcome import Exit
from agentd.errors import RelayDamagedError, RelayFailedError, StorageError, StoreDamagedError


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


@pytest.mark.parametrize("in_a_task", [False, True], ids=["at once", "in a task group"])
@pytest.mark.parametrize(
    ("refused", "path", "words"),
    [
        (errno.ENOSPC, "/state/relay.log", "/state/relay.log cannot be written: The disk is full"),
        (errno.EDQUOT, None, "The disk is full"),
    ],
)
def test_a_disk_that_takes_nothing_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    refused: int,
    path: str | None,
    words: str,
    in_a_task: bool,
) -> None:
    full = OSError(refused, os.strerror(refused), path)
    _fail(monkeypatch, ExceptionGroup("tasks", [full]) if in_a_task else full)
    assert main.main(["status"]) == Exit.UNAVAILABLE
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StoreDamagedError("damaged"), Exit.DAMAGED),
        (RelayDamagedError("damaged"), Exit.DAMAGED),
        (RelayFailedError("no room"), Exit.UNAVAILABLE),
        (StorageError("no room"), Exit.UNAVAILABLE),
    ],
)
def test_whoever_starts_it_again_learns_whether_that_can_help(
    monkeypatch: pytest.MonkeyPatch, error: Exception, code: Exit
) -> None:
    _fail(monkeypatch, ExceptionGroup("tasks", [error]))
    assert main.main(["run"]) == code


def test_a_file_that_may_not_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _fail(monkeypatch, PermissionError(errno.EACCES, "Permission denied", "/state/agentd.lock"))
    assert main.main(["status"]) == Exit.UNAVAILABLE
    assert "/state/agentd.lock may not be used (Permission denied)" in capsys.readouterr().err


def test_what_else_the_system_refuses_is_a_defect_and_is_shown_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    _fail(monkeypatch, PermissionError(errno.EACCES, "Permission denied"))
    with pytest.raises(PermissionError):
        main.main(["status"])


def _fail(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def failing(_module: str) -> None:
        raise error

    monkeypatch.setattr(main, "import_module", failing)
