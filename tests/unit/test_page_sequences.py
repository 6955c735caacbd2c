"""What was made of days is used while it is right, made when it is not, and goes in the end."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.page_sequences import Day, Holds, Sequences, due, outdated, right
from views import living
from views.page_sequences import KnownDays
from views.params import Period
from views.stats.filters import Places

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
FIRST = date(2026, 3, 1)
OVER = Day("shop", 0, FIRST)
HOLDS = Holds(7, 2000, 5000)
HOUR_MS = 3_600_000


def made(holds: Holds = HOLDS, *, made_id: int = 1) -> Sequences:
    return Sequences(OVER, made_id, holds)


@pytest.mark.parametrize("other", [Holds(8, 2000, 5000), Holds(7, 1999, 5000), Holds(7, 2000, 4999)])
def test_what_was_made_of_another_day_or_of_part_of_it_is_not_right(other: Holds) -> None:
    assert right([made()], {OVER: HOLDS}) == {OVER: made()}
    assert right([made(other)], {OVER: HOLDS}) == {}
    assert right([made()], {}) == {}


def test_of_two_that_are_right_one_is_used_in_whichever_order_they_come() -> None:
    both = [made(made_id=1), made(made_id=2)]
    assert right(both, {OVER: HOLDS}) == right(reversed(both), {OVER: HOLDS}) == {OVER: both[0]}


@pytest.mark.parametrize(
    ("day", "holds", "is_due"),
    [
        (date(2026, 3, 8), HOLDS, True),
        (date(2026, 3, 9), HOLDS, False),
        (date(2026, 3, 8), Holds(7, 999, 5000), False),
        (date(2026, 3, 8), Holds(7, 1000, 5000), True),
    ],
)
def test_a_day_is_made_two_days_later_where_it_has_many_sessions(
    day: date, holds: Holds, is_due: bool
) -> None:
    now = {Day("shop", 0, day): holds}
    assert [*due({}, now, at=AT)] == ([*now] if is_due else [])


def test_what_is_right_is_not_made_again_and_what_was_in_vain_not_at_once() -> None:
    now, torn = {OVER: HOLDS}, Holds(7, 1999, 5000)
    assert not [*due({made(): AT}, now, at=AT)]
    assert not [*due({made(torn): AT - timedelta(hours=23)}, now, at=AT)]
    assert [*due({made(torn): AT - timedelta(hours=24)}, now, at=AT)] == [OVER]
    assert [*due({made(Holds(8, 2000, 5000)): AT}, now, at=AT)] == [OVER]


def test_what_another_takes_the_place_of_is_left_until_that_is_a_day_old() -> None:
    torn, second = made(Holds(7, 1999, 5000), made_id=3), made(made_id=2)
    both = dict.fromkeys([made(), second, torn], AT)
    assert outdated(both, {OVER: HOLDS}, at=AT + timedelta(hours=23)) == []
    assert outdated(both, {OVER: HOLDS}, at=AT + timedelta(hours=24)) == [second, torn]
    old = made(Holds(6, 1999, 5000), made_id=3)
    both = {old: AT - timedelta(days=9), made(): AT}
    assert outdated(both, {OVER: HOLDS}, at=AT) == []
    assert outdated(both, {OVER: HOLDS}, at=AT + timedelta(days=1)) == [old]


def test_what_nothing_takes_the_place_of_stays() -> None:
    old = {made(Holds(6, 1999, 5000)): AT - timedelta(days=9)}
    assert outdated(old, {OVER: HOLDS}, at=AT) == outdated(old, {}, at=AT) == []


@given(
    known=st.sets(st.integers(0, 20)),
    length=st.integers(1, 21),
    cap_ms=st.sampled_from([0, HOUR_MS, 24 * HOUR_MS, 100 * HOUR_MS]),
)
def test_only_events_are_left_out_that_no_session_of_another_day_can_have(
    known: set[int], length: int, cap_ms: int
) -> None:
    period = Period(since=FIRST, until=FIRST + timedelta(days=length), zone=ZoneInfo("UTC"))
    every = [FIRST + timedelta(days=number) for number in range(length)]
    days = [day for day in every if (day - FIRST).days in known]
    found = KnownDays(period, days, [0] * len(days))
    places = Places({})
    assert found.events_of_others(places, cap_ms=cap_ms) == "local_date NOT IN {p0:Array(Date)}"
    others = [day for day in every if day not in days]
    assert places.bound["p0"] == [
        day
        for day in days
        if not any(
            other <= day < living.last_day(other + timedelta(days=1), cap_ms=cap_ms) for other in others
        )
    ]
    assert found.is_all == (not others)
