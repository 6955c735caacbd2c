"""Fills an engine, asks each question in turn of the product and of DuckDB, and prints a table.

Both hold the same rows in their own tables, in the same order, and use two threads. A question is asked once
unmeasured, its answers are compared, and then so many times of each in turns. ``first`` is the median of
processes that are asked for the first time: later they remember which spans of days are known, and what their
estimates come to. Sums are read each time, and tell whether what is remembered is still right.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import duckdb
from rich.console import Console

from app import log
from app.adapters.clickhouse import QueryPool, open_client
from app.embedded.engine import ChdbEngine
from app.settings import ClickHouseSettings, LogSettings, Settings
from bench import machine
from bench.questions import rows
from bench.questions.analysed import analyses
from bench.questions.asked import FUNNEL, Question, questions
from bench.report import Section
from migrations.runner import migrate
from views.queries import Queries

THREADS = 2
COLUMNS = (
    "question",
    "first ms",
    "p50 ms",
    "p95 ms",
    "to keep",
    "kept",
    "DuckDB p50",
    "DuckDB p95",
    "DuckDB / ours",
)
#: How often a question is the first that a process is asked.
FIRSTS = 5
SETTLED_S = 600


def main(arguments: Sequence[str] | None = None) -> int:
    """Print and write the table; 1 where the two disagree about an answer."""
    options = parser().parse_args(arguments)
    log.configure(LogSettings(level="error"))
    console = Console()
    with tempfile.TemporaryDirectory(prefix="wua-bench-") as folder:
        section = measured(
            options.data or Path(folder),
            page_views=options.page_views,
            times=options.times,
            named=options.only,
        )
    section.show(console)
    if options.write:
        text = (
            f"# How long questions take\n\nMade by `python -m bench.questions`.\n\n{machine.describe()}\n\n"
        )
        options.write.write_text(text + section.markdown(), encoding="utf-8")
    return 0


def parser() -> argparse.ArgumentParser:
    """What can be said."""
    made = argparse.ArgumentParser(prog="python -m bench.questions", description=__doc__)
    made.add_argument("--page-views", type=int, default=20_000_000, metavar="N")
    made.add_argument("--times", type=int, default=20, metavar="N", help="how often each is asked")
    made.add_argument("--only", default="", metavar="TEXT", help="questions with this in their names")
    made.add_argument("--data", type=Path, metavar="DIR", help="keep the rows here, or use those that are")
    made.add_argument("--write", type=Path, metavar="FILE", help="as Markdown")
    return made


def measured(folder: Path, *, page_views: int, times: int, named: str = "") -> Section:
    """The table, over rows that are in the folder, or are made there."""
    filled = folder / "filled"
    with ChdbEngine(folder / "clickhouse", cache_mb=ClickHouseSettings().cache_mb) as engine:
        clickhouse = ClickHouseSettings(url=engine.url, database=rows.DATABASE, insert_timeout_s=3600)
        if not filled.exists():
            _fill(clickhouse, folder, page_views=page_views)
            filled.write_text(str(page_views), encoding="utf-8")
        if (there := int(filled.read_text(encoding="utf-8"))) != page_views:
            raise SystemExit(
                f"{folder} holds {there} page views: name another folder, or --page-views {there}"
            )
        with closing(open_client(clickhouse, readonly=False)) as client:
            migrate(client, database=rows.DATABASE)
        settings = Settings(clickhouse=clickhouse, funnels={"funnel": FUNNEL})
        with duckdb.connect(str(folder / "duckdb"), config={"threads": THREADS}) as other:
            table = asyncio.run(_asked(settings, other, times=times, named=named))
    return Section(
        title=f"Questions of the biggest of {rows.SITES} sites, thirty of {rows.DAYS} days",
        columns=COLUMNS,
        rows=table,
        note=f"{page_views:,} page views in all, {rows.sessions_of(page_views):,} sessions. "
        "`first`: the median of processes that are asked for the first time. Ratio of the other medians.",
    )


def _fill(clickhouse: ClickHouseSettings, folder: Path, *, page_views: int) -> None:
    with closing(open_client(clickhouse, readonly=False)) as client:
        migrate(client, database=rows.DATABASE)
        rows.fill(client, page_views=page_views)
        rows.settle(client, limit_s=SETTLED_S)
        with duckdb.connect(str(folder / "duckdb"), config={"threads": THREADS}) as other:
            for name, file in rows.copy(client, folder).items():
                other.execute(f"CREATE TABLE {name} AS SELECT * FROM read_parquet('{file}')")
                file.unlink()


async def _asked(
    settings: Settings, other: duckdb.DuckDBPyConnection, *, times: int, named: str
) -> list[list[str]]:
    pool = QueryPool(settings.clickhouse)

    def process() -> Queries:
        """The questions, asked by one that remembers nothing yet."""
        return Queries(pool, settings=settings)

    try:
        return [
            await _measure(one, process, other, times=times)
            for one in (*questions(), *analyses())
            if named in one.name
        ]
    finally:
        await pool.close()


async def _measure(
    one: Question, process: Callable[[], Queries], other: duckdb.DuckDBPyConnection, *, times: int
) -> list[str]:
    queries = process()
    ours, theirs = await one.ask(queries), _answer(one, other)
    compare(one, ours, theirs)
    took_first, took_ours, took_theirs = [], [], []
    for _ in range(FIRSTS):
        new = process()
        began = time.perf_counter()
        await one.ask(new)
        took_first.append((time.perf_counter() - began) * 1000)
        _answer(one, other)
    for _ in range(times):
        began = time.perf_counter()
        await one.ask(queries)
        middle = time.perf_counter()
        _answer(one, other)
        took_ours.append((middle - began) * 1000)
        took_theirs.append((time.perf_counter() - middle) * 1000)
    p50, p95 = _quantile(took_ours, 0.5), _quantile(took_ours, 0.95)
    kept = "yes" if p95 <= one.limit_ms else "no"
    theirs_p50, theirs_p95 = _quantile(took_theirs, 0.5), _quantile(took_theirs, 0.95)
    times_ms = [_quantile(took_first, 0.5), p50, p95]
    figures = [*(f"{took:.1f}" for took in times_ms), f"{one.limit_ms}", kept]
    figures += [f"{theirs_p50:.1f}", f"{theirs_p95:.1f}"]
    return [one.name, *figures, f"{theirs_p50 / p50:.1f}"]


def compare(one: Question, ours: list[float], theirs: list[float]) -> None:
    """SystemExit where the two answer differently."""
    alike = len(ours) == len(theirs) and all(
        abs(mine - other) <= one.tolerance * max(abs(mine), abs(other))
        for mine, other in zip(ours, theirs, strict=True)
    )
    if not alike:
        raise SystemExit(f"{one.name}: the answers differ: {ours[:8]} and {theirs[:8]}")


def _answer(one: Question, other: duckdb.DuckDBPyConnection) -> list[float]:
    found = [value for sql in one.duckdb for row in other.execute(sql).fetchall() for value in row]
    return [float(part or 0) for value in found for part in (value if isinstance(value, list) else [value])]


def _quantile(values: list[float], level: float) -> float:
    """The nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(level * len(ordered)) - 1))]


if __name__ == "__main__":
    sys.exit(main())
