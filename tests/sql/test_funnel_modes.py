"""Funnels in every mode against a recount in Python, and what else can be asked of them."""

from __future__ import annotations

import random
import statistics
from typing import Any

import msgspec
import pytest

from app.currency_settings import CurrencySettings
from app.errors import QueryError
from tests.answering import Asked, asked, engine, migrated, ms, scope
from tests.oracle_funnels import by_walker, most_in_any_order, ordered, strict
from tests.sql.store import some_uuid
from views.funnels.model import FunnelAsked, FunnelConversion, FunnelDefinition
from views.funnels.walks import MAX_EVENTS
from views.queries import Queries
from views.stats.model import Step

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

T = ms("2026-03-10T12:00Z")
PATHS = ("/a", "/b", "/c", "/x")
STEPS = [lambda row, path=path: row["path"] == path for path in PATHS[:3]]


def defined(*pages: str, **changes: Any) -> FunnelDefinition:
    steps = [{"title": page, "page": page} for page in pages or PATHS[:3]]
    return msgspec.convert({"title": "Funnel", "steps": steps, **changes}, FunnelDefinition)


async def told(asked: Asked, definition: FunnelDefinition, **changes: Any) -> FunnelConversion:
    return await asked.queries.funnel_of(
        scope(), definition=definition, funnel_id="it", asked=FunnelAsked(**changes)
    )


def counts(found: Any) -> list[int]:
    return [step.visitors for step in found.steps]


def some_rows(seed: int, *, count: int = 300, visitors: int = 40) -> list[dict[str, Any]]:
    dice = random.Random(seed)
    return [
        {
            "path": dice.choice(PATHS),
            "at": T + dice.randrange(20) * 1000,
            "visitor_id": f"v{dice.randrange(visitors)}",
            "revenue": dice.choice((0, 0, 2.5)),
            "currency": "EUR",
        }
        for _ in range(count)
    ]


@pytest.mark.parametrize("mode", ["ordered", "strict", "excluded", "excluded_between"])
async def test_every_walk_is_as_recounted(asked: Asked, mode: str) -> None:
    rows = some_rows(1)
    asked.events(*rows)
    window_ms = 6000
    exclusions = {"excluded": [{"page": "/x"}], "excluded_between": [{"page": "/x", "after": 2, "before": 3}]}
    definition = defined(
        window="6s",
        mode="strict" if mode == "strict" else "ordered",
        exclusions=exclusions.get(mode, []),
    )
    found = await told(asked, definition)

    def ends(row: Any, taken: int) -> bool:
        return row["path"] == "/x" and (mode == "excluded" or (mode == "excluded_between" and taken == 2))

    walks = [
        strict(events, STEPS, window_ms=window_ms)
        if mode == "strict"
        else ordered(events, STEPS, window_ms=window_ms, ends=ends)
        for events in by_walker(rows).values()
    ]
    assert counts(found) == [sum(len(walk) >= step for walk in walks) for step in (1, 2, 3)]
    assert [step.taken for step in found.steps] == counts(found)
    for step in (1, 2):
        times = [[event["at"] / 1000 for event in walk] for walk in walks if len(walk) > step]
        gaps = [walk[step] - walk[step - 1] for walk in times]
        spans = [walk[step] - walk[0] for walk in times]
        row = found.steps[step]
        assert row.median_s == pytest.approx(statistics.median(gaps))
        assert row.mean_s == pytest.approx(statistics.mean(gaps))
        assert row.median_from_first_s == pytest.approx(statistics.median(spans))
        assert row.mean_from_first_s == pytest.approx(statistics.mean(spans))
    assert (found.mean_time_to_convert_s, found.steps[0].median_s) == (found.steps[2].mean_from_first_s, None)
    everybody = by_walker(rows)
    for step in range(3):
        earned = 0.0
        for walk in walks:
            if len(walk) > step:
                events = everybody[walk[0]["visitor_id"]]
                place = next(number for number, event in enumerate(events) if event is walk[step])
                last = walk[0]["at"] + window_ms
                earned += sum(event["revenue"] for event in events[place:] if event["at"] <= last)
        assert found.steps[step].revenue == pytest.approx(earned)
    assert (found.currency, found.currencies_left_out) == ("EUR", [])


