"""Numbers by what `$identify` said of visitors last, against a recount, and at its borders."""

from __future__ import annotations

import json
import random
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from tests.answering import ZONES, Asked, asked, engine, migrated, ms, scope
from tests.oracle_stats import Visit, answer
from tests.visits import some_visit, tell
from views.stats import model

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

METRICS = ["visitors", "sessions", "events", "revenue", "median_session_duration_s"]
DAYS = ("2026-03-27", "2026-03-31")
#: By visitor what was said in turn; only the last counts, and only of those that are named.
SAID: dict[str, list[dict[str, Any]]] = {
    "v1": [{"plan": "pro"}, {"plan": "free"}],
    "v2": [{"plan": "pro", "it's {x:String} \\": "a'b"}],
    "v3": [{"age": 7}],
    "v4": [{"plan": "pro"}, {"age": 8}],
    "v5": [{"plan": "pro"}],
}
LAST = {who: {key: str(value) for key, value in told[-1].items()} for who, told in SAID.items()}


def told(asked: Asked, site: str) -> list[Visit]:
    dice = random.Random(site)
    since, until = (ms(f"{day}T00:00Z") for day in DAYS)
    visits = [some_visit(dice, since=since - 4 * 86_400_000, until=until, visitors=9) for _ in range(150)]
    tell(asked, visits, dice, site=site)
    return visits


def identified(asked: Asked, site: str) -> None:
    """After the period: what is known now counts."""
    asked.events(
        *(
            {"site_id": site, "at": ms("2026-05-01T00:00Z") + number, "visitor_id": who, **saying(properties)}
            for who, said in SAID.items()
            for number, properties in enumerate(said)
        ),
        {"site_id": "utc", "at": ms("2026-05-02T00:00Z"), "visitor_id": "v5", **saying({"plan": "else"})},
    )


def saying(properties: dict[str, Any]) -> dict[str, Any]:
    return {"event_type": "custom_event", "name": "$identify", "properties": json.dumps(properties)}


@pytest.mark.parametrize("site", ["york", "isle"])
async def test_numbers_by_what_users_are(asked: Asked, site: str) -> None:
    visits = told(asked, site)
    identified(asked, site)
    since, until = (date.fromisoformat(day) for day in DAYS)
    for question in (
        {"dimensions": ["user.plan"]},
        {"dimensions": ["user.plan", "channel"], "interval": "day"},
        {"dimensions": ["path", "user.age"]},
        {"dimensions": ["user.it's {x:String} \\"]},
        {"dimensions": ["user.plan"], "filter": {"op": "is", "field": "user.plan", "value": "pro"}},
        {"dimensions": ["user.nothing"], "filter": {"op": "contains", "field": "path", "value": "docs"}},
    ):
        expected = answer(
            visits,
            zone=ZoneInfo(ZONES[site]),
            since=since,
            until=until,
            metrics=METRICS,
            said=LAST,
            **question,
        )
        found = await asked.queries.stats(
            scope(site, *DAYS), msgspec.convert({"metrics": METRICS, "limit": 9999, **question}, model.Asked)
        )
        rows = {(*([row.at] if row.at else []), *row.dimensions.values()): row.metrics for row in found.rows}
        assert rows.keys() == expected.keys()
        assert all(row == pytest.approx(expected[key]) for key, row in rows.items())


async def test_where_nothing_was_said_all_are_in_one_row_and_rows_sum_to_the_total(asked: Asked) -> None:
    visits = told(asked, "york")
    question = msgspec.convert({"metrics": METRICS, "dimensions": ["user.plan"]}, model.Asked)
    found = await asked.queries.stats(scope("york", *DAYS), question)
    assert [(row.dimensions, row.metrics) for row in found.rows] == [
        ({"user.plan": ""}, found.totals.metrics)
    ]
    identified(asked, "york")
    found = await asked.queries.stats(scope("york", *DAYS), question)
    assert {row.dimensions["user.plan"] for row in found.rows} == {"", "free", "pro"}
    for name in ("visitors", "sessions", "events"):
        assert sum(row.metrics[name] for row in found.rows) == found.totals.metrics[name]
    assert visits


async def test_each_value_is_compared_with_itself_and_pages_go_on(asked: Asked) -> None:
    told(asked, "york")
    identified(asked, "york")
    question: dict[str, Any] = {"metrics": ["sessions"], "dimensions": ["user.plan"]}
    whole = await asked.queries.stats(scope("york", *DAYS), msgspec.convert(question, model.Asked))
    earlier = scope("york", "2026-03-23", "2026-03-27")
    before = await asked.queries.stats(earlier, msgspec.convert(question, model.Asked))
    then = {row.dimensions["user.plan"]: row.metrics for row in before.rows}
    beside = await asked.queries.stats(
        scope("york", *DAYS), msgspec.convert({**question, "compare": "previous_period"}, model.Asked)
    )
    assert {row.dimensions["user.plan"]: row.before for row in beside.rows} == then
    assert then[""]["sessions"]
    seen, cursor = [], None
    while True:
        page = msgspec.convert({**question, "limit": 1, "cursor": cursor}, model.Asked)
        found = await asked.queries.stats(scope("york", *DAYS), page)
        seen += found.rows
        cursor = found.next_cursor
        if cursor is None:
            break
    assert seen == whole.rows
