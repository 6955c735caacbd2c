"""When a schedule is due, by the clock of its site, and which days its report is about.

A time of day that the clock jumps over is due as much later; one that it shows twice is due the first time.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum


class Cadence(StrEnum):
    """How often: every day, every Monday, or every first of a month."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


def last_due(cadence: Cadence, *, at: time, zone: tzinfo, now: datetime) -> datetime:
    """The latest time in UTC, not after ``now``, at which it was due."""
    day = _begin(cadence, now.astimezone(zone).date())
    while (due := _moment(day, at, zone)) > now:
        day = _begin(cadence, day - timedelta(days=1))
    return due


def next_due(cadence: Cadence, *, at: time, zone: tzinfo, now: datetime) -> datetime:
    """The earliest time in UTC, after ``now``, at which it is due."""
    day = _begin(cadence, now.astimezone(zone).date())
    while (due := _moment(day, at, zone)) <= now:
        day = _following(cadence, day)
    return due


def days_before(cadence: Cadence, *, due: datetime, zone: tzinfo) -> tuple[date, date]:
    """The whole day, week or month before ``due``: its first day, and the first that is left out."""
    until = _begin(cadence, due.astimezone(zone).date())
    return _begin(cadence, until - timedelta(days=1)), until


def _begin(cadence: Cadence, day: date) -> date:
    """The first day of the day, week or month that ``day`` is in."""
    match cadence:
        case Cadence.DAILY:
            return day
        case Cadence.WEEKLY:
            return day - timedelta(days=day.weekday())
        case Cadence.MONTHLY:
            return day.replace(day=1)


def _following(cadence: Cadence, begin: date) -> date:
    length = {Cadence.DAILY: 1, Cadence.WEEKLY: 7, Cadence.MONTHLY: 31}[cadence]
    return _begin(cadence, begin + timedelta(days=length))


def _moment(day: date, at: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)
