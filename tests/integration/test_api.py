"""Rows -> answers over HTTP: every question, by the client of a server as well."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest

from app.adapters.clickhouse import QueryPool
from app.embedded.engine import ChdbEngine
from app.embedded.http_front import serve_front
from app.settings import Settings
from tests.answering import Asked, asked, engine, migrated
from tests.asking_api import NOW, PERIOD, SHOP, client, fill, get, post, serving
from tests.integration.engines import settings_for
from views.queries import Queries

__all__ = ["asked", "client", "engine", "migrated"]

pytestmark = pytest.mark.asyncio


async def test_an_overview_has_the_headline_metrics_of_the_site(
    asked: Asked, client: httpx.AsyncClient
) -> None:
    fill(asked)
    found = await get(client, "/api/v1/sites/shop/overview", **PERIOD)
    about = ("site_id", "from", "to", "timezone")
    assert [found[name] for name in about] == ["shop", "2026-03-01", "2026-04-01", "Europe/Berlin"]
    assert found["layer"] == "gold: session_attributes_daily, silver: sessions_silver"
    headline = ("visitors", "page_views", "sessions", "bounce_rate", "session_duration_s", "conversion_rate")
    assert [found[name] for name in headline] == [2, 5, 2, 0.5, 2.5, 0.5]
    assert [(row["channel"], row["visitors"]) for row in found["sources"]] == [("Direct", 2)]
    assert [(row["device_class"], row["visitors"]) for row in found["devices"]] == [("desktop", 2)]


@pytest.mark.parametrize(("bots", "visitors"), [("exclude", 2), ("include", 3), ("only", 1)])
async def test_bots_are_left_out_unless_they_are_asked_for(
    asked: Asked, client: httpx.AsyncClient, bots: str, visitors: int
) -> None:
    fill(asked)
    found = await get(client, "/api/v1/sites/shop/overview", **PERIOD, bots=bots)
    assert (found["visitors"], found["sessions"]) == (visitors, visitors)


async def test_the_default_period_is_the_last_thirty_days_of_the_site(client: httpx.AsyncClient) -> None:
    found = await get(client, "/api/v1/sites/shop/overview")
    assert (found["from"], found["to"], found["visitors"]) == ("2026-02-09", "2026-03-11", 0)
    elsewhere = await get(client, "/api/v1/sites/never-heard-of/overview")
    assert (elsewhere["timezone"], elsewhere["visitors"]) == ("UTC", 0)


@pytest.mark.parametrize(
    ("interval", "at"),
    [
        ("minute", "2026-03-10T12:00:00Z"),
        ("hour", "2026-03-10T12:00:00Z"),
        ("day", "2026-03-10"),
        (None, "2026-03-10"),
    ],
)
async def test_a_series_is_by_minute_hour_or_day(
    asked: Asked, client: httpx.AsyncClient, interval: str | None, at: str
) -> None:
    fill(asked)
    query = PERIOD if interval is None else {**PERIOD, "interval": interval}
    found = await get(client, "/api/v1/sites/shop/series", **query)
    assert found["points"] == [{"at": at, "visitors": 2, "page_views": 5, "events": 6}]


async def test_programs_are_told_by_kind_and_name_with_the_pages_that_ai_took(
    asked: Asked, client: httpx.AsyncClient
) -> None:
    fill(asked)
    found = await get(client, "/api/v1/sites/shop/bots", **PERIOD)
    assert (found["layer"], found["events"], found["page_views"]) == ("gold", 1, 1)
    assert found["bots"] == [{"kind": "ai_crawler", "name": "GPTBot", "events": 1, "page_views": 1}]
    assert found["ai_pages"] == [{"path": "/", "crawled": 1, "fetched": 0, "referred": 0}]


async def test_quality_is_told_by_hour_and_in_all(asked: Asked, client: httpx.AsyncClient) -> None:
    fill(asked)
    asked.refused({"received_at": NOW, "reason": "too_long"})
    found = await get(client, "/api/v1/sites/shop/quality", **PERIOD)
    (hour,) = found["hours"]
    assert hour.pop("at") == "2026-03-10T12:00:00Z"
    assert found["total"] == hour
    counts = ("received", "accepted", "rejected", "duplicates")
    assert [hour[name] for name in counts] == [8, 7, 1, 0]
    assert (hour["validity"], hour["timeliness"], hour["uniqueness"]) == (7 / 8, 1.0, 1.0)
    assert (hour["completeness"], hour["score"]) == (2 / 8, 1 / 8)


@pytest.mark.parametrize("page_id", ["%2Fcart", "cart", "/cart", "%2fcart"])
async def test_a_page_is_found_by_its_path(asked: Asked, client: httpx.AsyncClient, page_id: str) -> None:
    fill(asked)
    found = await get(client, f"/api/v1/pages/{page_id}/metrics", **SHOP)
    assert (found["page"], found["page_views"], found["visitors"]) == ("/cart", 2, 2)
    assert (found["entries"], found["exits"], found["bounce_rate"]) == (1, 1, 1.0)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/metrics",
        "/a/metrics/b",
        "/it's",
        "/caf%C3%A9",
        "/a b",
        "/?x",
        "/é",
        "/products/bell",
        "/a/",
        "//",
        "//dbl//x",
    ],
)
async def test_a_page_id_is_the_whole_path_percent_encoded(
    asked: Asked, client: httpx.AsyncClient, path: str
) -> None:
    asked.events({"path": path})
    found = await get(client, f"/api/v1/pages/{quote(path, safe='')}/metrics", **SHOP)
    assert (found["page"], found["page_views"]) == (path, 1)


async def test_a_funnel_of_the_settings_is_answered(asked: Asked, client: httpx.AsyncClient) -> None:
    fill(asked)
    found = await get(client, "/api/v1/funnels/checkout/conversion", **SHOP)
    assert (found["funnel_id"], found["layer"], found["conversion"]) == ("checkout", "silver", 1.0)
    assert found["median_time_to_convert_s"] == 5.0
    steps = [(step["title"], step["visitors"]) for step in found["steps"]]
    assert steps == [("Product", 1), ("Cart", 1), ("Checkout", 1), ("Purchase", 1)]


async def test_sessions_are_listed_page_by_page(asked: Asked, client: httpx.AsyncClient) -> None:
    fill(asked)
    asking = {**SHOP, "order": "longest", "limit": 1, "filters": [{"field": "channel", "value": "Direct"}]}
    first = await post(client, "/api/v1/sessions/query", **asking)
    second = await post(client, "/api/v1/sessions/query", **asking, cursor=first["next_cursor"])
    assert [page["sessions"][0]["visitor_id"] for page in (first, second)] == ["v1", "v2"]
    assert second["next_cursor"] is None
    one = first["sessions"][0]
    assert (one["started_at"], one["duration_s"], one["is_bounce"]) == ("2026-03-10T12:00:00Z", 5.0, False)


async def test_a_person_is_told_by_any_user_id(asked: Asked, client: httpx.AsyncClient) -> None:
    fill(asked)
    found = await get(client, "/api/v1/users/u%2F1/behavior", **SHOP)
    assert (found["user_id"], found["events"], found["session_count"], found["revenue"]) == (
        "u/1",
        5,
        1,
        19.5,
    )
    assert found["first_seen_at"] == "2026-03-10T12:00:00Z"
    assert found["timeline"][0]["name"] == "$purchase"


@pytest.mark.parametrize(("bots", "status"), [(None, 200), ("include", 200), ("only", 200), ("exclude", 404)])
async def test_a_person_that_was_taken_for_a_bot_is_found_unless_bots_are_left_out(
    asked: Asked, client: httpx.AsyncClient, bots: str | None, status: int
) -> None:
    fill(asked)
    query = SHOP if bots is None else {**SHOP, "bots": bots}
    assert (await client.get("/api/v1/users/bot/behavior", params=query)).status_code == status


async def test_over_http_the_store_gives_the_same_answers(
    asked: Asked, client: httpx.AsyncClient, engine: ChdbEngine
) -> None:
    """The client of a server sends parameters in another way than that of an embedded engine."""
    fill(asked)
    paths = (
        "/api/v1/sites/shop/overview",
        "/api/v1/sites/shop/series?interval=hour",
        "/api/v1/sites/shop/bots?pages=1",
        "/api/v1/sites/shop/quality",
        "/api/v1/pages/cart/metrics?site=shop",
        "/api/v1/funnels/checkout/conversion?site=shop",
        "/api/v1/users/u%2F1/behavior?site=shop",
    )
    listing = {**SHOP, "filters": [{"field": "campaign", "value": ""}], "limit": 1}
    async with serve_front(engine) as url:
        pool = QueryPool(settings_for(url, asked.store.database))
        async with serving(Queries(pool, settings=asked.settings)) as remote:
            for path in paths:
                assert await get(remote, path) == await get(client, path)
            first = await post(remote, "/api/v1/sessions/query", **listing)
            assert first == await post(client, "/api/v1/sessions/query", **listing)
            await post(remote, "/api/v1/sessions/query", **listing, cursor=first["next_cursor"])
        await pool.close()


async def test_without_a_store_the_answer_is_to_come_again() -> None:
    settings = Settings(clickhouse={"url": "http://127.0.0.1:1"})
    pool = QueryPool(settings.clickhouse)
    async with serving(Queries(pool, settings=settings)) as client:
        answer = await client.get("/api/v1/sites/shop/overview")
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert "127.0.0.1" not in answer.text
    await pool.close()
