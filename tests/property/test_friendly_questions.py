"""What each friendly GET answers is what POST /api/v1/query answers, whatever a stream stated.

Where a GET counts events where they happened, no visit of this traffic crosses the border of an interval.
"""

from __future__ import annotations

import json
import random
from typing import Any

import httpx
import pytest

from tests.answering import Asked, asked, engine, migrated, ms
from tests.asking_api import client, get, post
from tests.oracle_stats import Visit
from tests.visits import some_visit, tell

__all__ = ["asked", "client", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

MINUTE = 60_000
#: Days with a change of clocks, or a year's end, in the zone of the site.
PERIODS = {
    "york": ("2026-03-06", "2026-03-10"),
    "isle": ("2026-04-03", "2026-04-07"),
    "peak": ("2025-12-30", "2026-01-03"),
}
OF_SESSIONS = [
    "sessions",
    "bounce_rate",
    "session_duration_s",
    "median_session_duration_s",
    "conversion_rate",
]
OF_EVENTS = ["visitors", "page_views", "events", "conversions", "revenue"]
OF_A_ROW = ["visitors", "page_views", "conversions", "revenue"]
OF_A_ROW += [one for one in OF_SESSIONS if not one.startswith("median")]
FILTERS: list[dict[str, Any]] = [
    {"op": "and", "filters": []},
    {"op": "is", "field": "channel", "value": "Organic Search"},
    {"op": "contains", "field": "path", "value": "docs"},
    {"op": "not", "filter": {"op": "one_of", "field": "property.plan", "values": ["pro", ""]}},
    {"op": "is", "field": "country", "value": "XX"},
]


def told(asked: Asked, site: str, seed: str) -> None:
    dice = random.Random(f"{site} {seed}")
    since, until = (ms(f"{day}T00:00Z") for day in PERIODS[site])
    day = 86_400_000
    found = [some_visit(dice, since=since - 5 * day, until=until + day) for _ in range(600)]
    tell(asked, [one for one in found if is_whole(one)], dice, site=site)


def is_whole(one: Visit) -> bool:
    """It ends within the minute in which it began, and is entered and left by a page view."""
    return one.at % MINUTE < MINUTE - 6000 and one.did[0].kind == one.did[-1].kind == "page_view"


@pytest.fixture(params=PERIODS)
def site(request: pytest.FixtureRequest, asked: Asked) -> str:
    told(asked, request.param, "1")
    return str(request.param)


def days(site: str) -> dict[str, str]:
    return dict(zip(("from", "to"), PERIODS[site], strict=True))


async def query(client: httpx.AsyncClient, site: str, metrics: list[str], **asked: Any) -> dict[str, Any]:
    return await post(client, "/api/v1/query", site=site, **days(site), metrics=metrics, limit=1000, **asked)


def near(found: Any) -> Any:
    return None if found is None else pytest.approx(found, rel=1e-9)


def by(rows: list[dict[str, Any]], name: str, metrics: list[str]) -> dict[str, dict[str, float]]:
    return {row[name]: {metric: row[metric] for metric in metrics} for row in rows}


def queried(found: dict[str, Any], name: str) -> dict[str, dict[str, float]]:
    return {row["dimensions"][name]: near(row["metrics"]) for row in found["rows"]}


async def test_the_overview(client: httpx.AsyncClient, site: str) -> None:
    for bots in ("exclude", "include", "only"):
        await the_overview_is_queried(client, site, bots)


async def the_overview_is_queried(client: httpx.AsyncClient, site: str, bots: str) -> None:
    found = await get(client, f"/api/v1/sites/{site}/overview", **days(site), bots=bots)
    metrics = [*OF_SESSIONS, *OF_EVENTS]
    whole = await query(client, site, metrics, bots=bots)
    assert found["sessions"]
    assert {name: found[name] for name in metrics} == near(whole["totals"]["metrics"])
    assert (found["before"], found["change"]) == (None, None)
    for rows, name in ((found["sources"], "channel"), (found["devices"], "device_class")):
        told = await query(client, site, OF_A_ROW, dimensions=[name], order={"by": "sessions"}, bots=bots)
        assert by(rows, name, OF_A_ROW) == queried(told, name)
        assert [row["sessions"] for row in rows] == [row["metrics"]["sessions"] for row in told["rows"]]


async def test_the_overview_of_what_passes_a_filter(client: httpx.AsyncClient, site: str) -> None:
    for filter_ in FILTERS:
        await the_filtered_overview_is_queried(client, site, filter_)


async def the_filtered_overview_is_queried(
    client: httpx.AsyncClient, site: str, filter_: dict[str, Any]
) -> None:
    asked = {**days(site), "filter": json.dumps(filter_)}
    found = await get(client, f"/api/v1/sites/{site}/overview", **asked)
    metrics = [*OF_SESSIONS, *OF_EVENTS]
    whole = await query(client, site, metrics, filter=filter_)
    assert {name: found[name] for name in metrics} == near(whole["totals"]["metrics"])
    for rows, name in ((found["sources"], "channel"), (found["devices"], "device_class")):
        told = await query(client, site, OF_A_ROW, dimensions=[name], filter=filter_)
        assert by(rows, name, OF_A_ROW) == queried(told, name)
    if filter_ == FILTERS[0]:
        plain = await get(client, f"/api/v1/sites/{site}/overview", **days(site))
        assert {**found, "layer": ""} == near_all({**plain, "layer": ""})


def near_all(found: dict[str, Any]) -> dict[str, Any]:
    return {
        name: [near(row) if isinstance(row, float) else row for row in value]
        if isinstance(value, list)
        else near(value)
        if isinstance(value, float)
        else value
        for name, value in found.items()
    }


async def test_the_overview_beside_another_period(client: httpx.AsyncClient, site: str) -> None:
    for compare in ("previous_period", "previous_year", "own"):
        for filter_ in (None, FILTERS[2]):
            await the_compared_overview_is_queried(client, site, compare, filter_)


async def the_compared_overview_is_queried(
    client: httpx.AsyncClient, site: str, compare: str, filter_: dict[str, Any] | None
) -> None:
    own = {"from": "2025-12-28", "to": PERIODS[site][0]}
    told = own if compare == "own" else compare
    asked = {} if filter_ is None else {"filter": json.dumps(filter_)}
    asked["compare"] = "/".join(own.values()) if compare == "own" else compare
    found = await get(client, f"/api/v1/sites/{site}/overview", **days(site), **asked)
    metrics = [*OF_SESSIONS, *OF_EVENTS]
    whole = await query(client, site, metrics, compare=told, filter=filter_)
    assert found["before"] == near(whole["totals"]["before"])
    assert found["change"] == {name: near(one) for name, one in whole["totals"]["change"].items()}
    assert bool(found["before"]["sessions"]) is (compare != "previous_year")
    got = await get(client, f"/api/v1/sites/{site}/stats", **days(site), **asked, metrics=",".join(metrics))
    assert got == whole


async def test_the_series(client: httpx.AsyncClient, site: str) -> None:
    metrics = ["visitors", "page_views", "events"]
    for interval in ("minute", "hour", "day"):
        found = await get(client, f"/api/v1/sites/{site}/series", **days(site), interval=interval)
        whole = await query(client, site, metrics, interval=interval)
        assert len(found["points"]) > 3
        assert {point.pop("at"): point for point in found["points"]} == {
            row["at"]: row["metrics"] for row in whole["rows"] if row["metrics"]["events"]
        }


async def test_the_metrics_of_a_page(client: httpx.AsyncClient, site: str) -> None:
    for page in ("/", "/docs/a", "/straße"):
        await the_page_is_queried(client, site, page)


async def the_page_is_queried(client: httpx.AsyncClient, site: str, page: str) -> None:
    path = "/api/v1/pages/{}/metrics".format(page.replace("/", "%2F"))
    found = await get(client, path, site=site, **days(site))
    viewed = {
        "op": "and",
        "filters": [
            {"op": "is", "field": "path", "value": page},
            {"op": "is", "field": "event_type", "value": "page_view"},
        ],
    }
    views = (await query(client, site, ["page_views", "visitors"], filter=viewed))["totals"]["metrics"]
    assert {name: found[name] for name in views} == views
    assert views["page_views"]
    entry, exit_ = ({"op": "is", "field": name, "value": page} for name in ("entry_path", "exit_path"))
    entries = (await query(client, site, ["sessions", "bounce_rate"], filter=entry))["totals"]["metrics"]
    assert [found["entries"], found["bounce_rate"]] == near([*entries.values()])
    exits = await query(client, site, ["sessions"], filter=exit_)
    assert found["exits"] == exits["totals"]["metrics"]["sessions"]


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"filter": "{"}, "filter = '{': expected JSON"),
        ({"filter": '{"op": "is", "field": "colour", "value": ""}'}, "unknown field 'colour'"),
        ({"filter": '{"op": "is"}'}, "the question is not as expected"),
        ({"filter": '{"op": "matches", "field": "path", "value": "("}'}, "no regular expression of RE2"),
        ({"compare": "before"}, "the question is not as expected"),
        ({"compare": "2026-01-01/then"}, "the question is not as expected"),
        ({"compare": "2026-02-01/2026-01-01"}, "is no period"),
        ({"metrics": "visitors"}, "unknown parameter 'metrics'"),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    client: httpx.AsyncClient, parameters: dict[str, str], told: str
) -> None:
    answer = await client.get("/api/v1/sites/shop/overview", params=parameters)
    assert answer.status_code == 400, answer.text
    assert told in answer.json()["detail"]