async def test_in_any_order_as_many_different_steps_count_as_lie_within_the_window(asked: Asked) -> None:
    rows = some_rows(2, count=150)
    asked.events(*rows)
    found = await told(asked, defined(window="3s", mode="unordered"))
    most = [most_in_any_order(events, STEPS, window_ms=3000) for events in by_walker(rows).values()]
    assert counts(found) == [sum(one >= step for one in most) for step in (1, 2, 3)]
    assert sum(step.taken for step in found.steps) == sum(most)


async def test_in_any_order_an_event_takes_one_step_and_an_exclusion_ends_all(asked: Asked) -> None:
    asked.events(
        {"path": "/p/1", "visitor_id": "once"},
        {"path": "/p/1", "visitor_id": "twice"},
        {"path": "/p/1", "visitor_id": "twice", "at": T + 10},
        {"path": "/p/1", "visitor_id": "ended"},
        {"path": "/no", "visitor_id": "ended", "at": T + 5},
        {"path": "/p/1", "visitor_id": "ended", "at": T + 10},
    )
    definition = defined("/p/*", "/p/1", mode="unordered", exclusions=[{"page": "/no"}])
    assert counts(await told(asked, definition)) == [3, 1]


async def test_what_the_browser_sends_by_itself_is_no_step_between(asked: Asked) -> None:
    leave = {"event_type": "custom_event", "name": "$page_leave", "path": "/a"}
    asked.events(
        {"path": "/a"},
        {**leave, "at": T + 1},
        {"event_type": "scroll", "path": "/a", "at": T + 2},
        {"path": "/b", "at": T + 3},
        {"event_type": "click", "path": "/b", "at": T + 4},
        {"path": "/c", "at": T + 5},
    )
    assert counts(await told(asked, defined(mode="strict"))) == [1, 1, 0]
    assert counts(await told(asked, defined())) == [1, 1, 1]


@pytest.mark.parametrize(
    ("window", "reached"), [("999ms", 1), ("1s", 2), ("1m", 2), ("30m", 2), ("7d", 2), ("52w", 2)]
)
async def test_a_window_has_any_unit(asked: Asked, window: str, reached: int) -> None:
    asked.events({"path": "/a"}, {"path": "/b", "at": T + 1000})
    assert sum(counts(await told(asked, defined("/a", "/b", window=window)))) == reached


async def test_a_week_is_no_longer_than_seven_days(asked: Asked) -> None:
    week = 7 * 86_400_000
    asked.events({"path": "/a"}, {"path": "/b", "at": T + week}, {"path": "/c", "at": T + week + 1})
    assert counts(await told(asked, defined(window="1w"))) == [1, 1, 0]


async def test_steps_are_told_by_expression_name_and_properties(asked: Asked) -> None:
    bought = {"event_type": "custom_event", "name": "$purchase"}
    asked.events(
        {"path": "/de/products/7"},
        {**bought, "at": T + 1, "properties": '{"plan":"free"}'},
        {"path": "/en/products/x", "visitor_id": "v2"},
        {**bought, "at": T + 1, "visitor_id": "v2", "properties": '{"plan":"pro","n":3}'},
        {"path": "/products/7", "visitor_id": "v3"},
    )
    paid = {"op": "is", "field": "property.plan", "value": "pro"}
    steps = [
        {"title": "Product", "page_matches": "^/[a-z]{2}/products/"},
        {"title": "Paid", "event": "$purchase", "filter": paid},
    ]
    assert counts(await told(asked, defined(steps=steps))) == [2, 1]
    steps[1] = {"title": "Three", "filter": {"op": "is", "field": "property.n", "value": "3"}}
    assert counts(await told(asked, defined(steps=steps))) == [2, 1]


def visits(asked: Asked) -> None:
    """v1: two sessions, begun by mail and by an ad, the second written under an id that a merge has ended."""
    first, second, dead, other = (some_uuid() for _ in range(4))
    asked.sessions(
        {"session_id": first, "channel": "Email"},
        {"session_id": second, "at": T + 7_200_000, "channel": "Paid Search"},
        {"session_id": other, "visitor_id": "v2", "channel": "Email"},
    )
    asked.sessions({"session_id": dead, "at": T + 7_200_001, "sign": -1, "merged_into": second, "version": 2})
    asked.events(
        {"path": "/a", "session_id": first},
        {"path": "/a", "session_id": second, "at": T + 7_200_000},
        {"path": "/b", "session_id": dead, "at": T + 7_200_001},
        {"path": "/c", "session_id": first, "at": T + 9_000_000},
        {"path": "/a", "session_id": other, "visitor_id": "v2"},
    )


