"""Links that show a site: what they open, to whom, and until when; and how admins make them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
import pytest_asyncio

from app.adapters.clickhouse.changes import Store
from tests.answering import Asked, asked, engine, migrated
from tests.asking_endpoints import bearing
from tests.signing_in import (
    HASH,
    LOCAL,
    PASSWORD,
    Served,
    cookies_of,
    csrf_of,
    hidden,
    serving,
    statuses,
    store,
)
from web.sign_in.attempts import NAME_BURST

__all__ = ["asked", "engine", "migrated", "store"]

pytestmark = pytest.mark.asyncio

OVERVIEW = "/api/v1/sites/shop/overview"
EMAIL = {"op": "is", "field": "channel", "value": "Email"}
ADMIN = bearing(LOCAL["admin_key"])


@pytest_asyncio.fixture
async def served(asked: Asked, store: Store, tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(asked, store, tmp_path) as made:
        yield made


async def query(client: httpx.AsyncClient, csrf: str, **asked: Any) -> int:
    body = {"site": "shop", "metrics": ["visitors"], **asked}
    answer = await client.post("/api/v1/query", json=body, headers={"X-CSRF-Token": csrf})
    return answer.status_code


def csrf_in(client: httpx.AsyncClient) -> str:
    from web.sign_in.door import csrf_of as of_secret

    return of_secret(client.cookies["__Host-wua-share"])


async def test_a_link_opens_the_dashboard_of_its_site_for_reading_alone(served: Served) -> None:
    _, token = await served.share("shop", page="/")
    client = served.browser()
    answer = await client.get(f"/share/{token}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?site=shop")
    assert answer.headers["referrer-policy"] == "no-referrer"
    cookie = cookies_of(answer)["__Host-wua-share"]
    assert "HttpOnly" in cookie
    assert "Max-Age" not in cookie
    assert (await client.get("/?site=shop")).status_code == 200
    paths = [
        OVERVIEW,
        "/api/v1/sites/saas/overview",
        "/api/v1/sites/shop/shares",
        "/api/v1/dead-letters?site=shop",
        "/api/v1/users/v1/behavior?site=shop",
        "/api/v1/imports",
    ]
    assert statuses([await client.get(path) for path in paths]) == [200, 403, 403, 403, 403, 403]
    csrf = csrf_in(client)
    assert await query(client, csrf) == 200
    assert await query(client, "x") == 403
    sessions = await client.post(
        "/api/v1/sessions/query", json={"site": "shop"}, headers={"X-CSRF-Token": csrf}
    )
    assert "nothing of single people" in sessions.json()["detail"]
    assert (await client.get("/account")).headers["location"] == "/"


async def test_a_link_with_a_filter_shows_nothing_beside_it(served: Served) -> None:
    _, token = await served.share("shop", filter=json.dumps(EMAIL))
    client = served.browser()
    on = (await client.get(f"/share/{token}")).headers["location"]
    assert json.loads(httpx.URL(on).params["filter"]) == EMAIL
    csrf = csrf_in(client)
    other = {"op": "is", "field": "channel", "value": "Direct"}
    narrower = {"op": "and", "filters": [other, EMAIL]}
    wider = {"op": "or", "filters": [other, EMAIL]}
    for tried, expected in ((EMAIL, 200), (narrower, 200), (other, 403), (wider, 403), (None, 403)):
        assert await query(client, csrf, filter=tried) == expected, tried
    stats = "/api/v1/sites/shop/stats"
    text = json.dumps(EMAIL)
    answers = [
        await client.get(stats, params={"metrics": "visitors", "filter": text}),
        await client.get(stats, params={"metrics": "visitors"}),
        await client.get(stats, params={"metrics": "visitors", "filter": "{"}),
        await client.get(OVERVIEW),
    ]
    assert statuses(answers) == [200, 403, 403, 403]


@pytest.mark.parametrize(
    "question",
    [
        {"dimensions": ["visitor_id"]},
        {"dimensions": ["channel", "user_id"]},
        {"dimensions": ["user.plan"]},
        {"filter": {"op": "and", "filters": [EMAIL, {"op": "is", "field": "user_id", "value": "u5"}]}},
        {"filter": {"op": "not", "filter": {"op": "contains", "field": "user.mail", "value": "ana"}}},
    ],
)
async def test_a_link_tells_no_person_from_others(served: Served, question: dict[str, Any]) -> None:
    _, token = await served.share("shop")
    client = served.browser()
    await client.get(f"/share/{token}")
    assert await query(client, csrf_in(client), **question) == 403
    texts = {
        "dimensions": ",".join(question.get("dimensions", ["channel"])),
        "filter": json.dumps(question.get("filter", EMAIL)),
    }
    answers = [
        await client.get("/api/v1/sites/shop/stats", params={"metrics": "sessions", **texts}),
        await client.get("/api/v1/retention", params={"site": "shop", "return_filter": texts["filter"]}),
        await client.get("/api/v1/retention", params={"site": "shop", "dimension": texts["dimensions"]}),
    ]
    assert answers[0].status_code == 403
    assert "tells single people apart" in answers[0].json()["detail"]
    assert statuses(answers).count(403) == 2
    as_text = {"op": "is", "field": "path", "value": "user.html"}
    assert await query(client, csrf_in(client), filter=as_text) == 200
    assert (await client.get("/api/v1/goals?site=shop")).status_code == 403


async def test_a_link_with_a_filter_of_people_shows_them_in_sum(served: Served) -> None:
    plan = {"op": "is", "field": "user.plan", "value": "pro"}
    _, token = await served.share("shop", filter=json.dumps(plan))
    client = served.browser()
    await client.get(f"/share/{token}")
    csrf = csrf_in(client)
    assert await query(client, csrf, filter=plan) == 200
    assert await query(client, csrf, filter=plan, dimensions=["channel"]) == 200
    assert await query(client, csrf, filter=plan, dimensions=["user.plan"]) == 403


async def test_a_password_opens_a_link_and_is_tried_seldom(served: Served) -> None:
    _, token = await served.share("shop", password_hash=HASH)
    client, path = served.browser(), f"/share/{token}"
    form = await client.get(path)
    assert form.status_code == 200
    assert "__Host-wua-share" not in client.cookies
    assert (await client.get("/")).status_code == 303
    assert (await client.get(OVERVIEW, headers={"X-Share-Token": token})).status_code == 401
    forged = {"Cookie": f"__Host-wua-share={token}.{served.now_ms // 1000}.{'0' * 64}"}
    assert (await served.browser().get("/", headers=forged)).status_code == 303
    given = hidden(form.text)
    assert (await client.post(path, data={"password": PASSWORD})).status_code == 403
    wrong = [await client.post(path, data={**given, "password": "wrong"}) for _ in range(NAME_BURST - 1)]
    assert set(statuses(wrong)) == {403}
    answer = await client.post(path, data={**given, "password": PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/?site=shop")
    assert (await client.get("/")).status_code == 200
    limited = await client.post(path, data={**given, "password": PASSWORD})
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "60")
    served.now_ms += 8 * 86_400_000
    assert (await client.get("/")).status_code == 303


@pytest.mark.parametrize("value", ["{token}", "{token}.x.y", "{token}.12.", "..", "x.1.y", "{token}.²3.y"])
async def test_what_is_no_cookie_of_a_link_opens_nothing(served: Served, value: str) -> None:
    _, token = await served.share("shop")
    cookie = f"__Host-wua-share={value.format(token=token)}".encode("latin-1")
    client = served.browser()
    assert (await client.get("/", headers={b"Cookie": cookie})).status_code == 303


async def test_a_link_that_is_revoked_opens_nothing_wherever_it_is_open(served: Served) -> None:
    share_id, token = await served.share("shop", frame_ancestors=("https://blog.example",))
    client = served.browser()
    await client.get(f"/share/{token}")
    header = {"X-Share-Token": token}
    assert (await client.get(OVERVIEW)).status_code == 200
    assert (await served.browser().get(OVERVIEW, headers=header)).status_code == 200
    await served.accounts.revoke_share(share_id, at=served.at)
    assert (await client.get(OVERVIEW)).status_code == 401
    assert (await served.browser().get(OVERVIEW, headers=header)).status_code == 401
    answers = [await client.get(path) for path in (f"/share/{token}", f"/embed/{token}", "/share/x")]
    assert statuses(answers) == [404, 404, 404]


async def test_somebody_who_is_signed_in_keeps_their_sites_beside_that_of_a_link(served: Served) -> None:
    _, token = await served.share("saas")
    client = await served.signed_in("ben")
    assert (await client.get("/api/v1/sites/saas/overview")).status_code == 403
    await client.get(f"/share/{token}")
    paths = ["/api/v1/sites/saas/overview", OVERVIEW, "/api/v1/users/v1/behavior?site=saas"]
    assert statuses([await client.get(path) for path in paths]) == [200, 200, 403]
    personal = await client.get("/api/v1/users/v1/behavior?site=shop")
    assert personal.status_code != 403


async def test_pages_of_the_named_origins_alone_embed_a_link_and_no_cookie_is_needed(served: Served) -> None:
    _, token = await served.share("shop", frame_ancestors=("https://blog.example", "https://*.a.example"))
    client = served.browser()
    on = await client.get(f"/embed/{token}")
    assert on.headers["location"] == f"/embed/{token}?site=shop"
    page = await client.get(on.headers["location"])
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors https://blog.example https://*.a.example" in policy
    assert "default-src 'self'" in policy
    assert page.headers["referrer-policy"] == "no-referrer"
    assert not cookies_of(page)
    header = {"X-Share-Token": token}
    body = {"site": "shop", "metrics": ["visitors"]}
    assert (await client.post("/api/v1/query", json=body, headers=header)).status_code == 200
    assert (await client.get("/api/v1/sites/saas/overview", headers=header)).status_code == 403
    chief = await served.signed_in("chief")
    assert (await chief.get("/api/v1/sites/saas/overview", headers=header)).status_code == 403
    assert (await chief.get(OVERVIEW, headers={"X-Share-Token": "wrong"})).status_code == 401


@pytest.mark.parametrize(
    "fields",
    [{}, {"frame_ancestors": ("https://blog.example",), "password_hash": HASH}, {"page": "/nowhere"}],
)
async def test_what_may_not_be_embedded_is_not(served: Served, fields: dict[str, Any]) -> None:
    _, token = await served.share("shop", **fields)
    answer = await served.browser().get(f"/embed/{token}?site=shop")
    assert answer.status_code == 404
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


async def test_admins_of_a_site_make_list_and_revoke_its_links(served: Served) -> None:
    client = await served.signed_in("ana")
    csrf = {"X-CSRF-Token": await csrf_of(client)}
    shop, saas = "/api/v1/sites/shop/shares", "/api/v1/sites/saas/shares"
    body = {"label": "press", "filter": EMAIL, "frame_ancestors": ["https://blog.example"]}
    assert (await client.post(shop, json=body)).status_code == 403
    assert (await client.post(saas, json=body, headers=csrf)).status_code == 403
    made = (await client.post(shop, json=body, headers=csrf)).json()
    share = made["share"]
    assert made["embed_path"] == made["path"].replace("/share/", "/embed/")
    assert (share["label"], share["filter"], share["has_password"]) == ("press", EMAIL, False)
    assert (await served.browser().get(made["path"])).status_code == 303
    found = await client.get(shop)
    assert found.json() == {"site_id": "shop", "shares": [share]}
    assert made["path"].rpartition("/")[2] not in found.text
    gone = await client.delete(f"{shop}/{share['share_id']}", headers=csrf)
    assert gone.json() == {**share, "is_revoked": True}
    assert (await client.delete(f"{shop}/nothing", headers=csrf)).status_code == 404
    assert (await served.browser().get(made["path"])).status_code == 404
    secured = (await client.post(shop, json={"password": PASSWORD}, headers=csrf)).json()
    assert secured["share"]["has_password"]
    assert secured["embed_path"] == ""
    assert (await client.get(saas)).status_code == 403


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"page": "//evil.example"}, "expected a path"),
        ({"frame_ancestors": ["https://a.example; script-src *"]}, "expected an origin"),
        ({"password": "short"}, "too short"),
        ({"password": PASSWORD, "frame_ancestors": ["https://a.example"]}, "cannot be embedded"),
        ({"label": "x" * 101}, "at most 100"),
        ({"filter": {"op": "evil"}}, "not as expected"),
    ],
)
async def test_a_link_that_cannot_be_is_refused(served: Served, body: dict[str, Any], told: str) -> None:
    answer = await served.browser().post("/api/v1/sites/shop/shares", json=body, headers=ADMIN)
    assert answer.status_code == 400
    assert told in answer.json()["detail"]


async def test_what_is_answered_is_as_the_document_says(served: Served) -> None:
    client = served.browser()
    client.headers.update(ADMIN)
    made = await client.post("/api/v1/sites/shop/shares", json={"label": "a"})
    share_id = made.json()["share"]["share_id"]
    answers = {
        ("/api/v1/sites/{site_id}/shares", "post"): made,
        ("/api/v1/sites/{site_id}/shares", "get"): await client.get("/api/v1/sites/shop/shares"),
        ("/api/v1/sites/{site_id}/shares/{share_id}", "delete"): await client.delete(
            f"/api/v1/sites/shop/shares/{share_id}"
        ),
        ("/api/v1/accounts", "get"): await client.get("/api/v1/accounts"),
    }
    document = (await client.get("/openapi.json")).json()
    for (path, method), answer in answers.items():
        assert answer.status_code == 200
        schema = document["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(answer.json(), {**schema, "components": document["components"]})
    people = answers["/api/v1/accounts", "get"].json()["accounts"]
    assert sorted(one["name"] for one in people) == ["ana", "ben", "chief", "eve", "nobody"]
    assert HASH not in answers["/api/v1/accounts", "get"].text
