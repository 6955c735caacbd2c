"""What was imported from other analytics tools -> the imports, and the days as those tools counted them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import msgspec

from app.events.vocabulary import ImportedDimension
from views.answers import Answer
from views.params import Scope
from views.reading import Reader, about


class ImportRow(msgspec.Struct, frozen=True, kw_only=True):
    """An import that is whole. ``taken``: its good lines; of an export of events they are events."""

    site_id: str
    import_id: str
    tool: str
    file: str
    first_date: date
    last_date: date
    taken: int
    bad: int
    skipped: int
    imported_at: datetime


class ImportList(msgspec.Struct, frozen=True, kw_only=True):
    """Imports, the latest first."""

    imports: list[ImportRow]


class ImportedDay(msgspec.Struct, frozen=True, kw_only=True):
    """What another tool counted of a value on a day; 0 where its export does not say."""

    day: date = msgspec.field(name="date")
    value: str
    import_id: str
    visitors: int
    visits: int
    page_views: int
    bounces: int
    visit_duration_s: int
    exits: int
    events: int


class ImportedDays(Answer, frozen=True, kw_only=True):
    """Days as another tool counted them: by its rules, and in no other answer. By day, most visitors first.

    ``is_cut``: there are more than ``limit`` let through.
    """

    dimension: ImportedDimension
    is_cut: bool
    days: list[ImportedDay]


async def import_list(reader: Reader, *, sites: Sequence[str]) -> ImportList:
    """The imports of the sites, or of all where none is named."""
    rows = await reader.rows("imports_made", {"sites": list(sites)})
    return ImportList(imports=[ImportRow(**row) for row in rows])


async def replayed_days(reader: Reader, *, site_id: str) -> set[date]:
    """The days of a site that have events of its history already."""
    return {row["local_date"] for row in await reader.rows("replayed_days", {"site": site_id})}


async def imported_days(
    reader: Reader, scope: Scope, *, dimension: ImportedDimension, limit: int
) -> ImportedDays:
    """The first ``limit`` rows of a dimension; whose traffic is meant, only the other tool knew."""
    bound = {
        "site": scope.site_id,
        "since": scope.period.since,
        "until": scope.period.until,
        "dimension": dimension.value,
    }
    rows = await reader.rows("imported_days", bound, limit=limit + 1)
    return ImportedDays(
        **about(scope, layer="imported"),
        dimension=dimension,
        is_cut=len(rows) > limit,
        days=[
            ImportedDay(**{("day" if name == "local_date" else name): value for name, value in row.items()})
            for row in rows[:limit]
        ],
    )