async def test_per_session_each_session_walks_by_itself_and_merged_ones_are_one(asked: Asked) -> None:
    visits(asked)
    assert counts(await told(asked, defined())) == [2, 1, 1]
    assert counts(await told(asked, defined(per="session"))) == [3, 1, 0]


async def test_broken_down_by_the_attribute_at_the_first_step_the_parts_are_the_whole(asked: Asked) -> None:
    visits(asked)
    found = await told(asked, defined(), breakdown="channel")
    assert {part.value: counts(part) for part in found.breakdown} == {
        "Email": [1, 0, 0],
        "Paid Search": [1, 1, 1],
    }
    summed = [sum(column) for column in zip(*map(counts, found.breakdown), strict=True)]
    assert summed == counts(found)
    top = await told(asked, defined(), breakdown="channel", limit=1)
    assert [part.value for part in top.breakdown] == ["Email"]
    by_path = await told(asked, defined(), breakdown="path")
    assert [(part.value, counts(part)) for part in by_path.breakdown] == [("/a", [2, 1, 1])]


async def test_who_counts_is_told_by_sessions_and_users(asked: Asked) -> None:
    visits(asked)
    by_mail = {"op": "is", "field": "channel", "value": "Email"}
    assert counts(await told(asked, defined(filter=by_mail))) == [2, 0, 0]
    either = {"op": "or", "filters": [by_mail, {"op": "not", "filter": by_mail}]}
    assert counts(await told(asked, defined(filter=either))) == counts(await told(asked, defined()))
    asked.events(
        {
            "event_type": "custom_event",
            "name": "$identify",
            "properties": '{"plan":"pro"}',
            "visitor_id": "v2",
        }
    )
    pro = {"op": "is", "field": "user.plan", "value": "pro"}
    assert counts(await told(asked, defined(filter=pro))) == [1, 0, 0]


@pytest.mark.parametrize(
    ("site", "days"),
    [("shop", ["2026-03-28", "2026-03-29"]), ("saas", ["2026-03-29", "2026-03-29"])],
)
async def test_a_trend_is_by_the_first_steps_own_day(asked: Asked, site: str, days: list[str]) -> None:
    """Summer time begins in Berlin on the 29th; midnight is 23:00 UTC the day before."""
    late, later = ms("2026-03-28T22:59Z"), ms("2026-03-28T23:00Z")
    for number, at in enumerate((late, later)):
        row = {"site_id": site, "visitor_id": f"v{number}"}
        asked.events({"path": "/a", "at": at, **row}, {"path": "/b", "at": at + 7_200_000, **row})
    found = await asked.queries.funnel_of(
        scope(site), definition=defined(), funnel_id="it", asked=FunnelAsked(interval=Step.DAY)
    )
    begun = [part.value for part in found.trend for _ in range(part.steps[0].visitors)]
    assert begun == days
    assert len(found.trend) == 31
    assert sum(part.steps[1].visitors for part in found.trend) == found.steps[1].visitors == 2


async def test_weeks_and_months_are_of_the_calendar(asked: Asked) -> None:
    asked.events({"path": "/a"}, {"path": "/b", "at": T + 5})
    for interval, value in ((Step.WEEK, "2026-03-09"), (Step.MONTH, "2026-03-01")):
        found = await told(asked, defined(), interval=interval)
        assert [part.value for part in found.trend if counts(part)[1]] == [value]
    with pytest.raises(QueryError, match="expected day, week or month"):
        await told(asked, defined(), interval=Step.HOUR)


async def test_a_walk_over_the_turn_of_the_year_is_one(asked: Asked) -> None:
    at = ms("2025-12-31T22:59:59Z")
    asked.events({"path": "/a", "at": at}, {"path": "/b", "at": at + 1000})
    found = await asked.queries.funnel_of(
        scope(since="2025-12-01", until="2026-02-01"),
        definition=defined(),
        funnel_id="it",
        asked=FunnelAsked(interval=Step.MONTH),
    )
    assert {part.value: counts(part) for part in found.trend} == {
        "2025-12-01": [1, 1, 0],
        "2026-01-01": [0, 0, 0],
    }


