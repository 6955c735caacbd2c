"""``wua import-search-console FILE --site S``: what Google's Search Console exported."""

from __future__ import annotations

import argparse
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec

from app.adapters.clickhouse import open_client
from app.adapters.clickhouse.search_console import put_export
from app.commands.reconcile import day, patient_settings
from app.core.search_console import Export, read_export
from app.errors import SearchConsoleError
from app.events.wire import SiteId

#: Bad lines that are shown; all are counted.
SHOWN = 20


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "import-search-console",
        description="Imports clicks, impressions and positions by page, query, date, country or device. Rows "
        "of the same key are replaced, so the same file twice changes nothing; of a file with a bad line "
        "nothing is imported. A file without a column of dates needs --from and --to. See docs/SEO.md.",
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--site", required=True, metavar="ID")
    parser.add_argument("--from", dest="first", type=day, metavar="DAY", help="first day of the export")
    parser.add_argument("--to", dest="last", type=day, metavar="DAY", help="last day of it, included")
    parser.add_argument("--data", type=Path, metavar="DIR", help="data directory of the embedded stack")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Import the file and say how many rows it has."""
    site_id = _site(arguments.site)
    export = load(arguments.file, days=_days(arguments.first, arguments.last))
    loaded = patient_settings(arguments.data)
    client = open_client(loaded.clickhouse, readonly=False)
    try:
        database = loaded.clickhouse.database
        count = put_export(client, export, database=database, site_id=site_id, now=datetime.now(UTC))
    finally:
        client.close()
    print(f"imported {count} rows by {export.dimensions} of {site_id}")
    return 0


def load(file: Path, *, days: tuple[date, date] | None) -> Export:
    """The export in a file; SearchConsoleError that names every line that is none, or the file's fault."""
    try:
        lines = StringIO(file.read_bytes().decode("utf-8"), newline="")
    except OSError as error:
        raise SearchConsoleError(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        number = error.object[: error.start].count(b"\n") + 1
        raise SearchConsoleError(
            f"{file}: line {number}: not UTF-8; save the export as CSV in UTF-8"
        ) from error
    try:
        export = read_export(lines, days=days)
    except SearchConsoleError as error:
        raise SearchConsoleError(f"{file}: {error}") from error
    if export.bad:
        shown = [f"line {bad.line}: {bad.detail}" for bad in export.bad[:SHOWN]]
        more = [f"and {len(export.bad) - SHOWN} more"] if len(export.bad) > SHOWN else []
        raise SearchConsoleError(
            "\n  ".join([f"{file}: nothing was imported: bad lines: {len(export.bad)}", *shown, *more])
        )
    return export


def _days(first: date | None, last: date | None) -> tuple[date, date] | None:
    if first is None and last is None:
        return None
    if first is None or last is None or first > last:
        raise SearchConsoleError(f"--from {first} --to {last}: expected both, in order")
    return first, last


def _site(text: str) -> str:
    try:
        return msgspec.convert(text, SiteId)
    except msgspec.ValidationError as error:
        raise SearchConsoleError(f"--site {text[:64]!r}: expected a site id; {error}") from error
