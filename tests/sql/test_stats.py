"""Any question of numbers against a recount in Python of the same visits, and identities that must hold."""

from __future__ import annotations

import json
import random
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from app.errors import QueryError
from tests import oracle_stats
from tests.answering import ZONES, asked, engine, migrated, ms, scope
from tests.answering import Asked as Given
from tests.oracle_stats import Visit
from tests.sql.store import some_uuid
from tests.visits import PATHS, some_visit, tell
from views.params import Bots
from views.stats.model import Asked, Metric, Stats, Step

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

METRICS = [one.value for one in Metric]
DIMENSIONS = ["channel", "source", "campaign", "device_class", "os", "country", "entry_path", "path", "name"]
#: Days around which clocks change, and the end of a year, by site.
PERIODS = {
    "shop": ("2026-03-27", "2026-04-01"),
    "york": ("2026-10-30", "2026-11-04"),
    "isle": ("2026-04-02", "2026-04-08"),
    "saas": ("2025-12-28", "2026-01-04"),
    "peak": ("2025-12-31", "2026-01-02"),
}


async def ask(asked: Given, site: str, **question: Any) -> Stats:
    since, until = PERIODS[site]
    return await asked.queries.stats(scope(site, since, until), msgspec.convert(question, Asked))


def recount(visits: list[Visit], site: str, **question: Any) -> dict[tuple[str, ...], dict[str, float]]:
    since, until = PERIODS[site]
    return oracle_stats.answer(
        visits,
        zone=ZoneInfo(ZONES[site]),
        since=date.fromisoformat(since),
        until=date.fromisoformat(until),
        **question,
    )


def told(asked: Given, site: str, *, seed: int = 7, count: int = 150) -> list[Visit]:
    """Visits of the site that begin within the period, and up to two days before and after it."""
    dice = random.Random(seed)
    since, until = (ms(f"{day}T00:00Z") for day in PERIODS[site])
    visits = [some_visit(dice, since=since - 172_800_000, until=until + 172_800_000) for _ in range(count)]
    tell(asked, visits, dice, site=site)
    return visits


def some_filter(dice: random.Random, *, depth: int = 2) -> dict[str, Any]:
    if depth and dice.random() < 0.5:
        op = dice.choice(["and", "or", "not"])
        if op == "not":
            return {"op": op, "filter": some_filter(dice, depth=depth - 1)}
        parts = [some_filter(dice, depth=depth - 1) for _ in range(dice.randrange(0, 3))]
        return {"op": op, "filters": parts}
    field, values = dice.choice(
        [
            ("channel", ["Direct", "Email", "Nowhere"]),
            ("campaign", ["spring", "O'Brien \\ {x}", ""]),
            ("device_class", ["desktop", "mobile"]),
            ("path", [*PATHS, "docs"]),
            ("property.plan", ["free", "pro", ""]),
            ("name", ["signup", "$goal"]),
            ("is_conversion", ["0", "1"]),
        ]
    )
    op = dice.choice(["is", "is_not", "contains", "one_of", "matches"])
    if op == "one_of":
        return {"op": op, "field": field, "values": dice.sample(values, 2)}
    return {"op": op, "field": field, "value": "^/d|e" if op == "matches" else dice.choice(values)}


def by_key(answer: Stats) -> dict[tuple[str, ...], dict[str, float]]:
    """Rows that have a session, by interval and dimensions."""
    return {
        (*(() if row.at is None else (row.at,)), *row.dimensions.values()): row.metrics
        for row in answer.rows
        if row.metrics["sessions"]
    }


def agrees(found: Stats, expected: dict[tuple[str, ...], dict[str, float]]) -> None:
    got = by_key(found)
    assert got.keys() == expected.keys()
    for key, figures in expected.items():
        assert got[key] == pytest.approx(figures, abs=1e-9), key


@pytest.mark.parametrize("site", PERIODS)
async def test_any_question_is_answered_as_a_recount_does(asked: Given, site: str) -> None:
    visits = told(asked, site)
    dice = random.Random(site)
    layers = set()
    for _ in range(40):
        metrics = ["sessions", *dice.sample([one for one in METRICS if one != "sessions"], 4)]
        question: dict[str, Any] = {
            "metrics": metrics,
            "dimensions": dice.sample(DIMENSIONS, dice.choice([0, 1, 1, 2])),
            "interval": dice.choice([None, None, *(one.value for one in Step)]),
            "filter": dice.choice([None, some_filter(dice)]),
        }
        found = await ask(asked, site, **question, limit=10_000)
        layers.add(found.layer)
        agrees(found, recount(visits, site, **question))
        (total,) = recount(visits, site, metrics=metrics, filter=question["filter"]).values() or [{}]
        if not any(one in ("path", "name") for one in question["dimensions"]):
            assert found.totals.metrics == pytest.approx(total or dict.fromkeys(metrics, 0), abs=1e-9)
    assert layers >= {"silver: sessions_silver", "silver: session_events"}


