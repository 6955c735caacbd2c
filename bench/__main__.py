"""``python -m bench [--only PART ...]``: the benchmarks of the ingest path, all in one run on one broker.

The broker is a real Kafka: librdkafka's mock keeps 5 MB of a partition, and the events of a run are more.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.console import Console

from app import log
from app.settings import LogSettings
from bench import engine_views, freshness, ladder, machine, profile, recovery, report, scale, windows
from bench.report import Section
from bench.rig import BenchError, Rig, broker
from bench.workers import WorkerRun
from tests.kafka.jars import KafkaAbsentError
from tests.kafka.ready import KafkaFailedError

PARTS = ("ladder", "profile", "freshness", "scale", "views", "windows", "recovery")
QUIX = Path(".venv-quix/bin/python")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print each part's tables as they are done; 1 where a part cannot be measured."""
    options = parser().parse_args(arguments)
    log.configure(LogSettings(level="error"))
    # A front that is starting refuses connections, and libraries would print each.
    logging.disable(logging.WARNING)
    console, done = Console(), []
    described = machine.describe()
    console.print(described, style="dim")
    try:
        with tempfile.TemporaryDirectory(prefix="wua-bench-") as folder, broker(options.broker) as kafka:
            rig = Rig(kafka, Path(folder), events=options.events, limit_s=options.limit)
            for section in sections(rig, options):
                section.show(console)
                done.append(section)
    except (BenchError, KafkaAbsentError, KafkaFailedError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if options.write:
        options.write.write_text(report.document(done, machine=described), encoding="utf-8")
        console.print(f"written: {options.write}")
    return 0


def sections(rig: Rig, options: argparse.Namespace) -> Iterator[Section]:
    """The sections of the parts that were asked for, one by one."""
    runs: list[WorkerRun] = []

    def run() -> WorkerRun:
        runs.append(ladder.worker_run(rig))
        return runs[-1]

    def worker() -> WorkerRun:
        """The median of those that were made."""
        row = ladder.median_row([one.row for one in runs or [run()]])
        return next(one for one in runs if one.row is row)

    def climb() -> list[Section]:
        return ladder.sections(ladder.measure(rig, worker=run, quix=options.quix, passes=options.passes))

    parts: dict[str, Callable[[], list[Section]]] = {
        "ladder": climb,
        "profile": lambda: [profile.section(rig, worker())],
        "freshness": lambda: [freshness.section(rig, full_rate=worker().row.events_per_s)],
        "scale": lambda: [scale.section(rig, share=options.scale_share)],
        "views": lambda: [engine_views.section(rig)],
        "windows": lambda: [windows.section(rig)],
        "recovery": lambda: [recovery.section(rig)],
    }
    for part in options.only:
        yield from parts[part]()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    new = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    new.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS))
    new.add_argument("--events", type=int, default=200_000)
    new.add_argument("--passes", type=int, default=3, help="of the ladder")
    new.add_argument("--limit", type=float, default=60.0, metavar="S", help="seconds that a row may take")
    new.add_argument(
        "--scale-share", type=float, default=0.4, metavar="SHARE", help="of the events, in each row of scale"
    )
    new.add_argument(
        "--broker",
        choices=("jvm", "docker", "given"),
        default="jvm",
        help="given: the one that WUA_KAFKA names",
    )
    new.add_argument("--quix", type=Path, default=QUIX, metavar="PYTHON", help="one that has Quix Streams")
    new.add_argument("--write", type=Path, metavar="FILE", help="the tables as Markdown")
    return new


if __name__ == "__main__":
    raise SystemExit(main())
