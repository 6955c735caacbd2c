"""Where a question is answered from, the days it is compared with, its intervals; and what is refused."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from app.errors import QueryError
from tests.answering import scope
from views.params import Period
from views.stats import fields
from views.stats.answer import before_of, intervals
from views.stats.cursor import Cursor, parse, question_of
from views.stats.fields import OF_EVENTS, OF_SESSIONS, Source
from views.stats.filters import MAX_PARTS
from views.stats.model import And, Asked, Compare, CompareDays, Is, Metric, Not, Order, Step
from views.stats.planner import plan, source_of
from web.api.stats import StatsQuery

QUERYING = Path(__file__).parents[2] / "docs" / "QUERYING.md"


def question(**asked: Any) -> Asked:
    return msgspec.convert({"metrics": ["sessions"], **asked}, Asked)


def is_(field: str) -> dict[str, str]:
    return {"op": "is", "field": field, "value": "x"}


@pytest.mark.parametrize(
    ("asked", "source"),
    [
        ({}, Source.QUARTERS),
        ({"dimensions": ["is_bot"], "interval": "quarter_hour"}, Source.QUARTERS),
        ({"interval": "minute"}, Source.SESSIONS),
        ({"metrics": ["visitors"]}, Source.ATTRIBUTE_DAYS),
        ({"metrics": ["visitors"], "dimensions": ["country"]}, Source.ATTRIBUTE_DAYS),
        ({"metrics": ["visitors", "median_session_duration_s"]}, Source.ATTRIBUTE_DAYS),
        ({"metrics": ["visitors", "median_session_duration_s"], "dimensions": ["os"]}, Source.SESSIONS),
        ({"metrics": ["visitors"], "interval": "day"}, Source.ATTRIBUTE_DAYS),
        ({"metrics": ["visitors"], "interval": "week"}, Source.QUARTERS),
        ({"metrics": ["visitors"], "interval": "day", "order": {"by": "visitors"}}, Source.QUARTERS),
        ({"metrics": ["visitors"], "filter": is_("os")}, Source.DEVICE_DAYS),
        ({"metrics": ["visitors"], "dimensions": ["channel", "source"]}, Source.SOURCE_DAYS),
        ({"metrics": ["visitors"], "dimensions": ["city"]}, Source.SESSIONS),
        ({"metrics": ["median_session_duration_s"], "interval": "day"}, Source.QUARTERS),
        ({"metrics": ["median_session_duration_s"], "filter": is_("channel")}, Source.SESSIONS),
        ({"filter": is_("channel")}, Source.SOURCE_DAYS),
        ({"filter": is_("channel"), "interval": "quarter_hour"}, Source.SESSIONS),
        ({"filter": {"op": "not", "filter": is_("country")}, "dimensions": ["os"]}, Source.DEVICE_DAYS),
        ({"filter": is_("country"), "dimensions": ["channel"]}, Source.SESSIONS),
        ({"filter": is_("user.plan")}, Source.SESSIONS),
        ({"dimensions": ["user.plan"], "interval": "day"}, Source.SESSIONS),
        ({"dimensions": ["user.plan", "path"]}, Source.EVENTS),
        ({"filter": {"op": "or", "filters": [is_("channel"), is_("property.plan")]}}, Source.EVENTS),
        ({"dimensions": ["name"]}, Source.EVENTS),
    ],
)
def test_the_smallest_table_that_has_every_field_is_asked(asked: dict[str, Any], source: Source) -> None:
    assert source_of(question(**asked)) is source


@pytest.mark.parametrize(
    "name",
    ["", "colour", "visitors; DROP TABLE x", "property.", "user.", "property.a\nb", "Path", "_offset", "1=1"],
)
def test_an_unknown_field_is_refused_with_those_that_are_known(name: str) -> None:
    for asked in ({"dimensions": [name or "x"]}, {"filter": is_(name or "x")}):
        with pytest.raises(QueryError, match=r"unknown field .*known are entry_host, .*property\.<name>"):
            source_of(question(**asked))


def test_no_value_and_no_name_that_is_asked_stands_in_the_statement() -> None:
    hostile = "x'); DROP TABLE y; --"
    asked = question(
        dimensions=[f"property.{hostile}", f"user.{hostile}"],
        filter={"op": "and", "filters": [{**is_(f"user.{hostile}"), "value": hostile}, is_("channel")]},
    )
    made = plan(asked, scope(), database="wua", reach=date(2026, 4, 3))
    assert "DROP" not in made.sql
    # Of the property, of the user both times, and the value.
    assert sum(value == hostile for value in made.bound.values()) == 4
    assert set(re.findall(r"\{(\w+):", made.sql)) <= made.bound.keys()


def test_an_order_is_by_what_was_asked() -> None:
    with pytest.raises(QueryError, match=r"order\.by = 'revenue': expected one of sessions, channel"):
        plan(question(dimensions=["channel"], order={"by": "revenue"}), scope(), database="wua", reach=None)
    with pytest.raises(QueryError, match=r"expected one of sessions$"):
        plan(question(order={"by": "at"}), scope(), database="wua", reach=None)


def test_a_filter_has_a_bound_however_it_is_nested() -> None:
    deep = Is(field="channel", value="x")
    for _ in range(MAX_PARTS):
        deep = Not(filter=deep)
    wide = And(filters=[And(filters=[Is(field="os", value="x")] * 50)] * 5)
    for filter_ in (deep, wide):
        with pytest.raises(QueryError, match="more than 200 parts"):
            source_of(Asked(metrics=[Metric.SESSIONS], filter=filter_))


@pytest.mark.parametrize(
    ("since", "until", "compare", "before"),
    [
        ("2026-03-01", "2026-04-01", Compare.PREVIOUS_PERIOD, ("2026-01-29", "2026-03-01")),
        ("2026-03-01", "2026-04-01", Compare.PREVIOUS_YEAR, ("2025-03-01", "2025-04-01")),
        ("2024-02-29", "2024-03-01", Compare.PREVIOUS_YEAR, ("2023-02-28", "2023-03-01")),
        ("2024-02-28", "2024-02-29", Compare.PREVIOUS_YEAR, ("2023-02-28", "2023-03-01")),
        ("2024-02-01", "2024-02-29", Compare.PREVIOUS_YEAR, ("2023-02-01", "2023-03-01")),
        ("2024-02-01", "2024-03-01", Compare.PREVIOUS_YEAR, ("2023-02-01", "2023-03-01")),
        (
            "2026-03-01",
            "2026-03-02",
            CompareDays(since=date(2020, 1, 1), until=date(2020, 2, 1)),
            ("2020-01-01", "2020-02-01"),
        ),
    ],
)
def test_the_days_before(since: str, until: str, compare: Any, before: tuple[str, str]) -> None:
    period = Period(since=date.fromisoformat(since), until=date.fromisoformat(until), zone=ZoneInfo("UTC"))
    found = before_of(period, compare)
    assert (found.since.isoformat(), found.until.isoformat()) == before


def test_there_is_nothing_before_the_first_day() -> None:
    period = Period(since=date(1970, 1, 5), until=date(1970, 2, 5), zone=ZoneInfo("UTC"))
    with pytest.raises(QueryError, match="is no period"):
        before_of(period, Compare.PREVIOUS_PERIOD)
    with pytest.raises(QueryError, match="is no period"):
        before_of(period, CompareDays(since=date(2020, 1, 2), until=date(2020, 1, 2)))


@pytest.mark.parametrize(
    ("zone", "days", "step", "count", "first", "last"),
    [
        ("America/New_York", "2026-03-08/2026-03-09", Step.HOUR, 23, "2026-03-08T05:00:00Z", "T03:00:00Z"),
        ("America/New_York", "2026-11-01/2026-11-02", Step.HOUR, 25, "2026-11-01T04:00:00Z", "T04:00:00Z"),
        ("Asia/Kolkata", "2026-03-08/2026-03-09", Step.HOUR, 24, "2026-03-07T18:30:00Z", "T17:30:00Z"),
        ("Asia/Kathmandu", "2026-03-08/2026-03-09", Step.HOUR, 24, "2026-03-07T18:15:00Z", "T17:15:00Z"),
        # Half an hour longer, and shorter: the hour that is cut is one of its own.
        ("Australia/Lord_Howe", "2026-04-05/2026-04-06", Step.HOUR, 25, "2026-04-04T13:00:00Z", "T12:30:00Z"),
        ("Australia/Lord_Howe", "2026-10-04/2026-10-05", Step.HOUR, 24, "2026-10-03T13:30:00Z", "T12:00:00Z"),
        (
            "Asia/Kathmandu",
            "2026-03-08/2026-03-09",
            Step("quarter_hour"),
            96,
            "2026-03-07T18:15:00Z",
            "T18:00:00Z",
        ),
        ("UTC", "2026-03-08/2026-03-09", Step.QUARTER_HOUR, 96, "2026-03-08T00:00:00Z", "T23:45:00Z"),
        ("UTC", "2025-12-28/2026-01-06", Step.WEEK, 3, "2025-12-22", "2026-01-05"),
        ("UTC", "2025-12-31/2026-02-01", Step.MONTH, 2, "2025-12-01", "2026-01-01"),
        ("UTC", "2024-02-28/2024-03-02", Step.DAY, 3, "2024-02-28", "2024-03-01"),
    ],
)
def test_every_interval_of_a_period_is_named(
    zone: str, days: str, step: Step, count: int, first: str, last: str
) -> None:
    since, until = map(date.fromisoformat, days.split("/"))
    period = Period(since=since, until=until, zone=ZoneInfo(zone))
    found = intervals(period, step)
    assert len(found) == len(set(found)) == count
    assert found == sorted(found)
    assert found[0] == first
    assert found[-1].endswith(last)


def test_too_many_intervals_are_refused() -> None:
    period = Period(since=date(2026, 1, 1), until=date(2026, 3, 1), zone=ZoneInfo("UTC"))
    with pytest.raises(QueryError, match="more than 50000"):
        intervals(period, Step.MINUTE)


def test_a_cursor_comes_back_as_it_was_given() -> None:
    asked = question(dimensions=["path"], order=msgspec.to_builtins(Order(by="path")))
    given = Cursor(question_of(asked), "/ü", ["/ü"])
    assert parse(msgspec.structs.replace(asked, cursor=str(given), limit=7)) == given


def test_every_metric_and_field_is_documented() -> None:
    text = QUERYING.read_text("utf-8")
    assert fields.METRICS.keys() == set(Metric)
    for name in (*OF_SESSIONS, *OF_EVENTS, *Step, *Compare):
        assert f"`{name}`" in text


def test_the_example_is_a_question() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", QUERYING.read_text("utf-8"), flags=re.DOTALL)
    asked = msgspec.json.decode(example, type=StatsQuery)
    assert source_of(asked) is Source.EVENTS
    assert set(json.loads(example)) <= {one.encode_name for one in msgspec.structs.fields(StatsQuery)}
