"""open session windows -> bytes that each takes in the changelog, in RocksDB and in memory.

    python -m bench.windows [KEYS]      # 200,000 keys where no number is given

A measurement, not a test. Keys have 8 bytes, such as ``m0001234``, and one window each, or four.
"""

from __future__ import annotations

import sys
import tempfile
import tracemalloc
from datetime import timedelta
from pathlib import Path
from typing import Any

import faust
import msgspec
from rich.console import Console
from rich.table import Table

from app.core.window_fold import KeyWindows
from tables.session_windows import SessionStore, SessionWindow, SessionWindows

KEYS = 200_000
AT = 1_772_445_600_000
GAP_MS = 300_000


class Run(msgspec.Struct, frozen=True, array_like=True):
    """An aggregate of two numbers."""

    readings: int
    kwh: float


#: Name, type and an example of an aggregate.
AGGREGATES: tuple[tuple[str, Any, Any], ...] = (
    ("a count", int, 40),
    ("two numbers", Run, Run(40, 12.5)),
)


def main() -> int:
    """Print the table."""
    keys = int(sys.argv[1]) if len(sys.argv) > 1 else KEYS
    table = Table(title=f"{keys:,} keys: bytes for each key")
    for column in ("aggregate", "windows", "changelog key + value", "RocksDB", "index in memory"):
        table.add_column(column, justify="left" if column == "aggregate" else "right")
    for name, kind, value in AGGREGATES:
        for windows in (1, 4):
            with tempfile.TemporaryDirectory() as directory:
                store = store_of(Path(directory), kind)
                sizes = measure(store, Path(directory), value=value, keys=keys, windows=windows)
            table.add_row(name, str(windows), *(f"{size / keys:.0f}" for size in sizes))
    Console().print(table)
    return 0


def store_of(directory: Path, kind: Any) -> SessionStore[Any]:
    """A store of an app that is never started."""
    app = faust.App("bench", broker="kafka://none", datadir=str(directory))
    gap = timedelta(milliseconds=GAP_MS)
    return SessionWindows.of_inactivity_gap_and_grace(gap, gap).aggregate(
        app,
        "windows",
        initializer=lambda: None,
        aggregator=lambda _key, _value, held: held,
        merger=lambda _key, one, _other: one,
        value_type=kind,
    )


def measure(
    store: SessionStore[Any], directory: Path, *, value: Any, keys: int, windows: int
) -> tuple[int, int, int]:
    """Bytes in the changelog (keys and values), on disk, and of the index that is rebuilt."""
    table: Any = store.table
    database = table.data._db_for_partition(0)
    logged = 0
    for number in range(keys):
        start = AT + number * 37
        held = tuple(
            SessionWindow(start + index * 4 * GAP_MS, start + (index * 4 + 1) * GAP_MS, value)
            for index in range(windows)
        )
        key, raw = b"m%07d" % number, store.codec.encode(KeyWindows(windows=held, last_offset=number))
        logged += len(key) + len(raw)
        database.put(key, raw)
    database.flush()
    database.compact_range(None, None)
    stored = sum(file.stat().st_size for file in directory.rglob("*.sst"))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    store.count(0)
    indexed = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return logged, stored, indexed


if __name__ == "__main__":
    sys.exit(main())
