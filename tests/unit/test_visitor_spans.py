"""Which days in a row are worth knowing, and how a period is made of those that are known."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.visitor_spans import (
    ATTRIBUTES,
    WHOLE,
    Cover,
    Day,
    Span,
    cover,
    days_worth_knowing,
    right,
    worth_knowing,
)

FIRST = date(2026, 1, 1)  # a Thursday
MIGRATION = Path(__file__).parents[2] / "migrations" / "0023_create_visitor_spans.sql"


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def span(since: int, until: int, checksum: int = 0) -> Span:
    return Span(day(since), day(until), checksum)


def days_of(since: date, until: date) -> set[date]:
    return {since + timedelta(days=number) for number in range((until - since).days)}


SPANS = st.lists(
    st.tuples(st.integers(0, 60), st.sampled_from([1, 7, 28])).map(lambda one: span(one[0], one[0] + one[1])),
    max_size=40,
)


@settings(deadline=None)
@given(spans=SPANS, since=st.integers(0, 50), length=st.integers(0, 60))
def test_a_cover_is_the_period_and_nothing_else(spans: list[Span], since: int, length: int) -> None:
    found = cover(spans, day(since), day(since + length))
    known = [days_of(one.since, one.until) for one in found.spans]
    left = [days_of(*one) for one in found.left]
    assert set().union(*known, *left) == days_of(day(since), day(since + length))
    assert not set().union(*known) & set().union(*left)
    assert sum(map(len, left)) == len(set().union(*left))
    inside = set().union(
        *(
            days_of(one.since, one.until)
            for one in spans
            if day(since) <= one.since and one.until <= day(since + length)
        )
    )
    assert set().union(*known) == inside, "what a span inside the period holds is not counted again"


@settings(deadline=None)
@given(spans=SPANS, since=st.integers(0, 50), length=st.integers(0, 60))
def test_a_cover_has_no_span_that_the_others_make_needless(
    spans: list[Span], since: int, length: int
) -> None:
    found = cover(spans, day(since), day(since + length))
    for one in found.spans:
        others = (days_of(other.since, other.until) for other in found.spans if other != one)
        assert days_of(one.since, one.until) - set().union(*others)


def test_a_month_is_two_spans_that_overlap() -> None:
    days = {day(number): Day(sessions=10_000, checksum=number + 1) for number in range(60)}
    spans = list(worth_knowing(days, today=day(60)))
    found = cover(spans, day(30), day(60))
    assert [(one.since, one.until) for one in found.spans] == [(day(30), day(58)), (day(32), day(60))]
    assert found.left == ()


def test_days_before_and_after_all_spans_are_left() -> None:
    found = cover([span(5, 12), span(20, 27)], date(1970, 1, 1), date(2100, 1, 1))
    assert found.spans == (span(5, 12), span(20, 27))
    assert found.left == (
        (date(1970, 1, 1), day(5)),
        (day(12), day(20)),
        (day(27), date(2100, 1, 1)),
    )


def test_without_spans_the_whole_period_is_left() -> None:
    assert cover([], day(0), day(9)) == Cover((), ((day(0), day(9)),))


def test_spans_are_worth_knowing_from_any_recent_day_and_from_every_monday() -> None:
    days = {day(number): Day(sessions=1, checksum=1) for number in range(120)}
    known = [
        (one.since, (one.until - one.since).days)
        for one in worth_knowing(days, today=day(120), min_sessions=7)
    ]
    recent = day(120) - timedelta(days=63)
    assert {since for since, _ in known if since < recent} == {
        day(number) for number in range(57) if day(number).weekday() == 0
    }
    assert {since for since, length in known if since >= recent and length == 7} == {
        day(number) for number in range(57, 114)
    }
    assert {length for _, length in known} == {7, 28}
    assert max(since + timedelta(days=length) for since, length in known) == day(120)


def test_a_span_of_few_sessions_is_not_worth_knowing() -> None:
    days = {day(0): Day(sessions=10, checksum=5), day(6): Day(sessions=10, checksum=-8)}
    assert list(worth_knowing(days, today=day(7), min_sessions=20)) == [span(0, 7, -3)]
    assert list(worth_knowing(days, today=day(7), min_sessions=21)) == []
    assert list(worth_knowing({}, today=day(7))) == []


def test_a_day_of_many_sessions_is_worth_knowing_by_itself() -> None:
    days = {day(0): Day(sessions=10, checksum=5), day(6): Day(sessions=9, checksum=-8)}
    found = list(days_worth_knowing(days, min_sessions=10))
    assert found == [span(0, 1, 5)]
    assert [one.is_day for one in (*found, span(0, 7))] == [True, False]


@pytest.mark.parametrize(("now", "is_right"), [(7, True), (8, False), (0, False)])
def test_a_span_is_right_while_its_days_have_its_checksum(now: int, is_right: bool) -> None:
    held = {day(0): 5, day(1): now - 5, day(2): 99}
    one = span(0, 2, 7)
    assert right([one], held) == [one] * is_right
    assert Cover((one,), ()).holds(held) is is_right


def test_gold_has_each_attribute_and_every_session_once() -> None:
    """As it is written; its checksum is of each attribute, too, so that it is another when one changes."""
    sql = MIGRATION.read_text(encoding="utf-8")
    (spread,) = re.findall(r"ARRAY JOIN \[(.*?)\] AS told", sql, re.DOTALL)
    told = re.findall(r"\('(\w*)', (?:''|toString\(s\.(\w+)\))\)", spread)
    assert told == [(WHOLE, ""), *((name, name) for name in ATTRIBUTES)]
    assert len(told) == spread.count("('")
    (hashed,) = re.findall(r"cityHash64\((.*?)\)", sql, re.DOTALL)
    assert [name for name in re.findall(r"s\.(\w+)", hashed) if name in ATTRIBUTES] == [*ATTRIBUTES]
