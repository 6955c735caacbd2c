"""``wua reclassify``: events that are stored, judged by the rules and tables of today."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from app import log
from app.adapters.clickhouse import open_client
from app.adapters.clickhouse.reclassify import Compared, Done, Reclassifier
from app.adapters.clickhouse.reconcile import Reconciler, Scope
from app.adapters.enricher import Enricher
from app.adapters.rules import rules_of
from app.commands.letters_shown import print_table
from app.commands.reconcile import day, patient_settings, refuse_at_work
from app.core.rules import Rules
from app.errors import ReconcileError

COLUMNS = ("what", "stored", "today", "events")


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "reclassify",
        help="judge stored events by the rules and tables of today",
        description="Compares channel, source, device and bot verdict of stored events with what is decided "
        "of their kept payloads today, and writes what differs into silver and gold. To run it twice changes "
        "nothing more. Like `wua reconcile --repair` it wants the workers stopped, after they caught up.",
    )
    parser.add_argument("--site", required=True, metavar="ID")
    parser.add_argument("--from", dest="first", type=day, required=True, metavar="DAY", help="2026-03-01")
    parser.add_argument("--to", dest="last", type=day, required=True, metavar="DAY", help="included")
    parser.add_argument("--dry-run", action="store_true", help="only say what would change")
    parser.add_argument("--top", type=int, default=50, metavar="N", help="rows of the table; 0 = all")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--data", type=Path, metavar="DIR", help="data directory of the embedded stack")
    parser.set_defaults(run=run)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` prints; ``done`` is None of a dry run."""

    compared: Compared
    done: Done | None


def run(arguments: argparse.Namespace) -> int:
    """Say what differs and write it; 1 when gold does not agree with silver afterwards."""
    loaded = patient_settings(arguments.data)
    # A line for each day that was read, on standard error.
    log.configure(loaded.log)
    rules = rules_of(loaded)
    scope = Scope(site_id=arguments.site, first=arguments.first, last=arguments.last)
    client = open_client(loaded.clickhouse, readonly=arguments.dry_run)
    database = loaded.clickhouse.database
    try:
        reclassifier = Reclassifier(client, database=database, rules=rules, enrich=Enricher.of(loaded))
        done, agrees = None, True
        if not arguments.dry_run:
            reconciler = Reconciler(client, database=database)
            refuse_at_work(reconciler, loaded, data=arguments.data)
            refuse_reachable(reclassifier.last_receipt(scope), rules=rules, site_id=arguments.site)
        compared = reclassifier.compare(scope)
        if not arguments.dry_run:
            done = reclassifier.apply(scope)
            agrees = not reconciler.compare(scope)
    finally:
        client.close()
    report = Report(compared=compared, done=done)
    if arguments.json:
        sys.stdout.buffer.write(msgspec.json.Encoder().encode(report) + b"\n")
    else:
        show(report, top=arguments.top)
    if not agrees:
        print("Gold does not agree with silver: run `wua reconcile --repair`", file=sys.stderr)
    return 0 if agrees else 1


def refuse_reachable(last: datetime | None, *, rules: Rules, site_id: str) -> None:
    """Raise ReconcileError where a worker may state these sessions anew, or would cut them otherwise."""
    if rules.sessions_of(site_id).split_at_campaign:
        raise ReconcileError(
            f"{site_id}: sessions.split_at_campaign: another source would begin other sessions, which are "
            "not cut anew here; look at the differences with --dry-run"
        )
    if last is None:
        return
    until = last + timedelta(milliseconds=rules.reach_ms)
    if until > datetime.now(UTC):
        raise ReconcileError(
            f"{site_id}: the last event of these days (and of the one before and after) was received "
            f"{last:%Y-%m-%d %H:%M} UTC, and its session may change until {until:%Y-%m-%d %H:%M}: end the "
            "period earlier, or wait"
        )


def show(report: Report, *, top: int) -> None:
    """The report for people."""
    compared, done = report.compared, report.done
    print(
        f"{compared.events:,} events compared, {compared.changed:,} decided otherwise today; "
        f"{compared.without_payload:,} without a payload stay as they are"
    )
    if compared.differing:
        rows = [
            (one.what, one.stored or "-", one.today or "-", str(one.events)) for one in compared.differing
        ]
        print_table(COLUMNS, rows[: top or None])
    if done is not None:
        golds = len(done.rebuilt)
        print(f"written: {done.events:,} events, {done.sessions:,} sessions, {golds} golds made anew")
