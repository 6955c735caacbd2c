"""Open session windows of the library -> bytes that each takes in the changelog, in RocksDB and in memory.

Keys have 8 bytes, such as ``m0001234``, and one window each, or four.
"""

from __future__ import annotations

import tracemalloc
from datetime import timedelta
from pathlib import Path
from typing import Any

import faust
import msgspec

from app.core.window_fold import KeyWindows
from bench.report import Section
from bench.rig import Rig
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


def section(rig: Rig) -> Section:
    """A row for each aggregate and number of windows."""
    rows = []
    for name, kind, value in AGGREGATES:
        for windows in (1, 4):
            directory = rig.new_directory("windows")
            sizes = measure(store_of(directory, kind), directory, value=value, keys=KEYS, windows=windows)
            rows.append((name, str(windows), *(f"{size / KEYS:.0f}" for size in sizes)))
    return Section(
        title="Bytes of a key with open windows, in the library",
        columns=("aggregate", "windows", "changelog key + value", "RocksDB", "index in memory"),
        rows=rows,
        note=f"Over {KEYS:,} keys. A visitor of the product, with one open window, is in the next table.",
    )


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
