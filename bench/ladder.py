"""The speed ladder of the ingest path: what each part of the way costs, on the same events and broker.

A span begins when the first event is there (c: when the worker is ready) and ends when the last is done, so
that no start-up counts. The events lie in the topic before; each row reads them under a group of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

from bench.report import Section
from bench.rig import BenchError, Rig, Row
from bench.workers import WorkerRun, read_topic
from tests.e2e.deployment import BIN

BARE = "a  aiokafka getmany, decoded"
PURE = "b  a, and the pure pipeline"
WORKER = "c  worker, broker to gold"
PLAIN = "d  plain Faust agent, one table"
QUIX = "e  Quix Streams, one state"


def measure(rig: Rig, *, worker: Callable[[], WorkerRun], quix: Path, passes: int) -> list[dict[str, Row]]:
    """Every row by name, one after the other, as often as there are passes.

    ``quix`` is the Python that has Quix Streams.
    """
    if not quix.is_file():
        raise BenchError(f"{quix}: no such file; `make bench` makes the environment of Quix Streams")
    program = [sys.executable, "-m", "bench.bare"]
    faust = [str(BIN / "faust"), "-A", "bench.plain_agent:app", "worker", "--without-web", "-l", "warn"]
    return [
        {
            BARE: rig.run(BARE, [*program, "decode"]),
            PURE: rig.run(PURE, [*program, "pipeline"]),
            WORKER: worker().row,
            PLAIN: rig.run(PLAIN, faust),
            QUIX: rig.run(QUIX, [str(quix), "-m", "bench.quix_count"]),
        }
        for _ in range(passes)
    ]


def worker_run(rig: Rig) -> WorkerRun:
    """Row (c)."""
    return read_topic(rig, name=WORKER)


def sections(passes: Sequence[Mapping[str, Row]]) -> list[Section]:
    """The rows, each in its median pass, and the worker against its neighbours of the same pass."""
    rows = [median_row([one[name] for one in passes]) for name in passes[0]]
    of = f"Of {len(passes)} passes, one after the other"
    return [
        Section(
            title="The ladder",
            columns=COLUMNS,
            rows=[cells(row) for row in rows],
            note=f"{NOTE} {of}, the one with the median of events/s.",
        ),
        Section(
            title="The worker against the others",
            columns=("ratio", "events/s", "CPU of the program", "CPU of all"),
            rows=[
                ratios(name, [(one[WORKER], one[other]) for one in passes])
                for name, other in (("c / d", PLAIN), ("c / b", PURE), ("c / e", QUIX))
            ],
            note=f"Events/s: more is better. CPU an event: less is better. {of}, the median of the ratios "
            "within a pass, and the least and the most.",
        ),
    ]


def median_row(rows: Sequence[Row]) -> Row:
    """The one in the middle by events/s; the lower of two."""
    return sorted(rows, key=lambda row: row.events_per_s)[(len(rows) - 1) // 2]


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


def ratios(name: str, pairs: Sequence[tuple[Row, Row]]) -> tuple[str, ...]:
    """One row over another, in each pass."""
    return (
        name,
        spread([one.events_per_s / other.events_per_s for one, other in pairs]),
        spread([one.cpu_us("program") / other.cpu_us("program") for one, other in pairs]),
        spread([one.all_cpu_us / other.all_cpu_us for one, other in pairs]),
    )


def spread(values: Sequence[float]) -> str:
    """Median, least and most as text."""
    return f"{median(values):.2f} ({min(values):.2f}-{max(values):.2f})"
