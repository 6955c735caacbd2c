"""A migrated database of the test's own, and factories for the rows of a block."""

from __future__ import annotations

import itertools
import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from clickhouse_connect.driver.client import Client

from app.adapters.clickhouse.sink import PINNED
from app.events.rows import EventRow, SessionRow
from migrations.runner import migrate

#: 2015-05-17 10:05:03 UTC: far beyond every TTL.
AT = int(datetime(2015, 5, 17, 10, 5, 3, tzinfo=UTC).timestamp() * 1000)
DAY = "2015-05-17"
MINUTE = 60_000

EVENT_GOLD = (
    "daily_user_metrics",
    "page_performance_metrics",
    "page_visitors",
    "vital_distributions",
    "events_per_minute",
    "events_per_quarter_hour",
    "events_per_hour",
    "events_per_day",
    "bot_traffic_daily",
    "visitor_aliases",
    "user_aliases",
)
RECEIPT_GOLD = ("data_quality",)
SESSION_GOLD = (
    "session_analytics",
    "traffic_sources_daily",
    "device_breakdown_daily",
    "page_sessions_daily",
    "session_attributes_daily",
)

#: What the product remembers of its own work: no view fills these.
RECORDS = (
    "schema_migrations",
    "erasures_under_way",
    "visitor_spans",
    "page_sequences",
    "site_retention",
    "imports",
    "imported_daily",
    "search_console",
    "definitions",
    "report_jobs",
    "report_files",
    "report_schedules",
    "api_keys",
    "dashboard_users",
    "dashboard_sessions",
    "dashboard_shares",
)

#: As the sink pins them; a block of history may lie in more than the engine's default of 100 partitions.
SETTINGS = {**PINNED, "max_partitions_per_insert_block": 0}

_numbers = itertools.count(1)


class Store:
    """Inserts blocks as the sink does, and asks; ``{db}`` in a query is the database."""

    def __init__(self, client: Client, database: str) -> None:
        self.client = client
        self.database = database

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.client.query(self._named(sql)).result_rows]

    def one(self, sql: str) -> Any:
        """The only value of the only row."""
        ((value,),) = self.ask(sql)
        return value

    def run(self, sql: str) -> None:
        self.client.command(self._named(sql))

    def insert(self, rows: Sequence[EventRow | SessionRow], *, token: str = "") -> None:
        """One block into the landing table of its kind; a token of its own unless one is given."""
        table = "events_in" if isinstance(rows[0], EventRow) else "sessions_in"
        self.insert_lines(table, msgspec.json.Encoder().encode_lines(rows), token=token)

    def insert_lines(self, table: str, lines: bytes, *, token: str = "") -> None:
        self.client.raw_insert(
            f"{self.database}.{table}",
            insert_block=lines,
            fmt="JSONEachRow",
            settings={**SETTINGS, "insert_deduplication_token": token or str(uuid.uuid4())},
        )

    def tables(self) -> list[str]:
        """Every table that keeps rows which events became."""
        return [
            name
            for (name,) in self.ask(
                "SELECT name FROM system.tables WHERE database = '{db}' AND engine LIKE '%MergeTree' "
                f"AND name NOT IN {RECORDS} ORDER BY name"
            )
        ]

    def freeze(self) -> None:
        """Keep background merges away, so that parts tell what was written."""
        for table in self.tables():
            self.run(f"SYSTEM STOP MERGES {{db}}.{table}")

    def parts(self) -> dict[str, list[tuple[str, int]]]:
        """Table -> name and row count of each of its parts."""
        found: dict[str, list[tuple[str, int]]] = {table: [] for table in self.tables()}
        for table, name, rows in self.ask(
            "SELECT table, name, rows FROM system.parts WHERE active AND database = '{db}' "
            f"AND table NOT IN {RECORDS} ORDER BY table, name"
        ):
            found[table].append((name, rows))
        return found

    def merge(self) -> None:
        """Merge every table to the end, TTL included."""
        for table in self.tables():
            self.run(f"OPTIMIZE TABLE {{db}}.{table} FINAL")

    def _named(self, sql: str) -> str:
        return sql.replace("{db}", self.database)


