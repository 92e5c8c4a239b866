import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from app_flet.config import storage_folder
from app_flet.device import Device
from app_flet.store import Store
from tests.app_flet.conftest import now_ms
from tests.app_flet.harness import staged

ROOT = Path(__file__).resolve().parents[2]


def test_the_store_lies_where_the_platform_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FLET_APP_STORAGE_DATA", str(tmp_path))
    assert storage_folder() == tmp_path
    monkeypatch.delenv("FLET_APP_STORAGE_DATA")
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere")
    assert storage_folder() == Path("/somewhere/halyard-app")


async def test_a_native_app_begins_with_pairing_and_asks_for_a_relay(tmp_path: Path) -> None:
    device = Device(Store(tmp_path / "device.sqlite"), now_ms)
    async with staged(device, served_by="") as stage:
        assert {"pair-code", "pair-relay", "pair-submit"} <= set(stage.ids())
        assert "Keys are made on this device" in stage.text()


def test_what_a_build_packages_is_complete_by_itself(tmp_path: Path) -> None:
    staged_at = tmp_path / "app"
    subprocess.run([ROOT / "tools" / "stage_app.sh", staged_at], check=True, capture_output=True)
    # -S: without the path file that leads to this checkout; only what was staged, and installed packages.
    program = (
        f"import sys; sys.path[:0] = ['src', {sysconfig.get_path('purelib')!r}];"
        "import main; print(main.Screen.__module__);"
        "print(sorted(name for name in sys.modules if name.split('.')[0] in ('grpc', 'halyard', 'google')))"
    )
    run = subprocess.run(
        [sys.executable, "-S", "-P", "-c", program], cwd=staged_at, check=True, capture_output=True, text=True
    )
    assert run.stdout.splitlines() == ["app_flet.screen", "[]"]
