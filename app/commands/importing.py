"""A file of another tool -> what it came to: events fed as any others, or days written as they are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec
from clickhouse_connect.driver.exceptions import ClickHouseError

from app.adapters.clickhouse import QueryPool, open_client
from app.adapters.clickhouse.imports import ImportRows
from app.adapters.clock import now_ms
from app.adapters.rules import rules_of
from app.commands.feeding import feeding
from app.commands.progress import BYTES, shown
from app.errors import ImportFileError
from app.events.imports import DayFigures, DayKey, ImportRecord
from app.events.vocabulary import Tool
from app.settings import Settings
from app.traffic import umami
from app.traffic.export_files import Opened, import_id_of, opened
from app.traffic.exports import Asked
from app.traffic.ga4 import read_ga4
from app.traffic.importing import Importing, Line, Tally
from app.traffic.plausible import read_plausible
from migrations.runner import migrate
from views.queries import Queries

BATCH_LINES = 500
#: An insert may have to wait for the engine.
PATIENCE_S = 600.0

T = TypeVar("T")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be imported: a file of a tool into a site; ``data`` is a data directory, if it is one.

    ``as_json``: progress is told in JSON lines.
    """

    file: Path
    tool: Tool
    site_id: str
    host: str
    zone: ZoneInfo
    data: Path | None
    as_json: bool = False


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What an import came to. ``is_repeated``: the same file had been imported before, nothing was read.

    ``taken``: lines that became something; ``already``: those whose events were there.
    """

    import_id: str
    site_id: str
    tool: Tool
    file: str
    is_repeated: bool
    lines: int = 0
    taken: int = 0
    already: int = 0
    bad_by_reason: dict[str, int] = {}
    skipped_by_reason: dict[str, int] = {}
    first_bad: list[str] = []
    ignored_files: list[str] = []
    first_date: str = ""
    last_date: str = ""
    seconds: float = 0.0

    @property
    def is_useless(self) -> bool:
        """Whether lines were read and none was good."""
        return bool(self.bad_by_reason) and not self.taken and not self.already


async def import_file(wanted: Wanted, loaded: Settings) -> Report:
    """Import a file; to run again is safe, and goes on where a run was cut off."""
    try:
        import_id = import_id_of(wanted.file, site_id=wanted.site_id, tool=wanted.tool)
    except OSError as error:
        raise ImportFileError(f"{wanted.file} cannot be read: {error}; name a file that can") from error
    if wanted.tool is Tool.PLAUSIBLE:
        return await asyncio.to_thread(_import_days, wanted, loaded, import_id)
    return await _import_events(wanted, loaded, import_id)


def with_rows(settings: Settings, work: Callable[[ImportRows], T], *, migrating: bool = False) -> T:
    """What ``work`` returns; ``migrating`` brings the schema of a data directory up to date before."""
    clickhouse = settings.clickhouse.model_copy(update={"insert_timeout_s": PATIENCE_S})
    try:
        client = open_client(clickhouse, readonly=False)
    except ClickHouseError as error:
        raise ImportFileError(f"ClickHouse cannot be asked: {error}; check clickhouse.url") from error
    try:
        if migrating:
            migrate(client, database=clickhouse.database)
        return work(ImportRows(client, database=clickhouse.database, cluster=clickhouse.cluster))
    finally:
        client.close()


def _import_days(wanted: Wanted, loaded: Settings, import_id: str) -> Report:
    if wanted.data:
        wanted.data.mkdir(parents=True, exist_ok=True)

    def write(rows: ImportRows) -> Report:
        if rows.is_known(import_id):
            return _repeated(wanted, import_id)
        began = time.monotonic()
        with shown(as_json=wanted.as_json) as progress:
            progress.begin(wanted.file.name, unit=BYTES)
            read = read_plausible(
                wanted.file,
                progress=lambda at, size, lines: progress.reach(at, total=size, lines=lines),
            )
        tally = Tally(lines=read.taken + len(read.bad), sent=read.taken)
        for file, line in read.bad:
            tally.add_bad(line, file=file)
        for _, day, _ in read.days:
            tally.add_day(day)
        _add(rows, wanted, import_id, tally, days=read.days)
        return _report(wanted, import_id, tally, ignored=read.ignored, seconds=time.monotonic() - began)

    embedded = loaded.clickhouse.url.startswith("chdb:")
    return with_rows(loaded, write, migrating=wanted.data is not None and embedded)


async def _import_events(wanted: Wanted, loaded: Settings, import_id: str) -> Report:
    async with feeding(loaded, data=wanted.data, instead=None) as fed:
        if await asyncio.to_thread(with_rows, fed.settings, lambda rows: rows.is_known(import_id)):
            return _repeated(wanted, import_id)
        pool = QueryPool(fed.settings.clickhouse)
        began = time.monotonic()
        try:
            queries = Queries(pool, settings=fed.settings)
            run = Importing(
                rules=rules_of(fed.settings),
                asked=await queries.replayed_days(site_id=wanted.site_id),
                accepted=queries.accepted_events,
                send=fed.feeder.send,
                file=wanted.file.name,
            )
            try:
                await _feed(wanted, run)
            finally:
                # TRICKY: a stack of our own that ended within a block would leave events without sessions.
                if fed.stack is not None:
                    await fed.feeder.drain()
            # Only what is through can be called imported.
            await fed.feeder.drain()
        finally:
            await pool.close()
        seconds = time.monotonic() - began
        await asyncio.to_thread(
            with_rows, fed.settings, lambda rows: _add(rows, wanted, import_id, run.tally, days={})
        )
    return _report(wanted, import_id, run.tally, ignored=[], seconds=seconds)


async def _feed(wanted: Wanted, run: Importing) -> None:
    member = umami.MEMBER if wanted.tool is Tool.UMAMI else ""
    with opened(wanted.file, member=member) as export, shown(as_json=wanted.as_json) as progress:
        progress.begin(wanted.file.name, unit=BYTES, rows=export.size)
        lines = _lines(wanted, export)
        while batch := list(islice(lines, BATCH_LINES)):
            await run.take(batch)
            progress.reach(export.at(), lines=run.tally.lines)


def _lines(wanted: Wanted, export: Opened) -> Iterator[Line]:
    asked = Asked(site_id=wanted.site_id, now_ms=now_ms(), host=wanted.host, zone=wanted.zone)
    if wanted.tool is Tool.UMAMI:
        return umami.read_umami(export.file, asked=asked, name=wanted.file.name)
    return read_ga4(export.file, asked=asked)


def _add(
    rows: ImportRows, wanted: Wanted, import_id: str, tally: Tally, *, days: dict[DayKey, DayFigures]
) -> None:
    if tally.first is None or tally.last is None:
        return
    record = ImportRecord(
        site_id=wanted.site_id,
        import_id=import_id,
        tool=wanted.tool,
        file=wanted.file.name,
        first_date=tally.first,
        last_date=tally.last,
        taken=tally.sent + tally.already,
        bad=tally.bad.total(),
        skipped=tally.skipped.total(),
    )
    rows.add(record, days)


def _repeated(wanted: Wanted, import_id: str) -> Report:
    return Report(
        import_id=import_id,
        site_id=wanted.site_id,
        tool=wanted.tool,
        file=wanted.file.name,
        is_repeated=True,
    )


def _report(wanted: Wanted, import_id: str, tally: Tally, *, ignored: list[str], seconds: float) -> Report:
    return Report(
        import_id=import_id,
        site_id=wanted.site_id,
        tool=wanted.tool,
        file=wanted.file.name,
        is_repeated=False,
        lines=tally.lines,
        taken=tally.sent,
        already=tally.already,
        bad_by_reason=dict(tally.bad),
        skipped_by_reason=dict(tally.skipped),
        first_bad=tally.first_bad,
        ignored_files=ignored,
        first_date=str(tally.first or ""),
        last_date=str(tally.last or ""),
        seconds=round(seconds, 3),
    )
