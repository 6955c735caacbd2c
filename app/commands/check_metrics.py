"""``wua check-metrics``: whether figures agree with each other, and gold with silver and bronze."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from app.adapters.clickhouse import QueryPool, open_client
from app.adapters.clickhouse.reconcile import Reconciler
from app.adapters.clickhouse.reconcile import Scope as Days
from app.adapters.clickhouse.watching import Watch
from app.commands import reconcile
from app.commands.letters_shown import print_table
from app.commands.progress import shown
from app.commands.reconcile import patient_settings
from app.core.differences import Difference
from app.errors import QueryError
from app.settings import Settings
from views.agreement import analyses_agree
from views.params import FIRST_DAY, LAST_DAY, Period, Scope, parse_period
from views.queries import Queries
from views.stats.identities import Identity, identities

_SITES = """
SELECT site_id, toDate(min(bucket)), toDate(max(bucket)) FROM {database:Identifier}.events_per_day
WHERE {site:String} IN ('', site_id) GROUP BY site_id ORDER BY site_id
"""
COLUMNS = ("site", "identity", "holds", "difference")


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` prints: every identity, and where the layers differ."""

    identities: list[Identity]
    differences: list[Difference]

    @property
    def is_well(self) -> bool:
        """Whether everything holds."""
        return not self.differences and not any(one.difference for one in self.identities)


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "check-metrics",
        description="Asks each site the same in several ways: visitors are no more than sessions, breakdowns "
        "sum to their totals, a filter that all pass changes nothing, gold says what silver does, every "
        "model of attribution gives as much as there was, no step of a funnel gains. It then "
        "compares bronze, silver and gold by day as `wua reconcile` does. 0 when all holds, 1 when not.",
    )
    parser.add_argument("--site", default="", metavar="ID", help="default: every site that has events")
    parser.add_argument("--from", dest="since", metavar="DAY", help="default: the first day there is")
    parser.add_argument(
        "--to", dest="until", metavar="DAY", help="left out itself; default: after the last day"
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--data", type=Path, metavar="DIR", help="data directory of the embedded stack")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print each identity; 1 when one does not hold."""
    checked = asyncio.run(check(patient_settings(arguments.data), arguments))
    if arguments.json:
        sys.stdout.buffer.write(msgspec.json.Encoder(decimal_format="number").encode(checked) + b"\n")
    else:
        show(checked)
    return 0 if checked.is_well else 1


async def check(loaded: Settings, arguments: argparse.Namespace) -> Checked:
    """Every identity of every site asked for, and where bronze, silver and gold differ."""
    with shown(as_json=arguments.json) as watch:
        return Checked(
            identities=await _identities(loaded, arguments, watch),
            differences=_differences(loaded, arguments.site, watch),
        )


async def _identities(loaded: Settings, arguments: argparse.Namespace, watch: Watch) -> list[Identity]:
    found: list[Identity] = []
    pool = QueryPool(loaded.clickhouse)
    try:
        queries = Queries(pool, settings=loaded)
        scopes = await _scopes(pool, loaded, arguments)
        watch.begin("ask each site in several ways", parts=len(scopes))
        for scope in scopes:
            found += [one async for one in identities(queries.stats, scope)]
            found += [one async for one in analyses_agree(queries, scope)]
            watch.part(scope.site_id)
    finally:
        await pool.close()
    return found


def _differences(loaded: Settings, site_id: str, watch: Watch) -> list[Difference]:
    client = open_client(loaded.clickhouse, readonly=True)
    try:
        reconciler = Reconciler(client, database=loaded.clickhouse.database)
        return reconciler.compare(Days(site_id=site_id), watch=watch)
    finally:
        client.close()


def show(checked: Checked) -> None:
    """The identities for people."""
    print_table(
        COLUMNS,
        [
            (one.site_id, one.identity, "no" if one.difference else "yes", one.difference)
            for one in checked.identities
        ],
    )
    reconcile.show(reconcile.Report(rebuilt=[], differences=checked.differences), repaired=False)


async def _scopes(pool: QueryPool, loaded: Settings, arguments: argparse.Namespace) -> list[Scope]:
    """Each site with the days asked for; without any, those that it has events of."""
    answer = await pool.query(_SITES, {"database": loaded.clickhouse.database, "site": arguments.site})
    if not answer.rows:
        raise QueryError(f"site = {arguments.site!r}: nothing of it is stored, so there is nothing to check")
    return [
        Scope(site_id=site_id, period=_period(loaded, site_id, arguments, first=first, last=last))
        for site_id, first, last in answer.rows
    ]


def _period(
    loaded: Settings, site_id: str, arguments: argparse.Namespace, *, first: date, last: date
) -> Period:
    # A day in UTC reaches over one more of the site's on either side.
    since = arguments.since or max(FIRST_DAY, first - timedelta(days=1)).isoformat()
    until = arguments.until or min(LAST_DAY, last + timedelta(days=2)).isoformat()
    zone = ZoneInfo(loaded.site(site_id).timezone)
    return parse_period(since, until, zone=zone, now_ms=int(time.time() * 1000))