class Schema:
    """Any number of stores of one engine. The first is migrated, and the others are made as the engine tells
    how that one is, which takes a third of the time."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._first = ""
        self._told: list[str] = []
        self._applied: Sequence[Sequence[Any]] = []

    def store(self, database: str) -> Store:
        """The whole schema in a database that is not there yet, empty."""
        if not self._first:
            migrate(self._client, database=database)
            told = self._client.query(_HOW_IT_IS_MADE, parameters={"db": database}).result_rows
            self._first, self._told = database, [statement for (statement,) in told]
            self._applied = self._client.query(f"SELECT * FROM {database}.schema_migrations").result_rows
            return Store(self._client, database)
        self._client.command(f"CREATE DATABASE {database}")
        for statement in self._told:
            self._client.command(re.sub(rf"\b{self._first}\.", f"{database}.", statement))
        self._client.insert(f"{database}.schema_migrations", self._applied)
        return Store(self._client, database)


#: What reads comes after what it reads.
_HOW_IT_IS_MADE = """
SELECT create_table_query FROM system.tables WHERE database = {db:String}
ORDER BY indexOf(['MaterializedView', 'View'], engine), name
"""


def some_uuid() -> str:
    """A UUID that no other row has, the same in each run."""
    return str(uuid.UUID(int=next(_numbers)))


def block(*, start: int = 0, end: int = 9, partition: int = 0, epoch: int = 0) -> dict[str, Any]:
    """The fields that each row of one block carries."""
    return {
        "epoch": epoch,
        "partition": partition,
        "batch_start": start,
        "batch_end": end,
        "batch_id": some_uuid(),
    }


def event(within: dict[str, Any], **changes: Any) -> EventRow:
    """An accepted page view of /a by v1, unless changed."""
    values = {
        "outcome": "accepted",
        "offset": within["batch_start"],
        "received_at": AT,
        "payload": "{}",
        "event_id": some_uuid(),
        "event_type": "page_view",
        "site_id": "shop",
        "visitor_id": "v1",
        "session_id": str(uuid.UUID(int=7)),
        "event_at": AT,
        "occurred_at": AT,
        "sent_at": AT,
        "local_date": DAY,
        "origin": "browser",
        "host": "shop.test",
        "path": "/a",
        "device_class": "desktop",
    }
    return EventRow(**{**within, **values, **changes})


def rejected(within: dict[str, Any], **changes: Any) -> EventRow:
    """A late event of v1, refused, unless changed."""
    names = ("event_id", "event_type", "site_id", "visitor_id")
    named = {name: getattr(event(within), name) for name in names}
    values = {
        "outcome": "rejected",
        "offset": within["batch_start"],
        "received_at": AT,
        "reason": "late",
        "step": "time",
        "field": "occurred_at",
        "detail": "too late",
        "payload": "{}",
    }
    return EventRow(**{**within, **named, **values, **changes})


def session(within: dict[str, Any], **changes: Any) -> SessionRow:
    """The first statement of a session of v1, one page view long, unless changed."""
    values = {
        "sign": 1,
        "version": 1,
        "session_id": str(uuid.UUID(int=7)),
        "site_id": "shop",
        "visitor_id": "v1",
        "started_at": AT,
        "ended_at": AT,
        "local_date": DAY,
        "events": 1,
        "page_views": 1,
        "is_bounce": 1,
        "entry_path": "/a",
        "exit_path": "/a",
        "channel": "Direct",
        "device_class": "desktop",
        "browser": "Firefox",
        "os": "Linux",
        "country": "DE",
    }
    return SessionRow(**{**within, **values, **changes})


def retracted(row: SessionRow, within: dict[str, Any], **changes: Any) -> SessionRow:
    """The statement that takes ``row`` back, in the block ``within``."""
    return msgspec.structs.replace(row, **within, **{"sign": -1, **changes})
