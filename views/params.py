"""What a question is about: a site, a period of its days, and whose traffic."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from app.errors import QueryError
from views.spans import spans

DEFAULT_DAYS = 30
#: The first and last day that every date type of the store can hold.
FIRST_DAY = date(1970, 1, 1)
LAST_DAY = date(2100, 1, 1)

_AGO = re.compile(r"([0-9]{1,6})([smhd])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Bots(StrEnum):
    """Whose traffic counts: people's (the default), everybody's, or bots' alone."""

    EXCLUDE = "exclude"
    INCLUDE = "include"
    ONLY = "only"

    @property
    def flags(self) -> list[int]:
        """The values of ``is_bot`` that count."""
        return {Bots.EXCLUDE: [0], Bots.INCLUDE: [0, 1], Bots.ONLY: [1]}[self]


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """Days of a site's calendar, half-open: ``since`` is in it, ``until`` is not."""

    since: date
    until: date
    zone: ZoneInfo

    @classmethod
    def all_time(cls, zone: ZoneInfo) -> Period:
        """Every day that can be stored."""
        return cls(since=FIRST_DAY, until=LAST_DAY, zone=zone)

    @property
    def has_full_hours(self) -> bool:
        """Whether each hour of the zone in the period begins on a full hour of UTC.

        A clock that is half an hour off is so for more than a day.
        """
        return _has_full_hours(self.since, self.until, self.zone)

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """The same in UTC, right also on the days on which clocks change."""
        return _begin(self.since, self.zone), _begin(self.until, self.zone)


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What every question has in common."""

    site_id: str
    period: Period
    bots: Bots = Bots.EXCLUDE

    def __str__(self) -> str:
        return (
            f"on site {self.site_id} from {self.period.since} to before {self.period.until} "
            f"(bots: {self.bots})"
        )

    @property
    def by_day(self) -> dict[str, Any]:
        """Parameters of views over local days."""
        return {
            "site": self.site_id,
            "since": self.period.since,
            "until": self.period.until,
            "bots": self.bots.flags,
        }

    @property
    def by_span(self) -> dict[str, Any]:
        """Parameters of views over local days, as weeks and days."""
        return {
            "site": self.site_id,
            "spans": spans(self.period.since, self.period.until),
            "bots": self.bots.flags,
        }

    @property
    def by_time(self) -> dict[str, Any]:
        """Parameters of views over UTC times."""
        since_at, until_at = self.period.bounds
        return {
            "site": self.site_id,
            "since_at": since_at.replace(tzinfo=None),
            "until_at": until_at.replace(tzinfo=None),
            "zone": self.period.zone.key,
            "bots": self.bots.flags,
        }


def parse_period(since: str | None, until: str | None, *, zone: ZoneInfo, now_ms: int) -> Period:
    """The period from ``since`` to before ``until``, ISO dates; by default the last 30 days with today.

    Raises QueryError that says which is wrong and what is expected.
    """
    today = datetime.fromtimestamp(now_ms / 1000, zone).date()
    end = _day("to", until) if until is not None else today + timedelta(days=1)
    begin = _day("from", since) if since is not None else max(FIRST_DAY, end - timedelta(days=DEFAULT_DAYS))
    if begin >= end:
        raise QueryError(f"from = {begin} is not before to = {end}; `to` is the first day that is left out")
    return Period(since=begin, until=end, zone=zone)


def parse_moment(name: str, text: str, *, now_ms: int) -> datetime:
    """A time in UTC: ISO 8601 (without a zone: UTC), or how long ago, such as ``90m``, ``12h``, ``7d``."""
    try:
        if ago := _AGO.fullmatch(text):
            moment = datetime.fromtimestamp(now_ms / 1000, UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        else:
            moment = datetime.fromisoformat(text)
            moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        moment = None
    if moment is None or not FIRST_DAY <= moment.date() <= LAST_DAY:
        raise QueryError(
            f"{name} = {text[:40]!r}: expected a time such as 2026-03-31T10:00Z, or how long ago, such as 12h"
        )
    return moment


def _day(name: str, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    # A week date is ISO too, but nobody means one.
    if day is None or day.isoformat() != text or not FIRST_DAY <= day <= LAST_DAY:
        raise QueryError(f"{name} = {text[:40]!r}: expected a date such as 2026-03-31, from 1970 to 2100")
    return day


@lru_cache(maxsize=256)
def _has_full_hours(since: date, until: date, zone: ZoneInfo) -> bool:
    midnights = (
        datetime.combine(since, time(), zone) + timedelta(days=n) for n in range((until - since).days + 1)
    )
    return all((at.utcoffset() or timedelta()) % timedelta(hours=1) == timedelta() for at in midnights)


def _begin(day: date, zone: ZoneInfo) -> datetime:
    """When ``day`` begins in ``zone``, in UTC, within what a DateTime column holds."""
    begin = datetime.combine(day, time(), zone).astimezone(UTC)
    return max(begin, datetime(1970, 1, 1, tzinfo=UTC))
