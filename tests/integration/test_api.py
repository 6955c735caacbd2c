"""Rows -> answers over HTTP: every endpoint, and the OpenAPI document that says what it answers."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
import jsonschema
import pytest
import pytest_asyncio
from starlette.applications import Starlette

from app.adapters.clickhouse import QueryPool
from app.embedded.engine import ChdbEngine
from app.embedded.http_front import serve_front
from app.settings import Settings
from tests.answering import Asked, asked, engine, migrated, ms
from tests.collecting import RecordingProducer
from tests.integration.engines import settings_for
from tests.sql.store import some_uuid
from views.queries import Queries
from web import api
from web.problems import exception_handlers

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

#: 2026-03-10 13:00 in Berlin.
NOW = ms("2026-03-10T12:00Z")
#: They need neither broker nor store.
LINKS = {"/api/v1/link", "/api/v1/link/verify"}
#: The collector's: tests/property/test_collector_described.py asks these.
WAYS_IN = {"/api/v1/events", "/api/v1/server/events", "/api/v1/pixel.gif", *LINKS}
PERIOD = {"from": "2026-03-01", "to": "2026-04-01"}
SHOP = {"site": "shop", **PERIOD}


def serving(queries: Queries, *, producer: Any = None) -> httpx.AsyncClient:
    app = Starlette(
        routes=api.routes(queries, send=(producer or RecordingProducer()).send_batch, clock=lambda: NOW),
        exception_handlers=exception_handlers(),
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


@pytest_asyncio.fixture
async def client(asked: Asked) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(asked.queries) as made:
        yield made


def fill(asked: Asked) -> None:
    """Two visits: v1 buys, v2 looks at one page; and a bot."""
    steps = ["/products/bell", "/cart", "/checkout", "/order/thanks"]
    asked.events(
        *({"path": path, "at": NOW + number * 1000, "user_id": "u/1"} for number, path in enumerate(steps)),
        {
            "event_type": "custom_event",
            "name": "$purchase",
            "path": "/order/thanks",
            "at": NOW + 5000,
            "revenue": 19.5,
            "is_conversion": 1,
            "user_id": "u/1",
        },
        {"path": "/cart", "visitor_id": "v2", "at": NOW},
        {
            "path": "/",
            "visitor_id": "bot",
            "at": NOW,
            "is_bot": 1,
            "bot_kind": "ai_crawler",
            "bot_name": "GPTBot",
        },
    )
    asked.sessions(
        {
            "session_id": some_uuid(),
            "at": NOW,
            "duration_ms": 5000,
            "page_views": 4,
            "events": 5,
            "conversions": 1,
            "revenue": 19.5,
            "is_bounce": 0,
            "user_id": "u/1",
            "entry_path": "/products/bell",
            "exit_path": "/order/thanks",
        },
        {
            "session_id": some_uuid(),
            "at": NOW,
            "visitor_id": "v2",
            "entry_path": "/cart",
            "exit_path": "/cart",
        },
        {"session_id": some_uuid(), "at": NOW, "visitor_id": "bot", "is_bot": 1},
    )


async def get(client: httpx.AsyncClient, path: str, **query: str) -> dict[str, Any]:
    answer = await client.get(path, params=query or None)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), answer.text
    return dict(answer.json())


async def post(client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), answer.text
    return dict(answer.json())


async def refused(client: httpx.AsyncClient, request: httpx.Request, status: int) -> str:
    """The problem's detail."""
    answer = await client.send(request)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["detail"])


async def test_an_overview_has_the_headline_metrics_of_the_site(
    asked: Asked, client: httpx.AsyncClient
) -> None:
    fill(asked)
    found = await get(client, "/api/v1/sites/shop/overview", **PERIOD)
    about = ("site_id", "from", "to", "timezone", "layer")
    assert [found[name] for name in about] == ["shop", "2026-03-01", "2026-04-01", "Europe/Berlin", "gold"]
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
    ["/", "/metrics", "/a/metrics/b", "/it's", "/caf%C3%A9", "/a b", "/?x", "/é", "/products/bell", "/a/"],
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


@pytest.mark.parametrize(
    ("template", "parts"),
    [
        ("overview", {"overview", "series"}),
        ("acquisition", {"overview", "channels", "sources", "devices"}),
        ("content", {"overview", "pages"}),
    ],
)
async def test_a_report_has_the_parts_of_its_template_in_each_format(
    asked: Asked, client: httpx.AsyncClient, template: str, parts: set[str]
) -> None:
    fill(asked)
    asking = {**SHOP, "template": template}
    found = await post(client, "/api/v1/reports/generate", **asking)
    assert {name for name, part in found.items() if part is not None} == {"template", *parts}
    as_csv = await client.post("/api/v1/reports/generate", json={**asking, "format": "csv"})
    assert as_csv.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(as_csv.text)))
    assert {row[0][2:] for row in rows if row and row[0].startswith("# ")} == parts
    for expected in (["site_id", "shop"], ["from", "2026-03-01"], ["layer", "gold"], ["page_views", "5"]):
        assert expected in rows
    as_html = await client.post("/api/v1/reports/generate", json={**asking, "format": "html"})
    assert as_html.headers["content-type"] == "text/html; charset=utf-8"
    assert all(f"<h2>{name}</h2>" in as_html.text for name in parts)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
