"""``wua reconcile``: bronze against silver against every gold, by site and day; and rebuilds what differs."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from app import settings
from app.adapters.clickhouse import open_client
from app.adapters.clickhouse.catalogue import FIRST_DAY
from app.adapters.clickhouse.clients import is_embedded
from app.adapters.clickhouse.reconcile import LAST_DAY, Rebuilt, Reconciler, Scope
from app.adapters.committed import committed
from app.commands.letters_shown import print_table
from app.commands.progress import shown
from app.core.differences import Difference
from app.embedded.place import clickhouse_url
from app.errors import ReconcileError
from app.settings import Settings

#: A comparison reads all of the days that it is about.
TIMEOUT_S = 3600.0
COLUMNS = ("table", "held to", "site", "day", "figure", "should be", "is", "off by")


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` prints: what was made anew, and what differs after that."""

    rebuilt: list[Rebuilt]
    differences: list[Difference]


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "reconcile",
        description="Compares by site and day. 0 when all agree, 1 when something differs. --repair rebuilds "
        "from the layer below; readers see no gap. It wants every block committed: let the workers catch up "
        "and stop them with SIGTERM first; events wait in Kafka meanwhile.",
    )
    parser.add_argument("--site", default="", metavar="ID", help="default: every site")
    parser.add_argument("--from", dest="first", type=day, default=FIRST_DAY, metavar="DAY", help="2026-03-01")
    parser.add_argument("--to", dest="last", type=day, default=LAST_DAY, metavar="DAY", help="included")
    parser.add_argument("--repair", action="store_true", help="rebuild what differs")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--data", type=Path, metavar="DIR", help="data directory of the embedded stack")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what was made anew and what differs; 1 when something differs."""
    loaded = patient_settings(arguments.data)
    client = open_client(loaded.clickhouse, readonly=not arguments.repair)
    try:
        reconciler = Reconciler(client, database=loaded.clickhouse.database)
        scope = Scope(site_id=arguments.site, first=arguments.first, last=arguments.last)
        rebuilt = []
        with shown(as_json=arguments.json) as watch:
            if arguments.repair:
                refuse_at_work(reconciler, loaded, data=arguments.data)
                rebuilt = reconciler.rebuild(scope, watch=watch)
            report = Report(rebuilt=rebuilt, differences=reconciler.compare(scope, watch=watch))
    finally:
        client.close()
    if arguments.json:
        sys.stdout.buffer.write(msgspec.json.Encoder(decimal_format="number").encode(report) + b"\n")
    else:
        show(report, repaired=arguments.repair)
    return 1 if report.differences else 0


def show(report: Report, *, repaired: bool) -> None:
    """The report for people."""
    for one in report.rebuilt:
        print(f"rebuilt {one.table}: {len(one.days)} days, partitions {', '.join(one.partitions)}")
    if not report.differences:
        print("bronze, silver and every gold agree")
        return
    print_table(COLUMNS, [row for difference in report.differences for row in _rows(difference)])
    if repaired:
        print("What is left cannot be rebuilt from what ClickHouse keeps: see docs/RECONCILE.md")
    else:
        print("`wua reconcile --repair` rebuilds what can be: see docs/RECONCILE.md")


def patient_settings(data: Path | None) -> Settings:
    """The settings, of the data directory where one is given, with time for long statements."""
    place = {"clickhouse.url": clickhouse_url(data)} if data else {}
    patience = {"clickhouse.query_timeout_s": TIMEOUT_S, "clickhouse.insert_timeout_s": TIMEOUT_S}
    return settings.load(overrides={**place, **patience})


def refuse_at_work(reconciler: Reconciler, loaded: Settings, *, data: Path | None) -> None:
    """Raise ReconcileError where a block could still be repeated, or its partition replaced under it."""
    clickhouse = loaded.clickhouse
    if clickhouse.cluster:
        raise ReconcileError(
            f"clickhouse.cluster = {clickhouse.cluster!r}: --repair makes its tables on one server, not "
            "on a cluster; run it for each server of its own, with clickhouse.cluster empty"
        )
    if data is not None:
        # Of a directory at rest, no block is ever repeated: the broker is gone with the process.
        if not is_embedded(clickhouse):
            raise ReconcileError(f"{data}: a stack runs over this directory; stop it, then run this again")
        return
    known = asyncio.run(committed(loaded.broker, group=loaded.app.id))
    blocks = reconciler.last_blocks(epoch=loaded.broker.epoch)
    open_ = {partition: end for partition, end in blocks.items() if known.get(partition, 0) <= end}
    if open_:
        at = ", ".join(f"{partition} (block up to {end})" for partition, end in open_.items())
        raise ReconcileError(
            f"partitions not yet committed by {loaded.app.id}: {at}. Their blocks may be sent once more and "
            "would count twice: let a worker catch up, stop the workers with SIGTERM, then run this again"
        )


def _rows(difference: Difference) -> Sequence[tuple[str, ...]]:
    head = (difference.table, difference.source, difference.site_id, difference.day.isoformat())
    if not difference.figures:
        return [(*head, f"{difference.keys} keys", "", "", "")]
    return [
        (*head, name, _text(figure.wanted), _text(figure.found), _text(figure.found - figure.wanted))
        for name, figure in difference.figures.items()
    ]


def _text(value: Decimal) -> str:
    return f"{value:f}".rstrip("0").rstrip(".") if value % 1 else str(int(value))


def day(text: str) -> date:
    """A day of the command line."""
    try:
        return min(max(date.fromisoformat(text), FIRST_DAY), LAST_DAY)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a day such as 2026-03-01") from error
