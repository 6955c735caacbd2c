"""``wua import FILE``: exports of Plausible, Umami and GA4. ``--list`` and ``--remove`` look after them."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import uuid
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from app.adapters.clickhouse import QueryPool
from app.commands.feeding import settings_over
from app.commands.importing import Report, Wanted, import_file, with_rows
from app.commands.letters_shown import print_table
from app.commands.replay import site_id_of
from app.errors import ImportFileError, NotFoundError
from app.events.vocabulary import Tool
from app.settings import Settings
from views.imports import ImportList
from views.queries import Queries

COLUMNS = ("id", "site", "tool", "file", "from", "to", "taken", "bad", "skipped", "imported at, UTC")


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "import",
        description="Imports an export of Umami (website_event.csv or the zip), of GA4 (BigQuery's JSON "
        "lines) or of Plausible (the zip). Events become events of the site, by our rules; Plausible's daily "
        "sums are kept apart. A run that was cut off goes on when it is started again, and the same file "
        "twice changes nothing. 0 when something was good or nothing was to do, 1 when every line was bad.",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("file", nargs="?", type=Path, metavar="FILE")
    what.add_argument("--list", action="store_true", help="the imports there are")
    what.add_argument("--remove", metavar="ID", type=_import_id, help="remove imported days")
    parser.add_argument("--from", dest="tool", choices=[*Tool], help="whose export it is")
    parser.add_argument("--site", metavar="ID", type=site_id_of)
    parser.add_argument("--host", default="", help="of pages whose line names none; default: the site id")
    parser.add_argument(
        "--timezone", type=_zone, default=ZoneInfo("UTC"), help="of times that name none; default: UTC"
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="data directory of the embedded stack")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Import, list or remove; 1 when every line was bad."""
    loaded = settings_over(arguments.data)
    if arguments.list:
        return show_list(_imports(loaded, arguments.site), as_json=arguments.json)
    if arguments.remove:
        return remove(loaded, arguments.remove)
    wanted = _wanted(arguments)
    try:
        report = asyncio.run(_until_ended(wanted, loaded))
    except asyncio.CancelledError:
        print("ended; run it again to go on", file=sys.stderr)
        return 128 + signal.SIGTERM
    if arguments.json:
        print(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        show(report)
    return 1 if report.is_useless else 0


def show(report: Report) -> None:
    """The report for people; bad lines go to standard error."""
    for line in report.first_bad:
        print(line, file=sys.stderr)
    if report.is_repeated:
        print(f"{report.file} is imported already (import {report.import_id}): nothing to do")
        return
    period = f", days {report.first_date} to {report.last_date}" if report.first_date else ""
    print(f"{report.lines:,} lines, {report.taken:,} taken{period}")
    if report.already:
        print(f"{report.already:,} were there already")
    for title, counts in (("bad", report.bad_by_reason), ("skipped", report.skipped_by_reason)):
        if counts:
            told = ", ".join(f"{reason} {count:,}" for reason, count in sorted(counts.items()))
            print(f"{sum(counts.values()):,} {title}: {told}")
    if report.ignored_files:
        print(f"not read: {', '.join(report.ignored_files)}")
    print(f"import {report.import_id}, {report.seconds:.1f} s")


def show_list(found: ImportList, *, as_json: bool) -> int:
    """Print the imports; 0."""
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(found)).decode())
        return 0
    rows = [
        (
            one.import_id,
            one.site_id,
            one.tool,
            one.file,
            str(one.first_date),
            str(one.last_date),
            f"{one.taken:,}",
            f"{one.bad:,}",
            f"{one.skipped:,}",
            f"{one.imported_at:%Y-%m-%d %H:%M}",
        )
        for one in found.imports
    ]
    print_table(COLUMNS, rows, title="Imports, latest first")
    return 0


def remove(loaded: Settings, import_id: str) -> int:
    """Remove an import of daily sums; 0. NotFoundError for one that is not there."""
    found = {one.import_id: one for one in _imports(loaded, None).imports}
    if import_id not in found:
        raise NotFoundError(f"no import {import_id}; `wua import --list` shows those there are")
    if found[import_id].tool != Tool.PLAUSIBLE:
        raise ImportFileError(
            f"import {import_id} is of events, which are counted with all others and cannot be taken out; "
            "only imports of daily sums (plausible) can be removed"
        )
    with_rows(loaded, lambda rows: rows.remove(import_id))
    print(f"removed import {import_id} of {found[import_id].file}")
    return 0


async def _until_ended(wanted: Wanted, loaded: Settings) -> Report:
    """The import, which a supervisor's signal ends as one from the keyboard does: in good order."""
    task = asyncio.current_task()
    assert task is not None, "it runs in one"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await import_file(wanted, loaded)


def _imports(loaded: Settings, site: str | None) -> ImportList:
    async def ask() -> ImportList:
        pool = QueryPool(loaded.clickhouse)
        try:
            return await Queries(pool, settings=loaded).imports(sites=[site] if site else [])
        finally:
            await pool.close()

    return asyncio.run(ask())


def _wanted(arguments: argparse.Namespace) -> Wanted:
    missing = [name for name, value in (("--from", arguments.tool), ("--site", arguments.site)) if not value]
    if missing:
        raise ImportFileError(f"{' and '.join(missing)} missing: whose export is it, and of which site?")
    if not arguments.file.is_file():
        raise ImportFileError(f"no such file: {arguments.file}")
    site: str = arguments.site
    return Wanted(
        file=arguments.file,
        tool=Tool(arguments.tool),
        site_id=site,
        host=arguments.host or (site if "." in site else f"{site}.invalid"),
        zone=arguments.timezone,
        data=arguments.data,
        as_json=arguments.json,
    )


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a zone such as Europe/Berlin") from error


def _import_id(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: expected an id that --list shows") from error
