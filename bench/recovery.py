"""How long a worker that has lost its data directory takes to have its windows again.

The states go to the changelog through the worker's own store; then a worker starts with an empty directory.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path
from typing import Any

import msgspec

from app.settings import Settings
from bench.report import Section
from bench.rig import PARTITIONS, BenchError, Rig
from tests.integration.open_windows import fill, open_state, rss_bytes
from tests.kafka.broker import Kafka
from tests.topology.parts import built

WINDOWS = (100_000, 200_000)


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Of one recovery: seconds from start to owned partitions and to the end, of CPU in all; bytes in all."""

    windows: int
    fill_s: float
    assigned_s: float
    recovered_s: float
    cpu_s: float
    state_bytes: int
    disk_bytes: int
    rss_bytes: int


def section(rig: Rig) -> Section:
    """A row for each number of windows."""
    runs = [
        asyncio.run(measure(rig.kafka, rig.new_directory("recovery"), windows=windows)) for windows in WINDOWS
    ]
    columns = ("windows", "filled in", "partitions owned", "recovered", "per 100,000", "CPU per 100,000")
    return Section(
        title="Recovery from the changelog",
        columns=(*columns, "state", "on disk", "RSS growth"),
        rows=[row(run) for run in runs],
        note=f"A worker with an empty data directory and {PARTITIONS} partitions; each visitor has one open "
        "window. Seconds from its start; state, disk and RSS are bytes of a window.",
    )


def row(measured: Measured) -> tuple[str, ...]:
    """A row of the table: bytes for each window, seconds from the start of the worker."""
    count = measured.windows
    recovery_s = measured.recovered_s - measured.assigned_s
    return (
        f"{count:,}",
        f"{measured.fill_s:.1f} s",
        f"{measured.assigned_s:.1f} s",
        f"{measured.recovered_s:.1f} s",
        f"{recovery_s / count * 100_000:.1f} s",
        f"{measured.cpu_s / count * 100_000:.1f} s",
        f"{measured.state_bytes} B",
        f"{measured.disk_bytes / count:.0f} B",
        f"{measured.rss_bytes / count:.0f} B",
    )


async def measure(kafka: Kafka, folder: Path, *, windows: int) -> Measured:
    """Fill the changelog, lose the directory, start a worker."""
    settings = Settings(
        app={"id": kafka.unique("recovery"), "data_dir": folder / "worker"},
        broker={"url": kafka.url, "partitions": PARTITIONS},
        clickhouse={"url": "http://127.0.0.1:1"},
    )
    began = time.monotonic()
    await fill_changelog(settings, windows=windows)
    filled_s = time.monotonic() - began
    shutil.rmtree(settings.app.data_dir)
    graph = built(settings, declare_topics=True)
    app: Any = graph.app
    app.boot_strategy.enable_web = False
    before, began, cpu_began = rss_bytes(), time.monotonic(), time.process_time()
    starting = asyncio.create_task(app.start())
    try:
        await app.tables.recovery.signal_recovery_start.wait()
        assigned_s = time.monotonic() - began
        await app.tables.recovery.completed.wait()
        recovered_s, after = time.monotonic() - began, rss_bytes()
        cpu_s = time.process_time() - cpu_began
        found = sum(graph.windows.count(partition) for partition in range(PARTITIONS))
    finally:
        await starting
        await app.stop()
    if found != windows:
        raise BenchError(f"{found} of {windows} windows came back")
    stored = sum(file.stat().st_size for file in settings.app.data_dir.rglob("*") if file.is_file())
    return Measured(
        windows=windows,
        fill_s=filled_s,
        assigned_s=assigned_s,
        recovered_s=recovered_s,
        cpu_s=cpu_s,
        state_bytes=len(graph.windows.codec.encode(open_state())),
        disk_bytes=stored,
        rss_bytes=after - before,
    )


async def fill_changelog(settings: Settings, *, windows: int) -> None:
    """What a worker with so many visitors has stored: its changelog, and a directory that is then lost."""
    graph = built(settings, declare_topics=True)
    table: Any = graph.app.tables["visitors"]
    await graph.app.producer.start()
    try:
        await table.changelog_topic.declare()
        await fill(graph.windows, windows=windows)
    finally:
        await table.data.stop()
        await graph.app.producer.stop()
