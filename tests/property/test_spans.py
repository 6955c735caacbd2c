"""A period as weeks and days: nothing left out, nothing twice, and no more pieces than have to be."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from views.params import FIRST_DAY, LAST_DAY
from views.spans import DAY, WEEK, spans

FAR = {"min_value": date(1970, 1, 1), "max_value": date(2100, 1, 1)}


@given(since=st.dates(**FAR), days=st.integers(0, 800))
def test_the_pieces_are_the_days_of_the_period_each_once_and_in_order(since, days):
    found = spans(since, since + timedelta(days=days))
    covered = [first + timedelta(days=shift) for length, first in found for shift in range(length)]
    assert covered == [since + timedelta(days=shift) for shift in range(days)]


@given(since=st.dates(**FAR), days=st.integers(0, 800))
def test_weeks_begin_on_mondays_and_only_what_is_in_no_whole_week_is_left_to_days(since, days):
    found = spans(since, since + timedelta(days=days))
    assert {length for length, _ in found} <= {DAY, WEEK}
    assert all(first.weekday() == 0 for length, first in found if length == WEEK)
    alone = [first for length, first in found if length == DAY]
    mondays = {first - timedelta(days=first.weekday()) for first in alone}
    assert len(mondays) <= 2
    assert all(
        monday < since or monday + timedelta(days=WEEK) > since + timedelta(days=days) for monday in mondays
    )


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("2026-03-02", "2026-03-09", [(7, "2026-03-02")]),
        ("2026-03-03", "2026-03-09", [(1, f"2026-03-0{day}") for day in range(3, 9)]),
        ("2026-03-01", "2026-03-10", [(1, "2026-03-01"), (7, "2026-03-02"), (1, "2026-03-09")]),
        ("2026-12-28", "2027-01-04", [(7, "2026-12-28")]),
    ],
)
def test_examples(since, until, expected):
    found = spans(date.fromisoformat(since), date.fromisoformat(until))
    assert [(days, first.isoformat()) for days, first in found] == expected


def test_all_of_time_can_be_told():
    assert spans(FIRST_DAY, LAST_DAY)[:5] == [
        *((1, date(1970, 1, day)) for day in range(1, 5)),
        (7, date(1970, 1, 5)),
    ]