@pytest.mark.parametrize(
    ("question", "layer"),
    [
        ({}, "gold: session_analytics"),
        ({"interval": "hour"}, "gold: session_analytics"),
        ({"interval": "week"}, "gold: session_analytics"),
        ({"dimensions": ["channel", "campaign"]}, "gold: traffic_sources_daily"),
        ({"dimensions": ["os"]}, "gold: device_breakdown_daily"),
        ({"dimensions": ["os"], "interval": "month"}, "gold: device_breakdown_daily"),
        ({"dimensions": ["os"], "interval": "hour"}, "silver: sessions_silver"),
        ({"dimensions": ["os", "channel"]}, "silver: sessions_silver"),
        ({"interval": "minute"}, "silver: sessions_silver"),
        ({"dimensions": ["path"]}, "silver: session_events"),
    ],
)
async def test_every_layer_gives_the_same_figures(asked: Given, question: dict[str, Any], layer: str) -> None:
    visits = told(asked, "isle")
    # Sums by day have no median, and no sums tell visitors apart.
    left_out = {"visitors", *(["median_session_duration_s"] if layer.endswith("_daily") else [])}
    metrics = [one for one in METRICS if one not in left_out]
    found = await ask(asked, "isle", metrics=metrics, **question, limit=10_000)
    assert found.layer == layer
    agrees(found, recount(visits, "isle", metrics=metrics, **question))
    with_visitors = await ask(asked, "isle", metrics=[*metrics, "visitors"], **question, limit=10_000)
    if layer.startswith("gold"):
        is_by_one = question in ({}, {"dimensions": ["os"]})
        layer = f"{'gold: session_attributes_daily' if is_by_one else layer}, silver: sessions_silver"
    assert with_visitors.layer == layer
    agrees(with_visitors, recount(visits, "isle", metrics=[*metrics, "visitors"], **question))
    of_rows = {"op": "is_not", "field": "entry_path", "value": "no such page"}
    silver = await ask(asked, "isle", metrics=METRICS, **question, filter=of_rows, limit=10_000)
    assert silver.layer.startswith("silver")
    assert by_key(found) == {
        key: pytest.approx({name: row[name] for name in metrics}) for key, row in by_key(silver).items()
    }


@pytest.mark.parametrize(
    "always",
    [
        {"op": "and", "filters": []},
        {"op": "not", "filter": {"op": "or", "filters": []}},
        {"op": "is_not", "field": "channel", "value": "no such channel"},
        {"op": "matches", "field": "path", "value": ".*"},
        {"op": "contains", "field": "property.plan", "value": ""},
        {"op": "is_not", "field": "user.plan", "value": "no such plan"},
    ],
)
async def test_a_filter_that_is_always_true_changes_nothing(asked: Given, always: dict[str, Any]) -> None:
    told(asked, "shop")
    for question in ({}, {"dimensions": ["channel"]}, {"interval": "day"}, {"dimensions": ["path"]}):
        plain = await ask(asked, "shop", metrics=METRICS, **question)
        filtered = await ask(asked, "shop", metrics=METRICS, **question, filter=always)
        assert filtered.rows == plain.rows
        assert filtered.totals == plain.totals


@pytest.mark.parametrize(
    "dimension", ["channel", "source", "device_class", "country", "entry_path", "exit_path"]
)
async def test_a_breakdown_by_what_a_session_has_one_of_sums_to_its_total(
    asked: Given, dimension: str
) -> None:
    told(asked, "york")
    sums = ["sessions", "page_views", "events", "conversions", "converted_sessions", "revenue"]
    found = await ask(asked, "york", metrics=[*sums, "visitors"], dimensions=[dimension])
    for name in sums:
        assert sum(row.metrics[name] for row in found.rows) == pytest.approx(found.totals.metrics[name])
    most = max(row.metrics["visitors"] for row in found.rows)
    assert most <= found.totals.metrics["visitors"] <= sum(row.metrics["visitors"] for row in found.rows)


async def test_pages_have_their_names_where_their_gold_is_not_whole_yet(asked: Given) -> None:
    visits = told(asked, "shop")
    asked.store.run("TRUNCATE TABLE {db}.page_performance_metrics")
    question: dict[str, Any] = {"metrics": ["sessions", "events"], "dimensions": ["channel", "path"]}
    agrees(await ask(asked, "shop", **question, limit=10_000), recount(visits, "shop", **question))


