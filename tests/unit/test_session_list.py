"""Few days are looked through for the latest sessions, and as many as it takes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from views.catalog import SessionOrder
from views.params import Period
from views.session_list import Cursor, is_certain, windows

PERIOD = Period(since=date(2026, 3, 1), until=date(2026, 3, 31), zone=ZoneInfo("UTC"))


def days(order: SessionOrder, cursor: Cursor | None = None) -> list[tuple[int, int]]:
    """The days of March of each window, half-open; the last of February is day 0."""
    found = windows(PERIOD, order, cursor)
    return [((one.since - date(2026, 2, 28)).days, (one.until - date(2026, 2, 28)).days) for one in found]


def at_ms(day: int, hour: int = 0) -> int:
    return round(datetime(2026, 3, day, hour, tzinfo=UTC).timestamp() * 1000)


def cursor(order: SessionOrder, key: int) -> Cursor:
    return Cursor(order=order, key=key, session_id="0" * 36)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (SessionOrder.LATEST, [(30, 31), (25, 31), (1, 31)]),
        (SessionOrder.OLDEST, [(1, 2), (1, 7), (1, 31)]),
        (SessionOrder.LONGEST, [(1, 31)]),
        (SessionOrder.MOST_PAGE_VIEWS, [(1, 31)]),
    ],
)
def test_the_windows_grow_from_where_the_order_begins_to_the_whole_period(order, expected):
    assert days(order) == expected


@pytest.mark.parametrize(
    ("order", "key", "expected"),
    [
        # A day may have begun on the day before of UTC, or end on the day after.
        (SessionOrder.LATEST, at_ms(10, 12), [(11, 12), (6, 12), (1, 12)]),
        (SessionOrder.OLDEST, at_ms(28, 12), [(27, 28), (27, 31)]),
        (SessionOrder.LATEST, -(10**17), [(1, 2)]),
        (SessionOrder.LATEST, 10**17, [(30, 31), (25, 31), (1, 31)]),
        (SessionOrder.OLDEST, 10**17, [(30, 31)]),
        (SessionOrder.OLDEST, -(10**17), [(1, 2), (1, 7), (1, 31)]),
    ],
)
def test_a_page_begins_where_its_cursor_is_however_odd(order, key, expected):
    assert days(order, cursor(order, key)) == expected


@pytest.mark.parametrize(
    ("order", "place", "certain"),
    [
        (SessionOrder.LATEST, at_ms(1, 12), True),
        (SessionOrder.LATEST, at_ms(1, 12) - 1, False),
        (SessionOrder.OLDEST, at_ms(30, 10) - 1, True),
        (SessionOrder.OLDEST, at_ms(30, 10), False),
    ],
)
def test_a_page_is_certain_where_no_zone_has_a_day_that_could_come_before(order, place, certain):
    assert is_certain(order, PERIOD, place) is certain
