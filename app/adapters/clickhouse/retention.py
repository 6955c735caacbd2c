"""Settings of sites -> TTLs of the tables that hold people's rows; and which days can be compared after that.

A site's days never lengthen what a table keeps of all. Gold is not touched, for it holds counts; but for who
is whom, which goes with the rows that say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import msgspec
from clickhouse_connect.driver.binding import format_query_value
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from app.adapters.clickhouse.catalogue import FIRST_DAY, TTL_MARGIN, load
from app.adapters.clickhouse.codes import refused
from app.adapters.clickhouse.repair import FILLING
from app.settings import Settings

#: Stands for every site that the settings do not name.
OTHERS = ""

_TTL_SQL = """
SELECT extract(create_table_query, ' TTL (.*?) SETTINGS ') FROM system.tables
WHERE database = {database:String} AND name = {table:String}
"""
_HISTORY_SQL = """
SELECT site_id, groupArray((days, since)) FROM (
    SELECT * FROM {database:Identifier}.site_retention ORDER BY site_id, since
) GROUP BY site_id
"""

#: Site -> its days (0: as the tables say), each with the moment from which they held.
History = Mapping[str, Sequence[tuple[int, datetime]]]


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What was changed: tables that got another TTL, sites that got other days (0: as the tables say).

    Days are the most that any table keeps of the site; a table that keeps less of all goes on doing so.
    """

    tables: list[str]
    sites: dict[str, int]


class _Note(msgspec.Struct, frozen=True, kw_only=True):
    """A site's days from now on, and those that held for it as one of the others, to be noted with it."""

    site_id: str
    days: int
    is_shorter: bool
    inherited: Sequence[tuple[int, datetime]]


def apply(client: Client, settings: Settings) -> Applied:
    """Give the tables the TTLs that the settings ask for; changes nothing the second time.

    ClickHouse removes rows when it merges parts, some hours later. Days that no table would be shortened by
    count as none. Raises ReconcileError where there is no schema or ClickHouse refuses; what was done stays
    done, and to run again does the rest.
    """
    database = settings.clickhouse.database
    try:
        known = load(client, database=database)
    except ClickHouseError as error:
        raise refused(error, at=f"the schema of {database}") from error
    longest = max(lifetime.days for lifetime in known.people.values())
    asked = {site_id: site.retention_days for site_id, site in settings.sites.items()}
    asked[OTHERS] = settings.default_site.retention_days
    days = {site_id: count if count and count < longest else 0 for site_id, count in asked.items()}
    notes = _notes(_history(client, database), days)
    # Rows may go from the first TTL that is shorter, and are kept once the last one is longer.
    _remember(client, database, [note for note in notes if note.is_shorter])
    changed = [
        table
        for table, lifetime in known.people.items()
        if _set_ttl(client, table, lifetime.days, days, settings)
    ]
    _remember(client, database, [note for note in notes if not note.is_shorter])
    return Applied(tables=sorted(changed), sites={note.site_id: note.days for note in notes})


def comparable_days(client: Client, *, database: str, today: date, born: date) -> dict[str, date]:
    """Site (or OTHERS) -> the first day of which its own retention can have removed no row."""
    now = datetime.combine(today, datetime.min.time(), UTC)
    return {site_id: _first_day(of, now, born=born) for site_id, of in _history(client, database).items()}


def _set_ttl(client: Client, table: str, lifetime: int, days: Mapping[str, int], settings: Settings) -> bool:
    database, cluster = settings.clickhouse.database, settings.clickhouse.cluster
    at, bound = f"{database}.{table}", {"database": database, "table": table}
    where = f" ON CLUSTER '{cluster}'" if cluster else ""
    try:
        ((found,),) = client.query(_TTL_SQL, parameters=bound).result_rows
        wanted = ", ".join([found.split(",")[0], *_own(lifetime, days)])
        if wanted != found:
            client.command(f"ALTER TABLE {at}{where} MODIFY TTL {wanted}")
    except ClickHouseError as error:
        raise refused(error, at=f"the TTL of {at}") from error
    return bool(wanted != found)


def _own(lifetime: int, days: Mapping[str, int]) -> list[str]:
    """The TTLs of sites that keep less than a table's ``lifetime`` of days, as the engine spells them."""
    others = days[OTHERS]
    by_days: dict[int, list[str]] = {}
    for site_id, count in sorted(days.items()):
        if site_id != OTHERS and 0 < count < lifetime:
            by_days.setdefault(count, []).append(site_id)
    own = [_ttl(count, f"site_id IN {_listed(sites)}") for count, sites in sorted(by_days.items())]
    if 0 < others < lifetime:
        # What names no site is kept as the table says: nobody could tell whose it is.
        own.append(_ttl(others, f"site_id NOT IN {_listed(sorted(days))}"))
    return own


def _ttl(days: int, where: str) -> str:
    return f"inserted_at + toIntervalDay({days}) WHERE {where}"


def _listed(sites: Sequence[str]) -> str:
    return f"({', '.join(str(format_query_value(site)) for site in sites)})"


def _notes(history: History, days: Mapping[str, int]) -> list[_Note]:
    """What changes. A site that gets its first note takes over what held for it as one of the others."""
    notes: list[_Note] = []
    for site_id, count in {**dict.fromkeys(history, days[OTHERS]), **days}.items():
        inherited = () if site_id in history else history.get(OTHERS, ())
        before = history.get(site_id, inherited)
        was = before[-1][0] if before else 0
        if was != count:
            is_shorter = count > 0 and (was == 0 or count < was)
            notes.append(_Note(site_id=site_id, days=count, is_shorter=is_shorter, inherited=inherited))
    return notes


def _remember(client: Client, database: str, notes: Sequence[_Note]) -> None:
    if not notes:
        return
    at, now = f"{database}.site_retention", datetime.now(UTC).replace(microsecond=0)
    rows = [(note.site_id, *one) for note in notes for one in (*note.inherited, (note.days, now))]
    try:
        client.insert(at, rows, column_names=["site_id", "days", "since"], settings=FILLING)
    except ClickHouseError as error:
        raise refused(error, at=at) from error


def _history(client: Client, database: str) -> dict[str, list[tuple[int, datetime]]]:
    try:
        rows = client.query(_HISTORY_SQL, parameters={"database": database}).result_rows
    except ClickHouseError as error:
        raise refused(error, at=f"{database}.site_retention") from error
    return {site_id: [(days, since.replace(tzinfo=UTC)) for days, since in of] for site_id, of in rows}


def _first_day(of: Sequence[tuple[int, datetime]], now: datetime, *, born: date) -> date:
    ends = [until for _, (_, until) in pairwise(of)] + [now]
    gone = [(until - timedelta(days=days)).date() for (days, _), until in zip(of, ends, strict=True) if days]
    # A row is no older than the database.
    reached = [day for day in gone if day >= born]
    return max(reached) + TTL_MARGIN if reached else FIRST_DAY