@pytest.mark.parametrize("filter", [None, {"op": "contains", "field": "path", "value": "/docs"}])
async def test_visitors_are_no_more_than_sessions_and_these_no_more_than_events(
    asked: Given, filter: dict[str, Any] | None
) -> None:
    told(asked, "shop")
    metrics = ["visitors", "sessions", "page_views", "events"]
    for question in ({}, {"interval": "hour"}, {"dimensions": ["path"]}, {"dimensions": ["channel", "os"]}):
        found = await ask(asked, "shop", metrics=metrics, **question, filter=filter, limit=10_000)
        assert found.totals.metrics["sessions"] > 0
        for row in (found.totals, *found.rows):
            figures = row.metrics
            assert figures["visitors"] <= figures["sessions"] <= figures["events"]
            assert figures["page_views"] <= figures["events"]


async def test_pages_of_an_answer_are_the_answer(asked: Given) -> None:
    told(asked, "shop", count=300)
    for order in ({"by": "visitors"}, {"by": "bounce_rate"}, {"by": "path", "is_descending": False}):
        question = {"metrics": ["visitors", "sessions", "bounce_rate"], "dimensions": ["path", "channel"]}
        whole = await ask(asked, "shop", **question, order=order, limit=1000)
        rows, cursor = [], None
        while True:
            page = await ask(asked, "shop", **question, order=order, limit=4, cursor=cursor)
            rows += page.rows
            assert page.totals == whole.totals
            cursor = page.next_cursor
            if cursor is None:
                break
        assert rows == whole.rows
        assert len(rows) > 8


async def test_a_cursor_is_of_its_own_question(asked: Given) -> None:
    told(asked, "shop")
    page = await ask(asked, "shop", metrics=["sessions"], dimensions=["path"], limit=1)
    with pytest.raises(QueryError, match="another question"):
        await ask(asked, "shop", metrics=["events"], dimensions=["path"], limit=1, cursor=page.next_cursor)
    for text in ("", "x", "WzFd", "===="):
        with pytest.raises(QueryError, match="cursor"):
            await ask(asked, "shop", metrics=["sessions"], dimensions=["path"], cursor=text)


async def test_what_a_user_said_last_can_be_filtered_by(asked: Given) -> None:
    visits = told(asked, "shop", count=60)
    said = {"v1": {"plan": "pro"}, "v2": {"plan": "free"}, "v3": {"age": "7"}}
    at = visits[0].at
    asked.events(
        {"at": at, "visitor_id": "v2", "name": "$identify", "properties": '{"plan": "pro"}'},
        {"at": at + 1, "visitor_id": "v2", "name": "$identify", "properties": '{"plan": "free"}'},
        {"at": at, "visitor_id": "v1", "name": "$identify", "properties": '{"plan": "pro"}'},
        {"at": at, "visitor_id": "v3", "name": "$identify", "properties": '{"age": 7}'},
    )
    for filter in (
        {"op": "is", "field": "user.plan", "value": "pro"},
        {"op": "is_not", "field": "user.plan", "value": "pro"},
        {"op": "is", "field": "user.age", "value": "7"},
        {"op": "and", "filters": [{"op": "is", "field": "user.plan", "value": "free"}]},
    ):
        found = await ask(asked, "shop", metrics=["sessions", "visitors"], filter=filter)
        (expected,) = recount(
            visits, "shop", metrics=["sessions", "visitors"], filter=filter, said=said
        ).values()
        assert found.totals.metrics == expected


async def test_a_series_has_every_interval_and_is_compared_place_by_place(asked: Given) -> None:
    visits = told(asked, "shop", count=400)
    found = await ask(
        asked, "shop", metrics=["sessions", "revenue"], interval="hour", compare="previous_period"
    )
    # Five days, one of them 23 hours long: clocks go forward on the 29th.
    assert len(found.rows) == 5 * 24 - 1
    assert found.rows[0].at == "2026-03-26T23:00:00Z"
    before = oracle_stats.answer(
        visits,
        zone=ZoneInfo("Europe/Berlin"),
        since=date(2026, 3, 22),
        until=date(2026, 3, 27),
        metrics=["sessions", "revenue"],
        interval="hour",
    )
    earlier = [row.before or {} for row in found.rows]
    # The five days before are an hour longer: their last one stands beside none.
    paired = {key: row for key, row in before.items() if key != ("2026-03-26T22:00:00Z",)}
    assert sum(row["sessions"] for row in earlier) == sum(row["sessions"] for row in paired.values()) > 0
    assert earlier[30]["sessions"] == before.get(("2026-03-23T05:00:00Z",), {"sessions": 0})["sessions"]
    assert found.totals.before is not None
    assert found.totals.change is not None
    assert found.totals.before["sessions"] == sum(row["sessions"] for row in before.values())
    ratio = found.totals.metrics["sessions"] / found.totals.before["sessions"] - 1
    assert found.totals.change["sessions"] == pytest.approx(ratio)


