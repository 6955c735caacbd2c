"""What a run was made on, without a date: processor, memory, versions."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

import chdb

from tests.kafka.jars import kafka_version

QUIX_PINS = Path(__file__).with_name("constraints-quix.txt")
PACKAGES = ("faust-streaming", "aiokafka", "rocksdict", "msgspec", "clickhouse-connect")


def describe() -> str:
    """One paragraph."""
    packages = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    return (
        f"{os.cpu_count()} cores ({_first('/proc/cpuinfo', 'model name')}), "
        f"{int(_first('/proc/meminfo', 'MemTotal').split()[0]) / 2**20:.0f} GiB of memory, "
        f"Linux {platform.release()}, Python {platform.python_version()}, Apache Kafka {kafka_version()}, "
        f"chDB engine {chdb.engine_version}, {packages}, quixstreams {quix_version()}."
    )


def quix_version() -> str:
    """The Quix Streams that is pinned."""
    match = re.search(r"^quixstreams==(.+)$", QUIX_PINS.read_text(encoding="utf-8"), re.MULTILINE)
    assert match, f"{QUIX_PINS} names no quixstreams"
    return match[1]


def _first(file: str, name: str) -> str:
    """The value of the first ``name: value`` line; "unknown" where there is none."""
    match = re.search(rf"^{name}\s*:\s*(.+)$", Path(file).read_text(encoding="utf-8"), re.MULTILINE)
    return match[1].strip() if match else "unknown"
