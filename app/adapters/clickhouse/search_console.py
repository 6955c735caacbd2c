"""Rows of Search Console's exports -> the table search_console."""

from __future__ import annotations

import uuid
from datetime import datetime

import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from app.adapters.clickhouse.codes import refused
from app.core.search_console import Export, SearchRow
from app.errors import ReconcileError, SearchConsoleError

#: Rows of one insert: one part for each year of days in it.
AT_ONCE = 50_000


def put_export(client: Client, export: Export, *, database: str, site_id: str, now: datetime) -> int:
    """Put the rows of an export into the table, in the place of those of the same key; how many it were.

    Raises SearchConsoleError where ClickHouse refuses them; to run again is safe.
    """
    at = f"{database}.search_console"
    names = [field.name for field in msgspec.structs.fields(SearchRow)]
    for begin in range(0, len(export.rows), AT_ONCE):
        rows = [
            [site_id, export.dimensions, *msgspec.structs.astuple(row), now]
            for row in export.rows[begin : begin + AT_ONCE]
        ]
        try:
            client.insert(
                at,
                rows,
                column_names=["site_id", "dimensions", *names, "imported_at"],
                # Of a token of its own: a file that comes again after another has the later rows.
                settings={"insert_deduplication_token": str(uuid.uuid4()), "async_insert": 0},
            )
        except ClickHouseError as error:
            told: ReconcileError = refused(error, at=at)
            raise SearchConsoleError(f"{told}. `wua migrate` makes the table") from error
    return len(export.rows)
