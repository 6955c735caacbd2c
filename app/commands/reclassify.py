"""``wua reclassify``: events that are stored, judged by the rules and tables of today."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from app import log
from app.adapters.clickhouse import open_client
from app.adapters.clickhouse.catalogue import FIRST_DAY
from app.adapters.clickhouse.outdated import OutdatedDay
from app.adapters.clickhouse.reclassify import Compared, Done, Reclassifier
from app.adapters.clickhouse.reconcile import LAST_DAY, Reconciler, Scope
from app.adapters.clock import now_ms
from app.adapters.enricher import Enricher
from app.adapters.rules import rules_of
from app.commands.letters_shown import print_table
from app.commands.progress import shown
from app.commands.reconcile import day, patient_settings, refuse_at_work
from app.core.rules import Rules
from app.errors import ReconcileError

OUTDATED = ("site", "day", "events", "decided by", "today", "")
COLUMNS = ("what", "stored", "today", "events")


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "reclassify",
        description="Compares channel, source, place, device and bot verdict of stored events with what is "
        "decided of their kept payloads today, and writes what differs into silver and gold. To run it twice "
        "changes nothing more. --outdated does so for the days that other rules than today's decided. Like "
        "`wua reconcile --repair` it wants the workers stopped, after they caught up.",
    )
    parser.add_argument("--site", default="", metavar="ID", help="with --outdated: default every site")
    parser.add_argument("--from", dest="first", type=day, metavar="DAY", help="2026-03-01")
    parser.add_argument("--to", dest="last", type=day, metavar="DAY", help="included")
    parser.add_argument(
        "--outdated", action="store_true", help="only what other rules and tables than today's decided"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would change")
    parser.add_argument("--top", type=int, default=50, metavar="N", help="rows of the table; 0 = all")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--data", type=Path, metavar="DIR", help="data directory of the embedded stack")
    parser.set_defaults(run=run)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` prints; ``done`` is None of a dry run, ``outdated`` unless it was asked for."""

    compared: Compared
    done: Done | None
    outdated: list[OutdatedDay] | None


def run(arguments: argparse.Namespace) -> int:
    """Say what differs and write it; 1 when gold does not agree with silver afterwards."""
    asked = _asked(arguments)
    loaded = patient_settings(arguments.data)
    log.configure(loaded.log)
    rules = rules_of(loaded)
    client = open_client(loaded.clickhouse, readonly=arguments.dry_run)
    database = loaded.clickhouse.database
    try:
        with shown(as_json=arguments.json) as watch:
            reclassifier = Reclassifier(
                client, database=database, rules=rules, enrich=Enricher.of(loaded), watch=watch
            )
            reconciler = Reconciler(client, database=database)
            if not arguments.dry_run:
                refuse_at_work(reconciler, loaded, data=arguments.data)
            scopes, outdated = [asked], None
            if arguments.outdated:
                closed_before_ms = now_ms() - rules.reach_ms
                standing = reclassifier.outdated(asked, closed_before_ms=closed_before_ms)
                scopes, outdated = (
                    _writable(standing.periods, rules=rules, arguments=arguments),
                    standing.days,
                )
            elif not arguments.dry_run:
                refuse_reachable(reclassifier.last_receipt(asked), rules=rules, site_id=asked.site_id)
            compared, done, agrees = [], [], True
            for scope in scopes:
                compared.append(reclassifier.compare(scope, outdated=arguments.outdated))
                if not arguments.dry_run:
                    done.append(reclassifier.apply(scope, outdated=arguments.outdated))
                    agrees = not reconciler.compare(scope) and agrees
    finally:
        client.close()
    whole = None if arguments.dry_run else Done.of(done)
    report = Report(compared=Compared.of(compared), done=whole, outdated=outdated)
    if arguments.json:
        sys.stdout.buffer.write(msgspec.json.Encoder().encode(report) + b"\n")
    else:
        show(report, top=arguments.top)
    if not agrees:
        print("Gold does not agree with silver: run `wua reconcile --repair`", file=sys.stderr)
    return 0 if agrees else 1


def _asked(arguments: argparse.Namespace) -> Scope:
    """The site and days that were asked for; ReconcileError where they have to be said, and are not."""
    if not arguments.outdated and not (arguments.site and arguments.first and arguments.last):
        raise ReconcileError("say --site, --from and --to, or --outdated for the days that need it")
    return Scope(site_id=arguments.site, first=arguments.first or FIRST_DAY, last=arguments.last or LAST_DAY)


def _writable(periods: list[Scope], *, rules: Rules, arguments: argparse.Namespace) -> list[Scope]:
    """Those that may be written, or of a dry run all; says which sites it leaves out."""
    if arguments.dry_run:
        return periods
    split = {one.site_id for one in periods if rules.sessions_of(one.site_id).split_at_campaign}
    for site_id in sorted(split):
        print(f"{site_id}: sessions.split_at_campaign: stays as it is, see --dry-run", file=sys.stderr)
    return [one for one in periods if one.site_id not in split]


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
    if report.outdated is not None:
        show_outdated(report.outdated, top=top)
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
        if done.marked:
            print(f"{done.marked:,} events were decided the same, and now have the version of today's rules")


def show_outdated(days: Sequence[OutdatedDay], *, top: int) -> None:
    """Which days were decided by other rules."""
    if not days:
        print("no day was decided by other rules than today's")
        return
    rows = [
        (
            one.site_id,
            one.day.isoformat(),
            str(one.events),
            ", ".join(one.versions),
            one.today,
            "later: its sessions may still change" if one.is_open else "",
        )
        for one in days
    ]
    print_table(OUTDATED, rows[: top or None], title=f"{len(days)} days that other rules decided")
