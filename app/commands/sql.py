"""``wua sql "SELECT ..."``: plain SQL, read-only, on the configured ClickHouse or a data directory."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from rich.console import Console
from rich.table import Table

from app import settings
from app.adapters.clickhouse import open_client
from app.adapters.clickhouse.readonly import only_reading
from app.embedded.place import clickhouse_url
from app.errors import QueryError

FORMATS = {"json": "JSON", "csv": "CSVWithNames", "tsv": "TSVWithNames"}


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("sql", help="run a read-only query")
    parser.add_argument("query", help="one SELECT; names without a database are of ours")
    parser.add_argument("--data", type=Path, metavar="DIR", help="data directory of the embedded stack")
    parser.add_argument("--format", choices=["table", *FORMATS], default="table")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the answer; 1 when ClickHouse refuses the query."""
    overrides = {"clickhouse.url": clickhouse_url(arguments.data)} if arguments.data else {}
    clickhouse = settings.load(overrides=overrides).clickhouse
    client = open_client(clickhouse, readonly=True)
    try:
        client.database = clickhouse.database
        _print(client, only_reading(arguments.query), as_format=arguments.format)
    except ClickHouseError as error:
        raise QueryError(f"ClickHouse refuses the query: {error}") from error
    finally:
        client.close()
    return 0


def _print(client: Client, query: str, *, as_format: str) -> None:
    if as_format in FORMATS:
        sys.stdout.buffer.write(client.raw_query(query, fmt=FORMATS[as_format]))
        return
    answer = client.query(query)
    table = Table(*answer.column_names)
    for row in answer.result_rows:
        table.add_row(*map(str, row))
    Console().print(table)
