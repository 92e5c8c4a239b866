import os
from pathlib import Path

import pytest

from agentd.errors import AlreadyRunningError
from agentd.instance_lock import instance_lock


def test_the_second_is_told_about_the_first(tmp_path: Path) -> None:
    path = tmp_path / "agentd.lock"
    with instance_lock(path, "default"), pytest.raises(AlreadyRunningError) as second, instance_lock(path, "default"):
        pass
    assert second.value.pid == os.getpid()
    assert "agentd stop" in str(second.value)


def test_a_lock_ends_with_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "agentd.lock"
    for _ in range(2):
        with instance_lock(path, "default"):
            assert path.read_text().strip() == str(os.getpid())
