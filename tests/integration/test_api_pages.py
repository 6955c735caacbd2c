"""The questions about pages over HTTP: what they answer, and that nothing asked breaks them."""

from __future__ import annotations

import itertools
import json
from typing import Any

import httpx
import jsonschema
import pytest

from tests.answering import Asked, asked, engine, migrated
from tests.asking_api import SHOP, client, fill, get, refused

__all__ = ["asked", "client", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

PATHS = {
    "/api/v1/pages": {},
    "/api/v1/performance": {"by": "page,country", "interval": "day"},
    "/api/v1/performance/pages": {"vital": "cls", "min_samples": "1"},
    "/api/v1/performance/regressions": {"min_samples": "1"},
    "/api/v1/heatmap": {"page": "/cart"},
    "/api/v1/seo": {},
}
FILTERED = [path for path in PATHS if path != "/api/v1/seo"]
HOSTILE = ("' OR 1=1 --", "{site:String}", "\x00💥\\", "a" * 2000)


async def test_each_question_is_answered(asked: Asked, client: httpx.AsyncClient) -> None:
    fill(asked)
    found = {path: await get(client, path, **SHOP, **more) for path, more in PATHS.items()}
    assert found.keys() == PATHS.keys()
    document = await get(client, "/openapi.json")
    for path, answer in found.items():
        schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(answer, {**schema, "components": document["components"]})
    pages = found["/api/v1/pages"]["pages"]
    assert {page["path"]: page["page_views"] for page in pages} == {
        "/cart": 2,
        "/products/bell": 1,
        "/checkout": 1,
        "/order/thanks": 1,
    }
    assert found["/api/v1/heatmap"]["page_views"] == 2
    assert found["/api/v1/seo"]["landing_pages"] == []
    assert found["/api/v1/performance"]["totals"] == {}


async def test_pages_follow_their_cursor_to_the_end(asked: Asked, client: httpx.AsyncClient) -> None:
    fill(asked)
    question = {**SHOP, "order": "path", "limit": "3"}
    first = await get(client, "/api/v1/pages", **question)
    rest = await get(client, "/api/v1/pages", **question, cursor=first["next_cursor"])
    assert [page["path"] for page in first["pages"]] == ["/cart", "/checkout", "/order/thanks"]
    assert ([page["path"] for page in rest["pages"]], rest["next_cursor"]) == (["/products/bell"], None)
    other = client.build_request("GET", "/api/v1/pages", params={**SHOP, "cursor": first["next_cursor"]})
    assert "it is of another question" in await refused(client, other, 400)


@pytest.mark.parametrize(
    ("path", "query", "told"),
    [
        ("/api/v1/pages", {"order": "-colour"}, "order = '-colour': expected one of path, page_views"),
        ("/api/v1/pages", {"order": "path; DROP TABLE x"}, "order = "),
        ("/api/v1/pages", {"limit": "1001"}, "limit = '1001': expected a whole number from 1 to 1000"),
        ("/api/v1/pages", {"cursor": "x"}, "cursor = 'x': expected what an earlier answer gave"),
        ("/api/v1/performance", {"by": "browser"}, "by = 'browser': expected some of page, device_class"),
        ("/api/v1/performance", {"by": "page) AS x"}, "by = "),
        ("/api/v1/performance", {"interval": "year"}, "interval = 'year'"),
        ("/api/v1/performance/pages", {"vital": "fid"}, "vital = 'fid': expected one of lcp, inp"),
        ("/api/v1/performance/pages", {"min_samples": "0"}, "min_samples = '0'"),
        ("/api/v1/performance/regressions", {"min_change_percent": "-1"}, "min_change_percent = '-1'"),
        ("/api/v1/performance/regressions", {"from": "1970-01-01", "to": "1970-02-01"}, "compare: "),
        ("/api/v1/heatmap", {}, "page is missing: expected a path"),
        ("/api/v1/heatmap", {"page": "/", "device_class": "watch"}, "device_class = 'watch'"),
        ("/api/v1/heatmap", {"page": "/", "columns": "101"}, "columns = '101'"),
        ("/api/v1/heatmap", {"page": "/", "rows": "1.5"}, "rows = '1.5'"),
        ("/api/v1/seo", {"limit": "0"}, "limit = '0'"),
        ("/api/v1/seo", {"filter": "{}"}, "unknown parameter 'filter'"),
    ],
)
async def test_what_is_wrong_is_named(
    client: httpx.AsyncClient, path: str, query: dict[str, str], told: str
) -> None:
    request = client.build_request("GET", path, params={**SHOP, **query})
    assert (await refused(client, request, 400)).startswith(told)


@pytest.mark.parametrize("path", FILTERED)
@pytest.mark.parametrize(
    ("filter_", "told"),
    [
        ("", "filter = ''"),
        ("[" * 10_000, "filter = "),
        ('{"op":"is","field":"colour","value":""}', "unknown field 'colour'"),
        ('{"op":"is","field":"path) OR (1","value":""}', "unknown field"),
        ('{"op":"matches","field":"path","value":"("}', ""),
        (
            '{"op":"or","filters":' + json.dumps([{"op": "is", "field": "path", "value": ""}] * 51) + "}",
            "filter = ",
        ),
    ],
)
async def test_a_filter_that_is_none_is_refused_without_any_event(
    client: httpx.AsyncClient, path: str, filter_: str, told: str
) -> None:
    query = {**SHOP, **PATHS[path], "filter": filter_}
    assert (await refused(client, client.build_request("GET", path, params=query), 400)).startswith(told)


async def test_nothing_that_is_asked_is_the_servers_fault(asked: Asked, client: httpx.AsyncClient) -> None:
    fill(asked)
    for path, value in itertools.product(PATHS, HOSTILE):
        for name in (*SHOP, "page", "order", "by", "vital", "cursor", "device_class", "limit", "filter"):
            query: dict[str, Any] = {**SHOP, **PATHS[path], name: value}
            answer = await client.get(path, params=query)
            assert answer.status_code in (200, 400), (path, name, value, answer.text)
        for field in ("title", "property.x", f"property.{value}"):
            text = json.dumps({"op": "contains", "field": field[:150], "value": value})
            answer = await client.get(path, params={**SHOP, **PATHS[path], "filter": text})
            assert answer.status_code in (200, 400), (path, field, value, answer.text)
