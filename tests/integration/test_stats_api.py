"""The query model over HTTP: the same answer both ways, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.answering import Asked, asked, engine, migrated
from tests.asking_api import NOW, PERIOD, SHOP, client, get, post, refused
from tests.sql.store import some_uuid

__all__ = ["asked", "client", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

QUERY = "/api/v1/query"
STATS = "/api/v1/sites/shop/stats"
HOSTILE = (
    "' OR 1=1 --",
    "x'); DROP TABLE y; --",
    "{site:String}",
    "\\",
    "%",
    "a\x00b",
    "=cmd()",
    "𝄞",
    "\ud800",
)


def fill(asked: Asked) -> None:
    """Two sessions: v1 looks at three pages and buys, v2 looks at one."""
    first, second = some_uuid(), some_uuid()
    visit = {"visitor_id": "v1", "session_id": first}
    pages = [
        {**visit, "path": path, "at": NOW + number * 1000}
        for number, path in enumerate(("/cart", "/checkout", "/thanks"))
    ]
    bought = {
        **visit,
        "event_type": "custom_event",
        "name": "$purchase",
        "path": "/thanks",
        "at": NOW + 3000,
        "revenue": 19.5,
        "is_conversion": 1,
    }
    asked.events(*pages, bought, {"visitor_id": "v2", "session_id": second, "path": "/cart", "at": NOW})
    asked.sessions(
        {**visit, "at": NOW, "page_views": 3, "events": 4, "conversions": 1, "revenue": 19.5, "is_bounce": 0},
        {"visitor_id": "v2", "session_id": second, "at": NOW},
    )


async def test_both_ways_of_asking_give_the_same_answer(asked: Asked, client: httpx.AsyncClient) -> None:
    fill(asked)
    filter_ = {"op": "not", "filter": {"op": "is", "field": "path", "value": "/checkout"}}
    posted = await post(
        client,
        QUERY,
        **SHOP,
        metrics=["visitors", "sessions", "revenue"],
        dimensions=["path", "device_class"],
        filter=filter_,
        compare="previous_period",
        order={"by": "path", "is_descending": True},
        limit=3,
    )
    got = await get(
        client,
        STATS,
        **PERIOD,
        metrics="visitors,sessions,revenue",
        dimensions="path,device_class",
        filter=json.dumps(filter_),
        compare="previous_period",
        order="-path",
        limit="3",
    )
    # The cursor knows the question that it goes on with.
    assert posted.pop("next_cursor") is None
    assert got.pop("next_cursor") is None
    assert got == posted
    paths = [row["dimensions"]["path"] for row in got["rows"]]
    assert paths == sorted(paths, reverse=True)
    assert "/checkout" not in paths
    assert got["totals"]["metrics"] == {"visitors": 2, "sessions": 2, "revenue": 19.5}
    assert got["as_of"].endswith("Z")


async def test_without_metrics_the_usual_ones_are_answered(asked: Asked, client: httpx.AsyncClient) -> None:
    fill(asked)
    found = await get(client, STATS, **PERIOD)
    assert found["rows"] == [{"metrics": {"visitors": 2, "sessions": 2, "page_views": 4}}]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "missing required field `metrics`"),
        ({"metrics": []}, "Expected `array` of length >= 1"),
        ({"metrics": ["sessions", "fame"]}, "Invalid enum value 'fame'"),
        ({"metrics": ["sessions"], "dimensions": ["colour"]}, "unknown field 'colour'; known are"),
        ({"metrics": ["sessions"], "dimensions": ["user."]}, "unknown field 'user.'"),
        ({"metrics": ["sessions"], "interval": "fortnight"}, "Invalid enum value 'fortnight'"),
        ({"metrics": ["sessions"], "order": {"by": "1; DROP"}}, "order.by = '1; DROP': expected one of"),
        ({"metrics": ["sessions"], "limit": 0}, "Expected `int` >= 1"),
        ({"metrics": ["sessions"], "cursor": "no"}, "cursor = 'no'"),
        ({"metrics": ["sessions"], "compare": "last_year"}, "Invalid enum value"),
        ({"metrics": ["sessions"], "filter": {"op": "like"}}, "Invalid value 'like'"),
        (
            {"metrics": ["sessions"], "filter": {"op": "is", "field": "path"}},
            "missing required field `value`",
        ),
        (
            {"metrics": ["sessions"], "filter": {"op": "matches", "field": "path", "value": "("}},
            "no regular expression: (, error: missing )",
        ),
        (
            {"metrics": ["sessions"], "filter": {"op": "matches", "field": "user.a", "value": "a{9999}"}},
            "no regular expression",
        ),
        ({"metrics": ["sessions"], "interval": "minute", "from": "2025-01-01"}, "more than 50000 of them"),
    ],
)
async def test_what_is_wrong_is_named(
    asked: Asked, client: httpx.AsyncClient, body: dict[str, Any], told: str
) -> None:
    fill(asked)
    asked.events({"name": "$identify", "event_type": "custom_event", "properties": '{"a": "b"}'})
    request = client.build_request("POST", QUERY, json={**SHOP, **body})
    assert told in await refused(client, request, 400)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"metrics": "fame"}, "Invalid enum value 'fame'"),
        ({"filter": "{"}, "filter = '{': expected JSON"),
        ({"filter": "[" * 5000}, "filter = "),
        ({"filter": '{"op": "is"}'}, "missing required field `field`"),
        ({"order": "-fame"}, "order.by = 'fame'"),
        ({"limit": "10001"}, "limit = '10001'"),
        ({"colour": "red"}, "unknown parameter 'colour'"),
    ],
)
async def test_what_is_wrong_in_a_parameter_is_named(
    client: httpx.AsyncClient, query: dict[str, str], told: str
) -> None:
    assert told in await refused(client, client.build_request("GET", STATS, params=query), 400)


@pytest.mark.parametrize("text", HOSTILE)
async def test_whatever_is_asked_is_a_value_and_nothing_else(
    asked: Asked, client: httpx.AsyncClient, text: str
) -> None:
    fill(asked)
    filters = [
        {"op": op, "field": field, "value": text}
        for op in ("is", "is_not", "contains")
        for field in ("channel", "path", "user.plan", "property.plan")
    ]
    filters.append({"op": "one_of", "field": "source", "values": [text, text]})
    for filter_ in filters:
        body = json.dumps({**SHOP, "metrics": ["sessions"], "filter": filter_}, ensure_ascii=True)
        answer = await client.post(QUERY, content=body)
        if text == "\ud800":
            assert answer.status_code == 400
            continue
        assert answer.status_code == 200, answer.text
        expected = 2 if filter_["op"] == "is_not" else 0
        assert answer.json()["totals"]["metrics"]["sessions"] == expected
    named = {**SHOP, "metrics": ["sessions"], "dimensions": [f"property.{text}"]}
    answer = await client.post(QUERY, content=json.dumps(named))
    assert answer.status_code == (400 if text in ("\ud800", "a\x00b") else 200), answer.text
