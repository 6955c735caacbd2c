"""The days of a period whose sessions' pages are known in order, and the days whose events are to be read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

import msgspec

from app.core.page_sequences import Day, Holds, Sequences, right
from views import living
from views.params import Bots, Period, Scope
from views.reading import Reader
from views.stats.filters import Places

TABLE = "page_sequences"
_NOW = """
SELECT local_date, sum(r.checksum) AS checksum, sum(r.sessions) AS sessions, sum(r.page_views) AS page_views
FROM {database}.session_attributes_daily AS r WHERE attribute = '' AND {within} GROUP BY local_date
"""
_MADE = """
SELECT local_date, made_id, any(r.checksum) AS checksum, count() AS sessions, sum(length(pages)) AS page_views
FROM {database}.page_sequences AS r WHERE {within} GROUP BY local_date, made_id
"""
_ONE = timedelta(days=1)


class KnownDays(msgspec.Struct, frozen=True):
    """The days of a period that are known, in order, and what was made of each; it has so many ``days``."""

    period: Period
    days: Sequence[date]
    made: Sequence[int]

    @property
    def is_all(self) -> bool:
        """Whether no event is to be read."""
        return len(self.days) == (self.period.until - self.period.since).days

    def rows(self, places: Places, *, database: str) -> str:
        """SQL: ``visitor`` and ``pages``, by hash, of each session that began on a day that is known."""
        days = places.put([*self.days], "Array(Date)")
        made = places.put([*self.made], "Array(UInt64)")
        return (
            f"SELECT visitor_hash AS visitor, pages FROM {database}.{TABLE} "  # noqa: S608
            f"WHERE site_id = {{site:String}} AND local_date IN {days} AND made_id IN {made}"
        )

    def of_others(self, places: Places) -> str:
        """SQL: whether a session row is of one that began on another day."""
        return f"local_date NOT IN {places.put([*self.days], 'Array(Date)')}"

    def events_of_others(self, places: Places, *, cap_ms: int) -> str:
        """SQL: whether an event can be of such a session. ``cap_ms``: how long one can be, 0 for no bound."""
        skipped, run_since = [], date.min
        for before, day in pairwise([date.min, *self.days]):
            run_since = run_since if day - before == _ONE else day
            if run_since <= max(self.period.since, living.first_day(day, cap_ms=cap_ms)):
                skipped.append(day)
        return f"local_date NOT IN {places.put(skipped, 'Array(Date)')}"


async def known_days(reader: Reader, scope: Scope) -> KnownDays | None:
    """The days of which what was made is right; None where there is none, and of people and bots together."""
    if scope.bots is Bots.INCLUDE:
        return None
    statements = (sql.format(database=reader.database, within=living.WITHIN) for sql in (_NOW, _MADE))
    now_rows, made_rows = await asyncio.gather(*(reader.ask(sql, scope.by_day) for sql in statements))
    site_id, is_bot = scope.site_id, scope.bots.flags[0]
    now = {
        Day(site_id, is_bot, row["local_date"]): Holds(row["checksum"], row["sessions"], row["page_views"])
        for row in now_rows
    }
    made = [
        Sequences(
            Day(site_id, is_bot, row["local_date"]),
            row["made_id"],
            Holds(row["checksum"], row["sessions"], row["page_views"]),
        )
        for row in made_rows
    ]
    found = sorted(right(made, now).items())
    if not found:
        return None
    return KnownDays(scope.period, [day.day for day, _ in found], [one.made_id for _, one in found])
