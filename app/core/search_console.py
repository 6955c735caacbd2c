"""An export of Google's Search Console (CSV) -> rows by page, query, country, device and day. Pure.

The files of the export button have one dimension each, ``Top pages`` and so on, and but for ``Dates.csv`` do
not say of which days they are. Those of its API may have any of them, a date among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

import msgspec

from app.core.csv_records import Damaged, csv_records
from app.core.pages import clean_page, has_control_characters
from app.errors import SearchConsoleError

#: What a column may be called, in lower case -> what it is.
COLUMNS = {
    "date": "date",
    "page": "page",
    "pages": "page",
    "top pages": "page",
    "url": "page",
    "landing page": "page",
    "query": "query",
    "queries": "query",
    "top queries": "query",
    "country": "country",
    "countries": "country",
    "device": "device",
    "devices": "device",
    "clicks": "clicks",
    "impressions": "impressions",
    "ctr": "ctr",
    "position": "position",
    "average position": "position",
}
DIMENSIONS = ("date", "page", "query", "country", "device")
MEASURES = ("clicks", "impressions", "position")
MAX_LENGTH = 2048
MAX_COUNT = 2**53
MAX_POSITION = 10_000
FIRST_DAY, LAST_DAY = date(1970, 1, 2), date(2100, 1, 1)


class SearchRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One row of an export; ``position`` is the mean place in the results, from 1 on, 0 where never shown.

    Both days are in the period. ``page`` is the URL, ``path`` the page as events name it.
    """

    first_day: date
    last_day: date
    page: str
    path: str
    search_query: str
    search_country: str
    device: str
    clicks: int
    impressions: int
    position: float


class BadRow(msgspec.Struct, frozen=True):
    """Which line of a file is no row of an export, and why."""

    line: int
    detail: str


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """What a file holds: its dimensions with commas between, its rows, and the lines that are none."""

    dimensions: str
    rows: list[SearchRow]
    bad: list[BadRow]


def read_export(lines: Iterable[str], *, days: tuple[date, date] | None) -> Export:
    """The rows of a file; ``days``, both included, are those of a file that has no dates.

    Raises SearchConsoleError where a column is lacking or unknown, or both dates and days are there.
    """
    records = csv_records(_lines(lines))
    header = next(records, None)
    if isinstance(header, Damaged):
        raise SearchConsoleError(f"line 1: {header.detail}; expected the names of columns")
    columns = _columns(header.cells if header else [])
    dimensions = [name for name in DIMENSIONS if name in columns]
    if ("date" in columns) is (days is not None):
        raise SearchConsoleError(
            "line 1: the file has a column of dates: leave --from and --to out"
            if days is not None
            else "line 1: no column of dates: say which days the export is of, with --from and --to"
        )
    rows: dict[tuple[object, ...], int] = {}
    kept: list[SearchRow] = []
    bad: list[BadRow] = []
    for record in records:
        if isinstance(record, Damaged):
            bad.append(BadRow(record.line, record.detail))
            continue
        if not any(record.cells):
            continue
        try:
            row = _row(record.cells, columns, days=days)
        except ValueError as error:
            bad.append(BadRow(record.line, str(error)))
            continue
        key = (row.first_day, row.page, row.search_query, row.search_country, row.device)
        if (first := rows.setdefault(key, record.line)) != record.line:
            bad.append(BadRow(record.line, f"says again what line {first} is about"))
        kept.append(row)
    return Export(dimensions=",".join(dimensions), rows=kept, bad=bad)


def _lines(lines: Iterable[str]) -> Iterable[str]:
    for number, line in enumerate(lines):
        yield line.removeprefix("\ufeff") if number == 0 else line


def _columns(header: list[str]) -> dict[str, int]:
    """What is in which column."""
    found: dict[str, int] = {}
    for number, title in enumerate(header):
        name = COLUMNS.get(title.strip().lower())
        if name is None:
            raise SearchConsoleError(
                f"line 1: unknown column {title[:64]!r}; known are {', '.join(sorted(COLUMNS))}"
            )
        if name in found:
            raise SearchConsoleError(f"line 1: two columns of {name}: {title[:64]!r} is the second")
        found[name] = number
    lacking = [name for name in MEASURES if name not in found]
    if lacking or not set(DIMENSIONS) & found.keys():
        raise SearchConsoleError(
            f"line 1: no column of {', '.join(lacking) or ' or '.join(DIMENSIONS)}; expected clicks, "
            "impressions, position and what they are of, separated by commas"
        )
    return found


def _row(cells: list[str], columns: Mapping[str, int], *, days: tuple[date, date] | None) -> SearchRow:
    if len(cells) != len(columns):
        raise ValueError(f"{len(cells)} cells, but the first line names {len(columns)} columns")
    values = {name: cells[number].strip() for name, number in columns.items()}
    for name, value in values.items():
        if len(value) > MAX_LENGTH or has_control_characters(value):
            raise ValueError(f"{name}: longer than {MAX_LENGTH} characters, or with control characters in it")
    first, last = days or (_day(values["date"]),) * 2
    clicks, impressions = _count(values, "clicks"), _count(values, "impressions")
    if clicks > impressions:
        raise ValueError(f"{clicks} clicks of {impressions} impressions: no more clicks than impressions")
    page = values.get("page", "")
    return SearchRow(
        first_day=first,
        last_day=last,
        page=page,
        path=_path(page) if "page" in columns else "",
        search_query=values.get("query", ""),
        search_country=values.get("country", ""),
        device=values.get("device", "").lower(),
        clicks=clicks,
        impressions=impressions,
        position=_position(values["position"], is_shown=impressions > 0),
    )


def _path(page: str) -> str:
    try:
        return clean_page(page).path
    except ValueError as error:
        raise ValueError(f"page {page[:64]!r}: {error}") from error


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text or not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(f"date {text[:40]!r}: expected a day such as 2026-03-31")
    return day


def _count(values: Mapping[str, str], name: str) -> int:
    """A whole number, with commas between thousands or without."""
    text = values[name].replace(",", "")
    if not (text.isascii() and text.isdigit()) or len(text) > 16 or int(text) > MAX_COUNT:
        raise ValueError(f"{name} {values[name][:40]!r}: expected a whole number from 0 on")
    return int(text)


def _position(text: str, *, is_shown: bool) -> float:
    if not text and not is_shown:
        return 0.0
    try:
        position = float(text) if text.isascii() and "_" not in text else -1.0
    except ValueError:
        position = -1.0
    if not (1 if is_shown else 0) <= position <= MAX_POSITION:
        raise ValueError(f"position {text[:40]!r}: expected a number from 1 on, such as 3.4")
    return position
