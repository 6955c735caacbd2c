"""Schedules by the clock of a site, on the days on which it is changed as well."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.due_times import Cadence, days_before, last_due, next_due

NEW_YORK, LORD_HOWE = "America/New_York", "Australia/Lord_Howe"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("zone", "time_of_day", "now", "last", "following"),
    [
        # New York goes from UTC-5 to UTC-4 on 2026-03-08 at 02:00, back on 2026-11-01 at 02:00.
        (NEW_YORK, "06:00", "2026-03-08T09:59Z", "2026-03-07T11:00Z", "2026-03-08T10:00Z"),
        (NEW_YORK, "06:00", "2026-03-08T10:00Z", "2026-03-08T10:00Z", "2026-03-09T10:00Z"),
        # 02:30 is jumped over: half past two of the old time is 03:30.
        (NEW_YORK, "02:30", "2026-03-08T07:30Z", "2026-03-08T07:30Z", "2026-03-09T06:30Z"),
        # 01:30 comes twice: the first counts, and counts once.
        (NEW_YORK, "01:30", "2026-11-01T05:30Z", "2026-11-01T05:30Z", "2026-11-02T06:30Z"),
        (NEW_YORK, "01:30", "2026-11-01T06:30Z", "2026-11-01T05:30Z", "2026-11-02T06:30Z"),
        # Lord Howe goes from UTC+11 to UTC+10:30 on 2026-04-05 at 02:00, back on 2026-10-04 at 02:00.
        (LORD_HOWE, "06:00", "2026-04-04T19:30Z", "2026-04-04T19:30Z", "2026-04-05T19:30Z"),
        (LORD_HOWE, "01:45", "2026-04-04T15:15Z", "2026-04-04T14:45Z", "2026-04-05T15:15Z"),
        (LORD_HOWE, "02:15", "2026-10-03T15:45Z", "2026-10-03T15:45Z", "2026-10-04T15:15Z"),
        ("Asia/Kathmandu", "00:00", "2025-12-31T18:15Z", "2025-12-31T18:15Z", "2026-01-01T18:15Z"),
    ],
)
def test_every_day_at_the_same_time_of_the_sites_clock(zone, time_of_day, now, last, following):
    asked = {"at": time.fromisoformat(time_of_day), "zone": ZoneInfo(zone), "now": at(now)}
    assert last_due(Cadence.DAILY, **asked) == at(last)
    assert next_due(Cadence.DAILY, **asked) == at(following)


@pytest.mark.parametrize(
    ("cadence", "now", "last", "following", "days"),
    [
        (
            "weekly",
            "2026-03-09T09:59Z",
            "2026-03-02T11:00Z",
            "2026-03-09T10:00Z",
            "2026-02-23/2026-03-02",
        ),
        (
            "weekly",
            "2026-03-09T10:00Z",
            "2026-03-09T10:00Z",
            "2026-03-16T10:00Z",
            "2026-03-02/2026-03-09",
        ),
        (
            "weekly",
            "2026-01-01T12:00Z",
            "2025-12-29T11:00Z",
            "2026-01-05T11:00Z",
            "2025-12-22/2025-12-29",
        ),
        (
            "monthly",
            "2026-03-01T10:59Z",
            "2026-02-01T11:00Z",
            "2026-03-01T11:00Z",
            "2026-01-01/2026-02-01",
        ),
        (
            "monthly",
            "2026-01-31T12:00Z",
            "2026-01-01T11:00Z",
            "2026-02-01T11:00Z",
            "2025-12-01/2026-01-01",
        ),
        (
            "monthly",
            "2024-03-05T12:00Z",
            "2024-03-01T11:00Z",
            "2024-04-01T10:00Z",
            "2024-02-01/2024-03-01",
        ),
        (
            "daily",
            "2026-01-01T12:00Z",
            "2026-01-01T11:00Z",
            "2026-01-02T11:00Z",
            "2025-12-31/2026-01-01",
        ),
    ],
)
def test_weeks_begin_on_mondays_and_months_on_their_first(cadence, now, last, following, days):
    zone = ZoneInfo(NEW_YORK)
    asked = {"at": time(6), "zone": zone, "now": at(now)}
    due = last_due(Cadence(cadence), **asked)
    assert (due, next_due(Cadence(cadence), **asked)) == (at(last), at(following))
    since, until = days_before(Cadence(cadence), due=due, zone=zone)
    assert f"{since}/{until}" == days


@given(
    cadence=st.sampled_from(Cadence),
    zone=st.sampled_from([NEW_YORK, LORD_HOWE, "Asia/Kolkata", "Asia/Kathmandu", "UTC"]),
    minutes=st.integers(0, 1439),
    now=st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),
)
def test_due_times_follow_each_other_and_their_days_join(cadence, zone, minutes, now):
    """The one after the last is the next, none is left out, and no day is in two reports or in none."""
    asked = {"at": time(minutes // 60, minutes % 60), "zone": ZoneInfo(zone)}
    last = last_due(cadence, **asked, now=now)
    following = next_due(cadence, **asked, now=now)
    assert last <= now < following
    assert next_due(cadence, **asked, now=last) == following
    assert last_due(cadence, **asked, now=following - timedelta(seconds=1)) == last
    earlier = days_before(cadence, due=last, zone=asked["zone"])
    later = days_before(cadence, due=following, zone=asked["zone"])
    assert earlier[0] < earlier[1] == later[0] < later[1]