async def test_revenue_is_by_the_rate_of_its_day_and_what_has_none_is_left_out(asked: Asked) -> None:
    rates = {"USD": {"2026-03-10": "0.5", "2026-03-12": "0.25"}, "JPY": "0.01"}
    settings = {"currencies": CurrencySettings(base="EUR", rates=rates)}
    queries = Queries(asked.pool, settings=asked.settings.model_copy(update=settings))
    day = 86_400_000
    paid = [("USD", 8, 0), ("USD", 8, 2 * day), ("JPY", 100, 3), ("EUR", 1, 4), ("", 1, 5), ("GBP", 7, 6)]
    asked.events(
        {"path": "/a", "at": T - 1},
        *({"path": "/x", "at": T + at, "revenue": sum_, "currency": code} for code, sum_, at in paid),
    )
    found = await queries.funnel_of(
        scope(), definition=defined(window="7d"), funnel_id="it", asked=FunnelAsked()
    )
    assert (found.currency, found.currencies_left_out) == ("EUR", ["GBP"])
    assert found.steps[0].revenue == pytest.approx(4 + 2 + 1 + 1 + 1)


async def test_of_one_visitor_the_first_ten_thousand_events_that_matter_are_walked(asked: Asked) -> None:
    asked.events(*({"path": "/a", "at": T + number} for number in range(MAX_EVENTS - 1)))
    asked.events({"path": "/b", "at": T + MAX_EVENTS}, {"path": "/c", "at": T + MAX_EVENTS + 1})
    assert counts(await told(asked, defined())) == [1, 1, 0]


@pytest.mark.parametrize("per", ["visitor", "session"])
@pytest.mark.parametrize("mode", ["ordered", "strict", "unordered"])
async def test_patterns_mean_the_same_pages_where_their_gold_is_whole_and_where_it_is_not(
    asked: Asked, mode: str, per: str
) -> None:
    asked.events(*({**row, "path": f"{row['path']}/{dice}"} for dice, row in enumerate(some_rows(5))))
    exclusions = [{"page": "/x/1*", "filter": {"op": "contains", "field": "path", "value": "/"}}]
    definition = defined("/a/*", "/b/*", "/c/*", mode=mode, per=per, window="6s", exclusions=exclusions)
    whole = await told(asked, definition)
    assert counts(whole)[2] > 0
    asked.store.run("TRUNCATE TABLE {db}.page_performance_metrics")
    assert await told(asked, definition) == whole


@pytest.mark.parametrize(
    ("op", "value"), [("is", "/b"), ("is_not", "/a/1"), ("contains", "b"), ("matches", "b$")]
)
async def test_a_filter_by_path_may_stand_beside_patterns(asked: Asked, op: str, value: str) -> None:
    asked.events({"path": "/a/1", "at": T}, {"path": "/b", "at": T + 1000})
    exclusions = [{"page": "/*", "filter": {"op": "is", "field": "path", "value": "/x"}}]
    for page in ({}, {"page": "/*"}):
        second = {"title": "Two", **page, "filter": {"op": op, "field": "path", "value": value}}
        steps = [{"title": "One", "page": "/a/*"}, second]
        assert counts(await told(asked, defined(steps=steps, exclusions=exclusions))) == [1, 1]


async def test_of_a_page_that_gold_lacks_events_are_seen_beside_those_that_it_knows(asked: Asked) -> None:
    asked.events({"path": "/a/1", "at": T})
    asked.store.run("TRUNCATE TABLE {db}.page_performance_metrics")
    asked.events(*({"path": path, "at": T + 1000} for path in ["/b/1", "/c/1", *["/x"] * 9]))
    assert counts(await told(asked, defined("/a/*", "/b/*", "/c/*"))) == [1, 1, 1]
    assert counts(await told(asked, defined("/b/*", "/a/*"))) == [1, 0]
    assert counts(await told(asked, defined("/b/*", "/c/*"))) == [1, 1]


@pytest.mark.parametrize("pages", [("/a", "/b", "/c"), ("/a*", "/b*", "/c*")])
@pytest.mark.parametrize("mode", ["ordered", "strict", "unordered"])
async def test_walks_are_the_same_in_a_period_that_is_too_long_for_64_bits(
    asked: Asked, mode: str, pages: tuple[str, ...]
) -> None:
    asked.events(*some_rows(7))
    definition = defined(*pages, window="6s", mode=mode, exclusions=[{"page": "/x"}])
    long = scope(since="1970-01-01", until="2100-01-01")
    short = await told(asked, definition)
    for is_whole in (True, False):
        found = await asked.queries.funnel_of(
            long, definition=definition, funnel_id="it", asked=FunnelAsked()
        )
        assert counts(found)[1] > 0
        assert found.steps == short.steps
        if is_whole:
            asked.store.run("TRUNCATE TABLE {db}.page_performance_metrics")