async def test_rows_are_compared_with_the_same_of_another_period(asked: Given) -> None:
    visits = told(asked, "shop", count=400)
    question = {"metrics": ["sessions"], "dimensions": ["channel"]}
    days = {"from": "2026-03-25", "to": "2026-03-27"}
    found = await ask(asked, "shop", **question, compare=days, limit=2)
    before = oracle_stats.answer(
        visits, zone=ZoneInfo("Europe/Berlin"), since=date(2026, 3, 25), until=date(2026, 3, 27), **question
    )
    assert [row.before for row in found.rows] == [
        before.get((row.dimensions["channel"],), {"sessions": 0}) for row in found.rows
    ]
    gone = await ask(asked, "shop", **question, compare="previous_year")
    assert {row.before["sessions"] for row in gone.rows if row.before} == {0}
    assert {row.change["sessions"] for row in gone.rows if row.change} == {None}


async def test_rows_are_compared_however_many_the_other_period_has(
    asked: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as a series may have, or more: those beside which no row stands are not asked for."""
    visits = told(asked, "shop", count=600)
    days = {"from": "2026-03-27", "to": "2026-03-31"}
    question = {"metrics": ["sessions"], "dimensions": ["channel", "os"], "interval": "day"}
    before = oracle_stats.answer(
        visits, zone=ZoneInfo("Europe/Berlin"), since=date(2026, 3, 27), until=date(2026, 3, 31), **question
    )
    monkeypatch.setattr("views.stats.answer.MAX_INTERVALS", 8)
    assert len(before) > 4 * 8
    order = {"by": "sessions"}
    found = await ask(asked, "shop", **question, compare=days, order=order, limit=8)
    assert len(found.rows) == 8
    places = {f"2026-03-{day}": f"2026-03-{day}" for day in range(27, 31)}
    assert [(row.before or {})["sessions"] for row in found.rows] == [
        before.get((places.get(row.at or "", ""), *row.dimensions.values()), {"sessions": 0})["sessions"]
        for row in found.rows
    ]
    assert sum((row.before or {})["sessions"] for row in found.rows) > 0


async def test_a_cursor_holds_long_values_and_says_where_it_cannot(asked: Given) -> None:
    names = [f"note{number}" for number in range(5)]
    rows = [{"session_id": some_uuid(), "at": "2026-03-28T12:00Z"} for _ in range(3)]
    asked.sessions(*rows)
    for number, row in enumerate(rows):
        text = f"{number}" + "é" * 4_000
        asked.events({**row, "properties": json.dumps(dict.fromkeys(names, text), ensure_ascii=False)})
    question = {"metrics": ["sessions"], "dimensions": ["property.note0"], "limit": 1}
    order = {"by": "property.note0", "is_descending": False}
    seen, cursor = [], None
    for _ in rows:
        page = await ask(asked, "shop", **question, order=order, cursor=cursor)
        seen += [row.dimensions["property.note0"][0] for row in page.rows]
        cursor = page.next_cursor
    assert (seen, cursor) == (["0", "1", "2"], None)
    question["dimensions"] = [f"property.{name}" for name in names]
    with pytest.raises(QueryError, match="ask for fewer dimensions, for more rows at once"):
        await ask(asked, "shop", **question)
    assert len((await ask(asked, "shop", **{**question, "limit": 3})).rows) == 3


async def test_a_site_without_events_has_zeros_and_no_freshness(asked: Given) -> None:
    found = await ask(asked, "shop", metrics=METRICS)
    assert found.as_of is None
    assert found.totals.metrics == dict.fromkeys(METRICS, 0)
    assert (await ask(asked, "shop", metrics=METRICS, dimensions=["path"])).rows == []
    told(asked, "shop", count=30)
    assert (await ask(asked, "shop", metrics=METRICS)).as_of is not None


async def test_one_visit_is_one_of_each(asked: Given) -> None:
    dice = random.Random(1)
    at = ms("2026-03-28T12:00Z")
    one = msgspec.structs.replace(some_visit(dice, since=at, until=at + 1), is_bot=False)
    tell(asked, [one], dice, site="shop")
    found = await ask(asked, "shop", metrics=METRICS, dimensions=["channel"])
    agrees(found, recount([one], "shop", metrics=METRICS, dimensions=["channel"]))


async def test_bots_are_asked_for(asked: Given) -> None:
    visits = told(asked, "shop")
    period = scope("shop", *PERIODS["shop"], bots=Bots.ONLY)
    found = await asked.queries.stats(period, Asked(metrics=[Metric.SESSIONS]))
    as_people = [msgspec.structs.replace(one, is_bot=not one.is_bot) for one in visits]
    (expected,) = recount(as_people, "shop", metrics=["sessions"]).values()
    assert found.totals.metrics == expected
