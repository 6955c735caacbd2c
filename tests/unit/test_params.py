"""Text -> a period of a site's days, and its bounds in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from app.errors import QueryError
from views.params import Bots, Period, Scope, parse_moment, parse_period

BERLIN = ZoneInfo("Europe/Berlin")
#: 2026-03-10 23:30 in Berlin.
NOW = int(datetime(2026, 3, 10, 22, 30, tzinfo=UTC).timestamp() * 1000)


def days(since: str, until: str, zone: str = "UTC") -> Period:
    return Period(since=date.fromisoformat(since), until=date.fromisoformat(until), zone=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("zone", "since", "until"),
    [
        ("Europe/Berlin", "2026-02-09", "2026-03-11"),
        ("Asia/Kolkata", "2026-02-10", "2026-03-12"),
        ("America/New_York", "2026-02-09", "2026-03-11"),
        ("Pacific/Kiritimati", "2026-02-10", "2026-03-12"),
    ],
)
def test_by_default_the_last_thirty_days_of_the_sites_calendar_with_today(zone, since, until):
    assert parse_period(None, None, zone=ZoneInfo(zone), now_ms=NOW) == days(since, until, zone)


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        ("2026-03-01", "2026-03-02", ("2026-03-01", "2026-03-02")),
        (None, "2026-01-31", ("2026-01-01", "2026-01-31")),
        ("2026-03-10", None, ("2026-03-10", "2026-03-11")),
        ("1970-01-01", "2100-01-01", ("1970-01-01", "2100-01-01")),
        (None, "1970-01-05", ("1970-01-01", "1970-01-05")),
        ("2024-02-29", "2024-03-01", ("2024-02-29", "2024-03-01")),
    ],
)
def test_from_is_in_the_period_and_to_is_not(since, until, found):
    assert parse_period(since, until, zone=BERLIN, now_ms=NOW) == days(*found, "Europe/Berlin")


@pytest.mark.parametrize(
    ("since", "until", "names"),
    [
        ("2026-03-02", "2026-03-02", "from = 2026-03-02 is not before to = 2026-03-02"),
        ("2026-03-03", "2026-03-02", "from = 2026-03-03 is not before"),
        ("2026-03-11", None, "from = 2026-03-11 is not before to = 2026-03-11"),
        ("2026-02-30", None, "from = '2026-02-30': expected a date such as"),
        ("20260301", None, "from = '20260301'"),
        ("2026-W10-1", None, "from = '2026-W10-1'"),
        ("2026-03-01T00:00", None, "from = '2026-03-01T00:00'"),
        (" 2026-03-01", None, "from = ' 2026-03-01'"),
        ("", None, "from = ''"),
        (None, "yesterday", "to = 'yesterday'"),
        (None, "1969-12-31", "to = '1969-12-31'"),
        (None, "2100-01-02", "to = '2100-01-02'"),
        ("\u0662026-03-01", None, "from = "),
        ("' OR 1=1", None, 'from = "\' OR 1=1"'),
    ],
)
def test_what_is_no_period_is_refused_and_named(since, until, names):
    with pytest.raises(QueryError) as refused:
        parse_period(since, until, zone=BERLIN, now_ms=NOW)
    assert str(refused.value).startswith(names)


def test_a_long_text_is_cut_in_the_message():
    with pytest.raises(QueryError) as refused:
        parse_period("9" * 10_000, None, zone=BERLIN, now_ms=NOW)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("zone", "day", "after", "begins", "hours"),
    [
        ("UTC", "2026-03-29", "2026-03-30", "2026-03-29T00:00", 24),
        ("Europe/Berlin", "2026-03-29", "2026-03-30", "2026-03-28T23:00", 23),
        ("Europe/Berlin", "2026-10-25", "2026-10-26", "2026-10-24T22:00", 25),
        ("Asia/Kolkata", "2026-03-29", "2026-03-30", "2026-03-28T18:30", 24),
        # These days have no midnight: their clocks went from 24:00 to 1:00.
        ("America/Sao_Paulo", "2018-11-04", "2018-11-05", "2018-11-04T03:00", 23),
        ("Asia/Beirut", "2026-03-29", "2026-03-30", "2026-03-28T22:00", 23),
        # This day has midnight twice.
        ("America/Havana", "2025-11-02", "2025-11-03", "2025-11-02T04:00", 25),
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-06", "2026-04-04T13:00", 24.5),
        # This one was left out.
        ("Pacific/Apia", "2011-12-30", "2011-12-31", "2011-12-30T10:00", 0),
    ],
)
def test_days_begin_and_end_by_the_sites_clock(zone, day, after, begins, hours):
    begin, end = days(day, after, zone).bounds
    assert begin == datetime.fromisoformat(begins).replace(tzinfo=UTC)
    assert (end - begin).total_seconds() == hours * 3600


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Los_Angeles"])
def test_all_time_stays_within_what_a_datetime_column_holds(zone):
    begin, end = Period.all_time(ZoneInfo(zone)).bounds
    assert begin >= datetime(1970, 1, 1, tzinfo=UTC)
    assert end <= datetime(2106, 2, 7, tzinfo=UTC)


@pytest.mark.parametrize(("bots", "flags"), [("exclude", [0]), ("include", [0, 1]), ("only", [1])])
def test_whose_traffic_counts_is_a_list_of_flags(bots, flags):
    scope = Scope(site_id="shop", period=days("2026-03-01", "2026-03-02"), bots=Bots(bots))
    assert scope.by_day["bots"] == scope.by_time["bots"] == flags


NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T10:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01T10:00Z", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01T10:00+02:00", datetime(2026, 3, 1, 8, tzinfo=UTC)),
        ("90s", datetime(2026, 3, 10, 11, 58, 30, tzinfo=UTC)),
        ("90m", datetime(2026, 3, 10, 10, 30, tzinfo=UTC)),
        ("12h", datetime(2026, 3, 10, tzinfo=UTC)),
        ("7d", datetime(2026, 3, 3, 12, tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_time_or_how_long_ago(text, moment):
    assert parse_moment("since", text, now_ms=int(NOON.timestamp() * 1000)) == moment


@pytest.mark.parametrize(
    "text", ["", "soon", "12", "h", "-1h", "1969-12-31", "2200-01-01", "999999d", "\u0663h", "1 h"]
)
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(QueryError, match=r"since = .*expected a time such as"):
        parse_moment("since", text, now_ms=int(NOON.timestamp() * 1000))


@pytest.mark.parametrize(
    ("zone", "since", "until", "expected"),
    [
        ("UTC", "2026-03-01", "2026-03-31", True),
        ("America/New_York", "2026-03-07", "2026-03-10", True),
        ("Asia/Kolkata", "2026-03-07", "2026-03-08", False),
        ("Asia/Kathmandu", "2026-03-07", "2026-03-08", False),
        # The clock goes from eleven hours to ten and a half on the fifth, and back on 4 October.
        ("Australia/Lord_Howe", "2026-03-01", "2026-04-05", True),
        ("Australia/Lord_Howe", "2026-04-04", "2026-04-06", False),
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-06", False),
        ("Australia/Lord_Howe", "2026-10-04", "2026-10-05", False),
        ("Australia/Lord_Howe", "2026-10-05", "2026-10-06", True),
    ],
)
def test_hours_are_full_where_the_clock_is_whole_hours_off_utc_all_the_time(zone, since, until, expected):
    assert days(since, until, zone).has_full_hours is expected
