"""Plausible's export, a zip of CSV files with a row for each day and value -> days as Plausible counted them.

There are no events in it, so nothing of it can be counted by our rules.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path, PurePosixPath

import msgspec

from app.core.csv_records import Damaged, Record, csv_records
from app.errors import ImportFileError
from app.events.imports import DayFigures, DayKey
from app.events.vocabulary import ImportedDimension, RejectReason
from app.traffic.export_files import zip_members
from app.traffic.exports import cells_of, text_lines
from app.traffic.lines import BadLine

_FILE = re.compile(r"(?P<table>imported_[a-z_]+?)(?:_\d{8}_\d{8})?\.csv")
_NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)
_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(2100, 1, 1)
_NOTHING = frozenset({"", r"\N"})

#: Table -> the dimensions that its rows are summed by, and the column of each.
TABLES: Mapping[str, Mapping[ImportedDimension, str]] = {
    "imported_visitors": {ImportedDimension.TOTAL: ""},
    "imported_pages": {ImportedDimension.PAGE: "page"},
    "imported_entry_pages": {ImportedDimension.ENTRY_PAGE: "entry_page"},
    "imported_exit_pages": {ImportedDimension.EXIT_PAGE: "exit_page"},
    "imported_sources": {
        ImportedDimension.SOURCE: "source",
        ImportedDimension.UTM_SOURCE: "utm_source",
        ImportedDimension.UTM_MEDIUM: "utm_medium",
        ImportedDimension.UTM_CAMPAIGN: "utm_campaign",
        ImportedDimension.UTM_TERM: "utm_term",
        ImportedDimension.UTM_CONTENT: "utm_content",
    },
    "imported_locations": {
        ImportedDimension.COUNTRY: "country",
        ImportedDimension.REGION: "region",
        ImportedDimension.CITY: "city",
    },
    "imported_devices": {ImportedDimension.DEVICE: "device"},
    "imported_browsers": {ImportedDimension.BROWSER: "browser"},
    "imported_operating_systems": {ImportedDimension.OS: "operating_system"},
    "imported_custom_events": {ImportedDimension.CUSTOM_EVENT: "name"},
}
#: Plausible's columns and ours; what a table has not is 0.
_FIGURES = {
    "visitors": "visitors",
    "visits": "visits",
    "entrances": "visits",
    "pageviews": "page_views",
    "bounces": "bounces",
    "visit_duration": "visit_duration_s",
    "exits": "exits",
    "events": "events",
}
#: Not the first dimension of its table: rows that say nothing of it are left out there.
_FINER = frozenset(ImportedDimension) - {next(iter(dimensions)) for dimensions in TABLES.values()}


class Days(msgspec.Struct, kw_only=True):
    """What was read so far: days by dimension and value, good lines, and where a bad one stands."""

    days: dict[DayKey, DayFigures] = msgspec.field(default_factory=dict)
    taken: int = 0
    bad: list[tuple[str, BadLine]] = msgspec.field(default_factory=list)
    ignored: list[str] = msgspec.field(default_factory=list)


def read_plausible(path: Path, *, progress: Callable[[int, int, int], None]) -> Days:
    """The days of an export; ``progress(bytes, of bytes, lines)`` is called now and then.

    Raises ImportFileError for what is no such zip, and for a table without a column that it needs.
    """
    read = Days()
    with zip_members(path) as (archive, members):
        tables = {one: _table(one) for one in members}
        if not any(tables.values()):
            raise ImportFileError(
                f"{path.name} holds no file such as imported_visitors.csv; expected the zip that Plausible "
                "exports (site settings, Imports & exports)"
            )
        size = sum(one.file_size for one, table in tables.items() if table)
        before = 0
        for one, table in tables.items():
            if not table:
                read.ignored.append(one.filename)
                continue
            for at in _read_table(archive, one, table, read):
                progress(before + at, size, read.taken)
            before += one.file_size
        progress(size, size, read.taken)
    return read


def _table(member: zipfile.ZipInfo) -> str:
    """The table that a file holds; empty for any other file."""
    found = _FILE.fullmatch(PurePosixPath(member.filename).name)
    return found["table"] if found and found["table"] in TABLES else ""


def _read_table(archive: zipfile.ZipFile, member: zipfile.ZipInfo, table: str, read: Days) -> Iterator[int]:
    """Add the rows of a file; how far it is, in bytes, after some of them."""
    with archive.open(member) as unpacked:
        records = csv_records(text_lines(unpacked, name=member.filename))
        header = _header(next(records, None), table, name=member.filename)
        if not header:
            return
        for record in records:
            cells = cells_of(record, width=len(header))
            if isinstance(cells, BadLine):
                read.bad.append((member.filename, cells))
            elif cells:
                row = dict(zip(header, cells, strict=True))
                _add(row, table, read, at=(member.filename, record.line))
            if read.taken % 1000 == 0:
                yield unpacked.tell()


def _header(first: Record | Damaged | None, table: str, *, name: str) -> list[str]:
    """The columns of a file; none of an empty one."""
    needed = ["date", "visitors", *(column for column in list(TABLES[table].values())[:1] if column)]
    expected = f"expected the header of Plausible's {table}.csv, with {', '.join(needed)} at least"
    if isinstance(first, Damaged):
        raise ImportFileError(f"{name}, line 1: {first.detail}; {expected}")
    header = first.cells if first else []
    if header and (missing := [column for column in needed if column not in header]):
        raise ImportFileError(f"{name}, line 1: no column {', '.join(missing)}; {expected}")
    return header


def _add(row: Mapping[str, str], table: str, read: Days, *, at: tuple[str, int]) -> None:
    try:
        day, figures = _day(row["date"]), {ours: _count(row, theirs) for theirs, ours in _present(row)}
    except ValueError as error:
        read.bad.append((at[0], BadLine(at[1], RejectReason.INVALID_VALUE, str(error))))
        return
    read.taken += 1
    for dimension, column in TABLES[table].items():
        value = row.get(column, "")
        if dimension in _FINER and (value in _NOTHING or value == "0"):
            continue
        sums = read.days.setdefault((dimension, day, "" if value == r"\N" else value), DayFigures())
        for name, count in figures.items():
            setattr(sums, name, getattr(sums, name) + count)


def _present(row: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(theirs, ours) for theirs, ours in _FIGURES.items() if theirs in row]


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or len(text) != len("2026-03-31") or not _FIRST_DAY <= day <= _LAST_DAY:
        raise ValueError(f"date = {text[:40]!r}: expected a day such as 2026-03-31")
    return day


def _count(row: Mapping[str, str], column: str) -> int:
    text = row[column]
    if text in _NOTHING:
        return 0
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{column} = {text[:40]!r}: expected a whole number")
    return int(text)
