"""Where tests keep what they write: in memory, where there is room for it.

An engine's tables are thousands of small files: tests that empty many of them take half the time, all of them
a tenth less. What was written is gone when all passed.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")
#: More than twice what all tests write.
ROOM_BYTES = 8 * 1024**3
#: The variable by which pytest is told where to make its directories.
ROOT = "PYTEST_DEBUG_TEMPROOT"


def pytest_configure(config: pytest.Config) -> None:
    """Choose the memory, unless somebody chose another place."""
    if config.getoption("basetemp") is None and _room() >= ROOM_BYTES:
        os.environ.setdefault(ROOT, str(MEMORY))


def pytest_report_header(config: pytest.Config) -> str:
    """Say where it is."""
    place = config.getoption("basetemp") or os.environ.get(ROOT, "where pytest puts it")
    return f"what tests write: {place}"


def _room() -> int:
    """How many bytes the memory has for files; 0 where it takes none."""
    try:
        available = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(encoding="ascii"))
        free = shutil.disk_usage(MEMORY).free
    except OSError:
        return 0
    return min(free, int(available[1]) * 1024) if available else 0
