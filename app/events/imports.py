"""What is remembered of an import from another analytics tool, and a day of one as that tool counted it."""

from __future__ import annotations

from datetime import date

import msgspec

from app.events.vocabulary import ImportedDimension, Tool


class ImportRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An import that is whole: ``taken`` lines became events or sums of the days from first to last date."""

    site_id: str
    import_id: str
    tool: Tool
    file: str
    first_date: date
    last_date: date
    taken: int
    bad: int
    skipped: int


class DayFigures(msgspec.Struct, kw_only=True):
    """What another tool counted on a day; nothing where it does not say. Durations are seconds, summed."""

    visitors: int = 0
    visits: int = 0
    page_views: int = 0
    bounces: int = 0
    visit_duration_s: int = 0
    exits: int = 0
    events: int = 0


#: A day of a dimension's value.
DayKey = tuple[ImportedDimension, date, str]
