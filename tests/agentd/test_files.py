"""Files of a project are shown; nothing outside of it is, whatever path or link is tried."""

import os
from pathlib import Path

import pytest

from agentd.agents.agent import PathOutsideProjectError
from agentd.errors import Refused
from agentd.files import MAX_READ_BYTES, list_folder, read_file


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "src").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / "src" / "b.py").write_text("print('b')\n")
    (root / "a.txt").write_text("äöü\n")
    (root / "picture.png").write_bytes(b"\x89PNG\0\0")
    (tmp_path / "secret").write_text("keep out")
    (root / "way_out").symlink_to(tmp_path)
    (root / "secret_link").symlink_to(tmp_path / "secret")
    return root


def test_folders_come_first_then_names(project: Path) -> None:
    entries = list_folder(project, "")
    assert [(entry.path, entry.folder) for entry in entries] == [
        ("src", True),
        ("a.txt", False),
        ("picture.png", False),
        ("secret_link", False),
        ("way_out", False),
    ]
    assert [entry.path for entry in list_folder(project, "src")] == ["src/b.py"]


def test_a_file_is_read_in_pieces(project: Path) -> None:
    whole = read_file(project, "a.txt", 0, 0)
    assert (whole.content.decode(), whole.size_bytes, whole.binary) == ("äöü\n", 7, False)
    assert read_file(project, "src/b.py", 6, 3).content == b"'b'"
    assert read_file(project, "picture.png", 0, 0).binary


def test_no_more_than_a_mebibyte_at_once(project: Path) -> None:
    (project / "big").write_bytes(b"x" * (MAX_READ_BYTES + 10))
    assert len(read_file(project, "big", 0, 2**32 - 1).content) == MAX_READ_BYTES


def test_a_character_cut_where_looking_ended_is_still_text(project: Path) -> None:
    (project / "long").write_text("x" + "ä" * 8_000)
    assert not read_file(project, "long", 0, 10).binary
    (project / "broken").write_bytes(b"ok \xc3")
    assert read_file(project, "broken", 0, 10).binary


@pytest.mark.parametrize(
    "path", ["..", "../secret", "/etc/passwd", "src/../../secret", "way_out/secret", "secret_link"]
)
def test_paths_that_leave_the_project_are_refused(project: Path, path: str) -> None:
    with pytest.raises(PathOutsideProjectError):
        read_file(project, path, 0, 0)


def test_folders_outside_are_not_listed(project: Path) -> None:
    with pytest.raises(PathOutsideProjectError):
        list_folder(project, "way_out")


@pytest.mark.parametrize("path", ["missing", "src", "a.txt/deeper"])
def test_what_is_no_file_is_not_found(project: Path, path: str) -> None:
    with pytest.raises(Refused) as refused:
        read_file(project, path, 0, 0)
    assert refused.value.reason == "NOT_FOUND"


def test_a_pipe_does_not_hang(project: Path) -> None:
    os.mkfifo(project / "pipe")
    with pytest.raises(Refused) as refused:
        read_file(project, "pipe", 0, 0)
    assert refused.value.reason == "NOT_FOUND"


def test_a_zero_byte_is_malformed(project: Path) -> None:
    with pytest.raises(Refused) as refused:
        read_file(project, "a\0b", 0, 0)
    assert refused.value.reason == "MALFORMED"


def test_a_file_is_no_folder(project: Path) -> None:
    with pytest.raises(Refused):
        list_folder(project, "a.txt")


def test_a_name_that_is_no_text_hides_nothing_beside_it(project: Path) -> None:
    (project / "src" / os.fsdecode(b"caf\xe9")).touch()
    entries = list_folder(project, "src")
    assert sorted(entry.path for entry in entries) == ["src/b.py", "src/caf�"]
    assert all(entry.SerializeToString() for entry in entries)


@pytest.mark.parametrize("path", ["x" * 300, "x/" * 3_000, "circle"])
def test_names_that_are_too_long_and_links_in_a_circle_are_not_found(project: Path, path: str) -> None:
    (project / "circle").symlink_to("circle")
    for look in (lambda: list_folder(project, path), lambda: read_file(project, path, 0, 0)):
        with pytest.raises(Refused) as refused:
            look()
        assert refused.value.reason == "NOT_FOUND"


def test_a_link_in_a_circle_is_listed_like_any_other(project: Path) -> None:
    (project / "src" / "circle").symlink_to("circle")
    assert [entry.path for entry in list_folder(project, "src")] == ["src/b.py", "src/circle"]


@pytest.mark.parametrize("offset", [8, 2**63 - 1, 2**64 - 1])
def test_beyond_its_end_a_file_holds_nothing(project: Path, offset: int) -> None:
    beyond = read_file(project, "a.txt", offset, 0)
    assert (beyond.content, beyond.size_bytes) == (b"", 7)
