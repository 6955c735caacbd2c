"""What differs between layers, seen several times -> what differs for good, and what of it can be rebuilt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

import msgspec


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """What the source comes to, and what the table says."""

    wanted: Decimal
    found: Decimal


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A day of a site of which a table says something else than its source.

    ``keys`` counts the keys of the table that differ; ``figures`` holds the sums over the day that do.
    """

    table: str
    source: str
    site_id: str
    day: date
    keys: int
    figures: Mapping[str, Figure]

    @property
    def at(self) -> tuple[str, str, date]:
        """What it is about."""
        return self.table, self.site_id, self.day


def lasting(looks: Sequence[Iterable[Difference]]) -> list[Difference]:
    """The differences of the last look that every look before it had, too.

    What is written meanwhile makes differences that come and go.
    """
    known = [{difference.at for difference in look} for look in looks]
    return [one for one in looks[-1] if all(one.at in look for look in known)]


def rebuildable(
    differences: Iterable[Difference], *, of: str, torn: Iterable[Difference], in_weeks: bool = False
) -> list[tuple[str, date]]:
    """The sites and days of a table that its sources can restore: not where these are ``torn`` themselves.

    A day in UTC reaches over two days of a site; ``in_weeks``: a row of a Monday may be of its week.
    """
    torn = list(torn)
    around = {(one.site_id, one.day + timedelta(days=days)) for one in torn for days in (-1, 0, 1)}
    if in_weeks:
        around |= {(one.site_id, one.day - timedelta(days=one.day.weekday())) for one in torn}
    days = {(one.site_id, one.day) for one in differences if one.table == of}
    return sorted(days - around)
