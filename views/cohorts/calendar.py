"""Days, weeks and months of a site's calendar, as numbers that follow each other."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum

import msgspec

from app.errors import QueryError
from views.params import FIRST_DAY, LAST_DAY, Period, Scope

#: Intervals that one answer may have.
MAX_INTERVALS = 400


class Cadence(StrEnum):
    """How long the intervals are. A week begins on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    @property
    def sql(self) -> str:
        """SQL: the number of the interval that the date ``day`` is in."""
        return {
            "day": "toInt32(day)",
            # 1970 began on a Thursday.
            "week": "intDiv(toInt32(day) + 3, 7)",
            "month": "toInt32(toYear(day)) * 12 + toMonth(day) - 1",
        }[self]

    def number(self, day: date) -> int:
        """The number of the interval that a day is in, the same as ``sql``."""
        if self is Cadence.MONTH:
            return day.year * 12 + day.month - 1
        days = (day - FIRST_DAY).days
        return days if self is Cadence.DAY else (days + 3) // 7

    def begin(self, number: int) -> date:
        """The first day of an interval."""
        if self is Cadence.MONTH:
            return date(number // 12, number % 12 + 1, 1)
        return FIRST_DAY + timedelta(days=number if self is Cadence.DAY else number * 7 - 3)


class Intervals(msgspec.Struct, frozen=True, kw_only=True):
    """The whole intervals that have a day in a period: from ``first`` to ``last``."""

    cadence: Cadence
    first: int
    last: int

    @classmethod
    def of(cls, period: Period, cadence: Cadence) -> Intervals:
        """Those of a period; QueryError for more than 400."""
        found = cls(
            cadence=cadence,
            first=cadence.number(period.since),
            last=cadence.number(period.until - timedelta(days=1)),
        )
        if found.count > MAX_INTERVALS:
            raise QueryError(
                f"interval = {cadence}: {found.count} of them from {period.since} to {period.until}, "
                f"expected {MAX_INTERVALS} at most; ask for longer ones or a shorter period"
            )
        return found

    @property
    def count(self) -> int:
        """How many there are."""
        return self.last - self.first + 1

    @property
    def names(self) -> list[str]:
        """The first day of each."""
        return [self.cadence.begin(number).isoformat() for number in range(self.first, self.last + 1)]

    def whole(self, scope: Scope) -> Scope:
        """The scope from the first day of the first to the last day of the last of them."""
        period = Period(
            since=max(FIRST_DAY, self.cadence.begin(self.first)),
            until=min(LAST_DAY, self.cadence.begin(self.last + 1)),
            zone=scope.period.zone,
        )
        return msgspec.structs.replace(scope, period=period)


def since(scope: Scope, day: date) -> Scope:
    """The scope from another first day on."""
    period = Period(since=max(FIRST_DAY, day), until=scope.period.until, zone=scope.period.zone)
    return msgspec.structs.replace(scope, period=period)
