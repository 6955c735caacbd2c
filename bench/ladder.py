"""The speed ladder of the ingest path: what each part of the way costs, on the same events and broker.

A span begins when the first event is there (c: when the worker is ready) and ends when the last is done, so
that no start-up counts. The events lie in the topic before; each row reads them under a group of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from bench.report import Section
from bench.rig import BenchError, Rig, Row
from bench.workers import WorkerRun, read_topic
from tests.e2e.deployment import BIN

BARE = "a  aiokafka getmany, decoded"
PURE = "b  a, and the pure pipeline"
WORKER = "c  worker, broker to gold"
PLAIN = "d  plain Faust agent, one table"
QUIX = "e  Quix Streams, one state"


def measure(rig: Rig, *, worker: Callable[[], WorkerRun], quix: Path) -> dict[str, Row]:
    """Every row, by name; ``quix`` is the Python that has Quix Streams."""
    if not quix.is_file():
        raise BenchError(f"{quix}: no such file; `make bench` makes the environment of Quix Streams")
    program = [sys.executable, "-m", "bench.bare"]
    faust = [str(BIN / "faust"), "-A", "bench.plain_agent:app", "worker", "--without-web", "-l", "warn"]
    return {
        BARE: rig.run(BARE, [*program, "decode"]),
        PURE: rig.run(PURE, [*program, "pipeline"]),
        WORKER: worker().row,
        PLAIN: rig.run(PLAIN, faust),
        QUIX: rig.run(QUIX, [str(quix), "-m", "bench.quix_count"]),
    }


def worker_run(rig: Rig) -> WorkerRun:
    """Row (c)."""
    return read_topic(rig, name=WORKER)


def sections(rows: dict[str, Row]) -> list[Section]:
    """The rows, and the worker against its neighbours."""
    worker = rows[WORKER]
    return [
        Section(title="The ladder", columns=COLUMNS, rows=[cells(row) for row in rows.values()], note=NOTE),
        Section(
            title="The worker against the others",
            columns=("ratio", "events/s", "CPU of the program", "CPU of all"),
            rows=[
                ratio("c / d", worker, rows[PLAIN]),
                ratio("c / b", worker, rows[PURE]),
                ratio("c / e", worker, rows[QUIX]),
            ],
            note="Events/s: more is better. CPU an event: less is better.",
        ),
    ]


COLUMNS = ("row", "events/s", "wall µs", "CPU µs: program", "engine", "broker", "events")
NOTE = (
    "Microseconds an event. Program: the measured process, for c the worker; engine: ClickHouse's front "
    "process; broker: the JVM. Events: how many were done, of how many where the time was up before."
)


def cells(row: Row) -> tuple[str, ...]:
    """A row as text."""
    done = f"{row.span.events:,}"
    groups = (f"{row.cpu_us(group):.1f}" if row.cpu_s.get(group) else "-" for group in GROUPS)
    return (
        row.name,
        f"{row.events_per_s:,.0f}",
        f"{1e6 / row.events_per_s:.1f}",
        *groups,
        done if row.span.events >= row.total else f"{done} of {row.total:,}",
    )


GROUPS = ("program", "engine", "broker")


def ratio(name: str, one: Row, other: Row) -> tuple[str, ...]:
    """One row over another."""
    return (
        name,
        f"{one.events_per_s / other.events_per_s:.2f}",
        f"{one.cpu_us('program') / other.cpu_us('program'):.2f}",
        f"{one.all_cpu_us / other.all_cpu_us:.2f}",
    )
