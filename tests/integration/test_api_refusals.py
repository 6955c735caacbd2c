"""What the REST API refuses: with 400 or 404, what is wrong, and what is expected."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.answering import Asked, asked, engine, migrated
from tests.asking_api import PERIOD, SHOP, client, fill, get, post, refused

__all__ = ["asked", "client", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

GETS = (
    "/api/v1/pages/cart/metrics",
    "/api/v1/funnels/checkout/conversion",
    "/api/v1/users/v1/behavior",
)
POSTS = ("/api/v1/sessions/query", "/api/v1/reports/generate")


@pytest.mark.parametrize("path", [*GETS, "/api/v1/sites/shop/overview", "/api/v1/sites/shop/series"])
@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"colour": "red"}, "unknown parameter 'colour'; expected bots, "),
        ({"from": "tomorrow"}, "from = 'tomorrow': expected a date such as"),
        ({"from": "2026-03-02", "to": "2026-03-02"}, "from = 2026-03-02 is not before to"),
        ({"from": ""}, "from = ''"),
        ({"bots": "maybe"}, "bots = 'maybe': expected one of exclude, include, only"),
        ({"bots": "0) OR (1"}, "bots = '0) OR (1'"),
        ({"to": "2026-03-31' OR '1'='1"}, "to = "),
    ],
)
async def test_a_parameter_that_is_wrong_is_named(
    client: httpx.AsyncClient, path: str, query: dict[str, str], told: str
) -> None:
    site = {} if path.startswith("/api/v1/sites/") else {"site": "shop"}
    request = client.build_request("GET", path, params={**site, **query})
    assert (await refused(client, request, 400)).startswith(told)


@pytest.mark.parametrize("path", GETS)
@pytest.mark.parametrize("query", ["", "site=", "site=a/b", "site=%27%20OR%201", "site=" + "x" * 65])
async def test_a_question_names_its_site(client: httpx.AsyncClient, path: str, query: str) -> None:
    detail = await refused(client, client.build_request("GET", f"{path}?{query}"), 400)
    assert detail.startswith("site = ")
    assert "expected a site id" in detail


async def test_a_parameter_is_given_once(client: httpx.AsyncClient) -> None:
    request = client.build_request("GET", f"{GETS[0]}?site=shop&site=other")
    assert await refused(client, request, 400) == "site is given twice; give it once"


@pytest.mark.parametrize("interval", ["week", "", "DAY", "day; DROP TABLE x"])
async def test_a_series_is_by_a_known_interval(client: httpx.AsyncClient, interval: str) -> None:
    request = client.build_request("GET", "/api/v1/sites/shop/series", params={"interval": interval})
    assert "expected one of minute, hour, day" in await refused(client, request, 400)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/api/v1/pages/%2Fnowhere/metrics", "no event of page '/nowhere' on site shop from 2026-03-01"),
        ("/api/v1/pages/%27%20OR%201%3D1/metrics", "no event of page"),
        ("/api/v1/funnels/nope/conversion", "no funnel 'nope'; known are: checkout"),
        ("/api/v1/users/nobody/behavior", "no event of user or visitor 'nobody' on site shop"),
        ("/api/v1/users/%27%20OR%20%271%27%3D%271/behavior", "no event of user or visitor"),
    ],
)
async def test_what_is_not_there_is_not_found_and_named(
    asked: Asked, client: httpx.AsyncClient, path: str, told: str
) -> None:
    fill(asked)
    detail = await refused(client, client.build_request("GET", path, params=SHOP), 404)
    assert detail.startswith(told)


async def test_the_empty_user_id_is_nobodys(asked: Asked, client: httpx.AsyncClient) -> None:
    fill(asked)
    request = client.build_request("GET", "/api/v1/users//behavior", params=SHOP)
    assert "the user id is empty" in await refused(client, request, 400)


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "the body is not as expected"),
        (b"{", "the body is not as expected"),
        (b"[]", "the body is not as expected"),
        (b"\xff\xfe", "the body is not as expected"),
        (b"[" * 100_000, "the body is not as expected"),
        (b"{}", "missing required field `site`"),
        (b'{"site":"shop","colour":1}', "unknown field `colour`"),
        (b'{"site":7}', "`$.site`"),
        (b'{"site":"a b"}', "site = 'a b'"),
        (b'{"site":"shop","from":"x"}', "from = 'x'"),
        (b'{"site":"shop","from":20260301}', "`$.from`"),
        (b'{"site":"shop","bots":"0"}', "`$.bots`"),
    ],
)
async def test_a_body_that_is_wrong_is_refused_with_the_field(
    client: httpx.AsyncClient, path: str, body: bytes, told: str
) -> None:
    detail = await refused(client, client.build_request("POST", path, content=body), 400)
    assert told in detail


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"template": "secret"}, "Invalid enum value 'secret' - at `$.template`"),
        ({"format": "docx"}, "Invalid enum value 'docx' - at `$.format`"),
        ({"recipients": ["a@b"]}, "unknown field `recipients`"),
    ],
)
async def test_a_report_is_of_a_known_template_and_format(
    client: httpx.AsyncClient, changes: dict[str, Any], told: str
) -> None:
    request = client.build_request("POST", "/api/v1/reports/generate", json={**SHOP, **changes})
    assert told in await refused(client, request, 400)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"limit": 0}, "`$.limit`"),
        ({"limit": 1001}, "`$.limit`"),
        ({"limit": 1.5}, "`$.limit`"),
        ({"order": "started_at; DROP TABLE sessions_silver"}, "`$.order`"),
        ({"order": "started_at"}, "`$.order`"),
        ({"filters": [{"field": "1=1 OR visitor_id", "value": ""}]}, "`$.filters[0].field`"),
        ({"filters": [{"field": "_epoch", "value": "0"}]}, "`$.filters[0].field`"),
        ({"filters": [{"field": "channel", "value": 1}]}, "`$.filters[0].value`"),
        ({"filters": [{"field": "channel", "value": "x", "op": "!="}]}, "unknown field `op`"),
        ({"filters": [{"field": "channel", "value": "x"}] * 21}, "`$.filters`"),
        ({"cursor": "1) OR 1=1"}, "cursor = '1) OR 1=1'"),
        ({"cursor": "oldest:1:00000000-0000-0000-0000-000000000001"}, "of another order"),
    ],
)
async def test_sessions_are_asked_for_by_closed_lists(
    asked: Asked, client: httpx.AsyncClient, changes: dict[str, Any], told: str
) -> None:
    fill(asked)
    request = client.build_request("POST", "/api/v1/sessions/query", json={**SHOP, **changes})
    assert told in await refused(client, request, 400)
    assert len((await post(client, "/api/v1/sessions/query", **SHOP))["sessions"]) == 2


@pytest.mark.parametrize(
    "value", ["' OR 1=1 --", "\\' OR 1=1", "x'); DROP TABLE sessions_silver; --", "%", "\x00"]
)
async def test_a_value_can_only_be_a_value(asked: Asked, client: httpx.AsyncClient, value: str) -> None:
    fill(asked)
    filters = [{"field": "visitor_id", "value": value}]
    assert (await post(client, "/api/v1/sessions/query", **SHOP, filters=filters))["sessions"] == []
    assert (await get(client, "/api/v1/sites/shop/overview", **PERIOD))["sessions"] == 2


@pytest.mark.parametrize("path", POSTS)
async def test_a_posted_question_takes_no_query_parameters(client: httpx.AsyncClient, path: str) -> None:
    request = client.build_request("POST", f"{path}?site=shop", json={"site": "shop"})
    assert "unknown parameter 'site'; expected none" in await refused(client, request, 400)


@pytest.mark.parametrize("path", [*GETS, *POSTS, "/api/v1/sites/shop/overview", "/openapi.json", "/docs"])
async def test_only_the_method_of_an_endpoint_is_taken(client: httpx.AsyncClient, path: str) -> None:
    method = "GET" if path in POSTS else "POST"
    await refused(client, client.build_request(method, path), 405)