async def test_no_cell_of_a_csv_is_a_formula_to_a_spreadsheet(
    asked: Asked, client: httpx.AsyncClient, start: str
) -> None:
    hostile = f'{start}HYPERLINK("http://x","y")'
    asked.events({"path": hostile})
    asked.sessions({"source": hostile, "browser": hostile})
    for template in ("acquisition", "content"):
        answer = await client.post(
            "/api/v1/reports/generate", json={**SHOP, "template": template, "format": "csv"}
        )
        cells = [cell for row in csv.reader(io.StringIO(answer.text, newline="")) for cell in row]
        assert f"'{hostile}" in cells
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


async def test_no_text_of_a_page_is_markup_in_a_report(asked: Asked, client: httpx.AsyncClient) -> None:
    asked.events({"path": "/<script>alert(1)</script>"})
    asking = {**SHOP, "template": "content", "format": "html"}
    text = (await client.post("/api/v1/reports/generate", json=asking)).text
    assert "<script" not in text
    assert "/&lt;script&gt;" in text


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


async def test_every_answer_is_as_the_document_says(asked: Asked, client: httpx.AsyncClient) -> None:
    fill(asked)
    asked.refused({})
    document = await get(client, "/openapi.json")
    answers = {
        "/api/v1/sites/{site_id}/overview": await get(client, "/api/v1/sites/shop/overview", **PERIOD),
        "/api/v1/sites/{site_id}/series": await get(client, "/api/v1/sites/shop/series", **PERIOD),
        "/api/v1/sites/{site_id}/quality": await get(client, "/api/v1/sites/shop/quality", **PERIOD),
        "/api/v1/sites/{site_id}/bots": await get(client, "/api/v1/sites/shop/bots", **PERIOD),
        "/api/v1/sites/{site_id}/stats": await get(client, "/api/v1/sites/shop/stats", **PERIOD),
        "/api/v1/query": await post(client, "/api/v1/query", **SHOP, metrics=["visitors"]),
        "/api/v1/pages/{page_id}/metrics": await get(client, "/api/v1/pages/cart/metrics", **SHOP),
        "/api/v1/funnels/{funnel_id}/conversion": await get(
            client, "/api/v1/funnels/checkout/conversion", **SHOP
        ),
        "/api/v1/sessions/query": await post(client, "/api/v1/sessions/query", **SHOP),
        "/api/v1/users/{user_id}/behavior": await get(client, "/api/v1/users/v1/behavior", **SHOP),
        "/api/v1/reports/generate": await post(client, "/api/v1/reports/generate", **SHOP),
        "/api/v1/dead-letters": await get(client, "/api/v1/dead-letters"),
        "/api/v1/dead-letters/{letter_id}": await get(client, "/api/v1/dead-letters/0-0-0"),
        "/api/v1/dead-letters/replay": await post(client, "/api/v1/dead-letters/replay"),
    }
    # Those of persons need a worker: tests/integration/test_persons.py.
    asked_here = {path for path in document["paths"] if "/persons/" not in path}
    assert answers.keys() == asked_here - WAYS_IN
    for path, answer in answers.items():
        (operation,) = document["paths"][path].values()
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(answer, {**schema, "components": document["components"]})
        assert set(answer) == set(_properties(schema, document)), path


async def test_the_document_names_every_parameter_body_and_status(client: httpx.AsyncClient) -> None:
    document = await get(client, "/openapi.json")
    assert document["openapi"] == "3.1.0"
    for path, operations in document["paths"].items():
        for operation in operations.values():
            expected = {"400"} if path in LINKS else {"400", "503"}
            assert expected <= operation["responses"].keys(), path
            for status, answer in operation["responses"].items():
                assert answer["description"]
                if status == "304":
                    continue  # it has no body
                good = "image/gif" if path == "/api/v1/pixel.gif" else "application/json"
                assert (good if status.startswith("2") else "application/problem+json") in answer["content"]
    page = document["paths"]["/api/v1/pages/{page_id}/metrics"]["get"]
    assert [(one["name"], one["in"], one["required"]) for one in page["parameters"]] == [
        ("page_id", "path", True),
        ("site", "query", True),
        ("from", "query", False),
        ("to", "query", False),
        ("bots", "query", False),
    ]
    assert "404" in page["responses"]
    assert page["parameters"][2]["schema"] == {"type": "string", "format": "date"}
    assert document["components"]["schemas"]["Bots"]["enum"] == ["exclude", "include", "only"]
    report = document["paths"]["/api/v1/reports/generate"]["post"]
    assert report["responses"]["200"]["content"].keys() == {"application/json", "text/csv", "text/html"}
    assert report["requestBody"]["required"]
    for reference in _references(document):
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]


async def test_the_docs_page_shows_every_operation_without_script_or_style_of_its_own(
    client: httpx.AsyncClient,
) -> None:
    document = await get(client, "/openapi.json")
    answer = await client.get("/docs")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for path, operations in document["paths"].items():
        assert f"<code>{path}</code>" in answer.text
        for operation in operations.values():
            assert f'id="{operation["operationId"]}"' in answer.text
    for forbidden in ("<script", "<style", " style=", " onclick", "http://", "https://", "//cdn"):
        assert forbidden not in answer.text
    assert 'href="/static/docs.css"' in answer.text


def _properties(schema: dict[str, Any], document: dict[str, Any]) -> list[str]:
    name = schema["$ref"].removeprefix("#/components/schemas/")
    return list(document["components"]["schemas"][name]["properties"])


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in _references(value)]
    return [found for value in node for found in _references(value)] if isinstance(node, list) else []
