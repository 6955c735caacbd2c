"""The schema as the engine has it -> what feeds what, and which figures of a gold can be summed and compared.

Nothing is named here: a table with a view is found by its view, so that a new gold cannot be forgotten. The
SELECT of a view is read from the engine, never written a second time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import msgspec
from clickhouse_connect.driver.client import Client

from app.errors import ReconcileError

#: From the day (UTC) up to whose last moment rows may be gone, to the first day that is whole: the day after
#: it has begun by then in the east.
TTL_MARGIN = timedelta(days=2)
#: The first day that has one before it, as a Date counts.
FIRST_DAY = date(1970, 1, 2)

_TARGET = re.compile(r" TO (?:`?\w+`?)\.`?(?P<name>\w+)`?")
_SOURCE = re.compile(r"\bFROM (?:`?\w+`?)\.`?(?P<name>\w+)`?(?: AS (?P<alias>\w+))?")
#: Tables with rows of people that no view fills.
_BESIDE_VIEWS = ("page_sequences",)
#: A row that has one of them is of a person.
_IDS = frozenset({"visitor_id", "visitor_hash", "user_id"})
_TTL = re.compile(r"\bTTL \w+ \+ toInterval(?P<unit>Day|Year)\((?P<count>\d+)\)")
_SUMMED = re.compile(r"(SimpleAggregateFunction\(sum, .*\)|U?Int\d+|Decimal\(.*\))")
_SUMMED_MAP = re.compile(r"SimpleAggregateFunction\(sumMap, Map\(UInt8, Int64\)\)")
_DAYS = {"Day": 1, "Year": 365}

_VIEWS_SQL = """
SELECT create_table_query, as_select FROM system.tables
WHERE database = {database:String} AND engine = 'MaterializedView'
"""
_TABLES_SQL = """
SELECT name, engine, partition_key, sorting_key, create_table_query FROM system.tables
WHERE database = {database:String} AND (engine LIKE '%MergeTree' OR engine = 'Null')
"""
_COLUMNS_SQL = """
SELECT table, name, type FROM system.columns
WHERE database = {database:String} AND default_kind != 'MATERIALIZED' ORDER BY table, position
"""
_BORN_SQL = "SELECT toUnixTimestamp(min(applied_at)) FROM {database:Identifier}.schema_migrations"


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table that a materialized view fills from ``source``."""

    database: str
    name: str
    source: str
    select: str
    partition_key: str
    keys: tuple[str, ...]
    columns: Mapping[str, str]
    ttl: timedelta | None

    @property
    def at(self) -> str:
        """Database and name, as SQL takes them."""
        return f"{self.database}.{self.name}"

    @property
    def day(self) -> str:
        """The day of a row, or its first: the site's own, or the UTC day of its bucket."""
        for column, day in (("local_date", "local_date"), ("since", "since"), ("bucket", "toDate(bucket)")):
            if column in self.columns:
                return day
        raise ReconcileError(f"{self.at} has neither local_date, since nor bucket: its rows belong to no day")

    @property
    def has_weeks(self) -> bool:
        """Whether a row can be of a whole week, which begins on a Monday; then its day is its first."""
        return self.day == "since"

    @property
    def partition(self) -> str:
        """The value of a row's partition, as text; the same for all rows of a table without partitions."""
        return f"toString({self.partition_key})" if self.partition_key else "''"

    @property
    def measures(self) -> dict[str, str]:
        """Figures of a gold that add up over any rows, by name, as one decimal each; sketches do not."""
        found = {}
        for name, kind in self.columns.items():
            if name in self.keys:
                continue
            if _SUMMED.fullmatch(kind):
                found[name] = f"toDecimal128({name}, 4)"
            elif _SUMMED_MAP.fullmatch(kind):
                weighed = f"arrayMap((k, v) -> (k + 1) * v, mapKeys({name}), mapValues({name}))"
                found[name] = f"toDecimal128(arraySum({weighed}), 4)"
        return found

    def select_from(self, source: str) -> str:
        """The SELECT of the view with another source in the place of its own: a table or ``(SELECT ...)``."""
        return _SOURCE.sub(lambda match: f"FROM {source} AS {match['alias'] or match['name']}", self.select)


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """Every table that a view fills, by name; and what is known of others."""

    database: str
    tables: Mapping[str, Table]
    landing: frozenset[str]
    #: How long each table keeps people's rows, of those that do so for a time.
    people: Mapping[str, timedelta]
    born: date

    def fed_by(self, source: str) -> list[Table]:
        """The tables whose view reads ``source``, by name."""
        return [table for _, table in sorted(self.tables.items()) if table.source == source]

    @property
    def golds(self) -> list[Table]:
        """The tables whose view reads a table that keeps its rows, by name."""
        return [table for _, table in sorted(self.tables.items()) if table.source not in self.landing]

    def comparable_from(self, *tables: Table, today: date) -> date:
        """The first day of which none of the tables can have lost a row by its TTL."""
        lifetimes = [table.ttl for table in tables if table.ttl is not None]
        if not lifetimes or self.born > (oldest := today - min(lifetimes) + TTL_MARGIN):
            return FIRST_DAY
        return oldest


def load(client: Client, *, database: str) -> Catalogue:
    """The catalogue of a database; raises ReconcileError where a gold cannot be compared with its source."""
    bound = {"database": database}
    columns: dict[str, dict[str, str]] = {}
    for table, name, kind in client.query(_COLUMNS_SQL, parameters=bound).result_rows:
        columns.setdefault(table, {})[name] = kind
    rows = client.query(_TABLES_SQL, parameters=bound).result_rows
    kept = {name: row for name, *row in rows}
    tables = {}
    for created, select in client.query(_VIEWS_SQL, parameters=bound).result_rows:
        target, source = _TARGET.search(created), _SOURCE.search(select)
        if target is None or source is None or target["name"] not in kept:
            raise ReconcileError(
                f"{database}: a view of unknown form: {created[:200]}; expected `TO` a table"
            )
        _, partition_key, sorting_key, create = kept[target["name"]]
        tables[target["name"]] = Table(
            database=database,
            name=target["name"],
            source=source["name"],
            select=select,
            partition_key=partition_key,
            keys=tuple(key.strip() for key in sorting_key.split(",")),
            columns=columns[target["name"]],
            ttl=_ttl(create),
        )
    if not tables:
        raise ReconcileError(f"database {database} has no schema: run `wua migrate`")
    born = client.query(_BORN_SQL, parameters=bound).result_rows[0][0]
    catalogue = Catalogue(
        database=database,
        tables=tables,
        landing=frozenset(name for name, row in kept.items() if row[0] == "Null"),
        people={
            name: ttl
            for name in (*tables, *_BESIDE_VIEWS)
            if name in kept
            and (ttl := _ttl(kept[name][-1])) is not None
            and "inserted_at" in columns[name]
            and not _IDS.isdisjoint(columns[name])
        },
        born=datetime.fromtimestamp(born, UTC).date(),
    )
    _refuse_incomparable(catalogue)
    return catalogue


def _refuse_incomparable(catalogue: Catalogue) -> None:
    for gold in catalogue.golds:
        if missing := {"rows", "site_id"} - gold.columns.keys():
            raise ReconcileError(f"{gold.at} lacks {', '.join(sorted(missing))}: it cannot be compared")
        assert gold.day, "or else it raises"


def _ttl(create: str) -> timedelta | None:
    match = _TTL.search(create)
    if match is None:
        return None
    return timedelta(days=int(match["count"]) * _DAYS[match["unit"]])
