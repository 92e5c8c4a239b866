from pathlib import Path

import pytest

from agentd.errors import ConfigError
from agentd.identity_file import load, load_or_make


def test_keys_are_drawn_once_and_are_private(tmp_path: Path) -> None:
    path = tmp_path / "state" / "identity.key"
    first = load_or_make(path)
    assert load_or_make(path) == load(path) == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_draft_left_by_a_crash_is_no_key(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    path.with_suffix(".new").write_bytes(b"half")
    assert load_or_make(path) == load(path)


def test_keys_that_others_can_read_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    load_or_make(path)
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_or_make(path)


def test_a_damaged_file_is_named_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    path.write_bytes(b"short")
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="agentd logout"):
        load_or_make(path)
    assert path.read_bytes() == b"short"
