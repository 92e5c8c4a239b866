import os
from pathlib import Path

import pytest

from agentd.errors import Refused
from agentd.projects import ACTIVE_STEP_MS, Projects, git_branch
from agentd.session_log import SessionLog
from agentd.store import Store


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        return self.now


async def test_a_folder_becomes_a_project_once(tmp_path: Path) -> None:
    with Store(tmp_path / "db") as store:
        projects = Projects(SessionLog(store, Clock()), Clock())
        added = projects.add(str(tmp_path))
        assert projects.add(f"{tmp_path}/.") == added
        assert projects.list() == [added]
        assert projects.folder(added.name) == tmp_path


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("relative", "MALFORMED"),
        ("/no/such/folder", "NOT_FOUND"),
        ("~nobody-of-this-name", "NOT_FOUND"),
        ("/" + "x" * 300, "NOT_FOUND"),
    ],
)
async def test_what_is_no_folder_is_refused(tmp_path: Path, path: str, reason: str) -> None:
    with Store(tmp_path / "db") as store, pytest.raises(Refused) as refused:
        Projects(SessionLog(store, Clock()), Clock()).add(path)
    assert refused.value.reason == reason


async def test_a_folder_whose_name_is_no_text_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9")).mkdir()
    (tmp_path / "link").symlink_to(os.fsdecode(b"caf\xe9"))
    with Store(tmp_path / "db") as store, pytest.raises(Refused, match="rename that folder"):
        Projects(SessionLog(store, Clock()), Clock()).add(str(tmp_path / "link"))


async def test_a_project_whose_folder_is_gone_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    with Store(tmp_path / "db") as store:
        projects = Projects(SessionLog(store, Clock()), Clock())
        name = projects.add(str(folder)).name
        folder.rmdir()
        with pytest.raises(Refused, match="no longer there"):
            projects.folder(name)
        with pytest.raises(Refused):
            projects.get("projects/unknown")


async def test_use_is_noted_coarsely_and_orders_the_list(tmp_path: Path) -> None:
    clock = Clock()
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with Store(tmp_path / "db") as store:
        log = SessionLog(store, clock)
        projects = Projects(log, clock)
        a, b = (projects.add(str(tmp_path / name)).name for name in "ab")
        projects.touch(b)
        written = log.written
        clock.now += ACTIVE_STEP_MS - 1
        projects.touch(b)
        assert log.written == written
        clock.now += 1
        projects.touch(a)
        assert [project.name for project in projects.list()] == [a, b]
        projects.touch("projects/unknown")


def test_the_branch_is_read_without_git(tmp_path: Path) -> None:
    assert git_branch(tmp_path) is None
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/feature/x\n")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    assert git_branch(tmp_path / "deep" / "er") == "feature/x"
    (tmp_path / ".git" / "HEAD").write_text("0123456789abcdef\n")
    assert git_branch(tmp_path) == ""
    worktree = tmp_path / "worktree"
    worktree.mkdir()
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "HEAD").write_text("ref: refs/heads/side\n")
    (worktree / ".git").write_text("gitdir: ../meta\n")
    assert git_branch(worktree) == "side"


def test_a_pipe_or_a_device_in_the_place_of_gits_head_holds_up_nobody(tmp_path: Path) -> None:
    for place in ("pipe", "device"):
        (tmp_path / place / ".git").mkdir(parents=True)
    os.mkfifo(tmp_path / "pipe" / ".git" / "HEAD")
    (tmp_path / "device" / ".git" / "HEAD").symlink_to("/dev/zero")
    (tmp_path / "endless").mkdir()
    (tmp_path / "endless" / ".git").symlink_to("/dev/zero")
    for place in ("pipe", "device", "endless"):
        assert git_branch(tmp_path / place) is None


@pytest.mark.parametrize("pointer", ["gitdir: \0", "gitdir: " + "x" * 300])
def test_what_git_would_not_take_is_no_repository(tmp_path: Path, pointer: str) -> None:
    (tmp_path / "folder" / ".git" / "HEAD").mkdir(parents=True)
    (tmp_path / "file").mkdir()
    (tmp_path / "file" / ".git").write_text(pointer)
    assert git_branch(tmp_path / "folder") is None
    assert git_branch(tmp_path / "file") is None
