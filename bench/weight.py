"""What a process weighs: memory now and at its highest, and open descriptors."""

import os
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def weight(pid: int | None = None) -> dict[str, float]:
    """MB (10⁶ bytes) resident now and at the most so far, and descriptors, of this or another process of this user."""
    place = Path("/proc", str(pid or os.getpid()))
    status = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
    return {
        "rss_mb": _megabytes(status["VmRSS"]),
        "peak_mb": _megabytes(status["VmHWM"]),
        "descriptors": sum(1 for _ in (place / "fd").iterdir()),
    }


def _megabytes(told: str) -> float:
    return round(int(told.split(maxsplit=1)[0]) * 1024 / 1e6, 1)


def file_bytes(folder: Path) -> dict[str, int]:
    """Sizes of the databases below a folder and of their write-ahead logs, by file name."""
    found = [path for ending in ("sqlite", "db") for path in folder.rglob(f"*.{ending}*")]
    return {path.name: path.stat().st_size for path in sorted(found) if not path.name.endswith("-shm")}
