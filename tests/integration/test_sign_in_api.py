"""The API to who is signed in: roles by site, and requests that pages of others send."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from app.adapters.clickhouse.changes import Store
from tests.answering import Asked, asked, engine, migrated
from tests.signing_in import LOCAL, PASSWORD, Served, csrf_of, serving, sign_in, store

__all__ = ["asked", "engine", "migrated", "store"]

pytestmark = pytest.mark.asyncio

QUESTION: dict[str, Any] = {"site": "shop", "metrics": ["visitors"]}


@pytest_asyncio.fixture
async def served(asked: Asked, store: Store, tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(asked, store, tmp_path) as made:
        yield made


async def status(client: httpx.AsyncClient, path: str) -> int:
    return (await client.get(path)).status_code


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chief", [200, 200, 200, 200, 200]),
        ("ana", [200, 200, 200, 403, 403]),
        ("ben", [200, 403, 403, 403, 403]),
        ("eve", [200, 403, 403, 403, 403]),
        ("nobody", [403, 403, 403, 403, 403]),
    ],
)
async def test_a_role_opens_its_site_to_questions_and_admins_alone_the_rest(
    served: Served, name: str, expected: list[int]
) -> None:
    client = await served.signed_in(name)
    paths = [
        "/api/v1/sites/shop/overview",
        "/api/v1/sites/saas/overview",
        "/api/v1/dead-letters?site=shop",
        "/api/v1/dead-letters?site=saas",
        "/api/v1/dead-letters",
    ]
    assert [await status(client, path) for path in paths] == expected
    assert await status(served.browser(), paths[0]) == 401


async def test_what_changes_something_needs_the_token_of_the_page_and_its_origin(served: Served) -> None:
    client = await served.signed_in("eve")
    csrf = await csrf_of(client)
    for headers, expected in (
        ({}, 403),
        ({"X-CSRF-Token": ""}, 403),
        ({"X-CSRF-Token": csrf[:-1]}, 403),
        ({"X-CSRF-Token": csrf, "Origin": "https://evil.example"}, 403),
        ({"X-CSRF-Token": csrf, "Origin": "null"}, 403),
        ({"X-CSRF-Token": csrf, "Sec-Fetch-Site": "same-site"}, 403),
        ({"X-CSRF-Token": csrf, "Sec-Fetch-Site": "same-origin"}, 200),
        ({"X-CSRF-Token": csrf}, 200),
    ):
        answer = await client.post("/api/v1/query", json=QUESTION, headers=headers)
        assert answer.status_code == expected, headers
        if expected == 403:
            assert answer.json()["type"] == "urn:wua:problem:foreign_request"
    other = await csrf_of(await served.signed_in("ben"))
    stolen = await client.post("/api/v1/query", json=QUESTION, headers={"X-CSRF-Token": other})
    assert stolen.status_code == 403


async def test_a_key_needs_no_token_and_counts_before_the_cookie(served: Served) -> None:
    client = await served.signed_in("eve")
    key = {"Authorization": f"Bearer {LOCAL['admin_key']}"}
    assert (await client.post("/api/v1/query", json=QUESTION, headers=key)).status_code == 200
    wrong = {"Authorization": "Bearer wrong"}
    assert (await client.get("/api/v1/sites/shop/overview", headers=wrong)).status_code == 401


async def test_an_answer_to_one_person_is_not_given_to_the_next(served: Served) -> None:
    client = await served.signed_in("eve")
    answer = await client.get("/api/v1/sites/shop/overview")
    assert "Cookie" in answer.headers["vary"]
    assert answer.headers["cache-control"].startswith("private")


async def test_a_role_that_is_taken_opens_nothing_any_more(served: Served) -> None:
    client = await served.signed_in("eve")
    assert await status(client, "/api/v1/sites/shop/overview") == 200
    await served.accounts.change(await served.accounts.must_find("eve"), at=served.at, roles={})
    assert await status(client, "/api/v1/sites/shop/overview") == 403
    served.now_ms += 13 * 3_600_000
    assert await status(client, "/api/v1/sites/shop/overview") == 401


@pytest.mark.parametrize(
    ("web", "origin", "status"),
    [
        ({}, "https://stats.example", 303),
        ({}, "http://stats.example", 303),
        ({}, "https://stats.example:8443", 403),
        ({"public_url": "https://stats.example"}, "https://stats.example", 303),
        ({"public_url": "https://stats.example"}, "http://stats.example", 403),
        ({"public_url": "https://other.example"}, "https://stats.example", 403),
        ({"public_url": "https://other.example"}, "https://other.example", 303),
    ],
)
async def test_the_origin_of_a_form_is_what_browsers_see(
    asked: Asked, store: Store, tmp_path: Path, web: dict[str, Any], origin: str, status: int
) -> None:
    async with serving(asked, store, tmp_path, **web) as served:
        client = served.browser()
        client.headers["Origin"] = origin
        assert (await sign_in(client, "ana")).status_code == status


@pytest.mark.parametrize(("peer", "is_secure"), [("10.0.0.1", True), ("198.51.100.7", False)])
async def test_a_trusted_proxy_says_whether_the_browser_asked_over_tls(
    asked: Asked, store: Store, tmp_path: Path, peer: str, is_secure: bool
) -> None:
    async with serving(asked, store, tmp_path, trusted_proxies=["10.0.0.0/8"]) as served:
        client = served.browser(base="http://stats.example", peer=peer)
        form = await client.get("/sign-in", headers={"X-Forwarded-Proto": "https"})
        assert ("; Secure" in form.headers["set-cookie"]) == is_secure


@pytest.mark.parametrize(
    ("web", "browser", "is_shown"),
    [
        ({}, {"base": "http://localhost:8000", "peer": "127.0.0.1"}, True),
        ({}, {"base": "http://127.0.0.1:8000", "peer": "127.0.0.1"}, True),
        ({}, {"base": "http://rebound.example:8000", "peer": "127.0.0.1"}, False),
        ({}, {"base": "http://localhost:8000", "peer": "198.51.100.7"}, False),
        ({"host": "0.0.0.0"}, {"base": "http://localhost:8000", "peer": "127.0.0.1"}, False),
    ],
)
async def test_without_sign_in_the_pages_are_for_this_machine_alone(
    asked: Asked, store: Store, tmp_path: Path, web: dict[str, Any], browser: dict[str, str], is_shown: bool
) -> None:
    async with serving(asked, store, tmp_path, sign_in="off", **web) as served:
        client = served.browser(**browser)
        page = await client.get("/")
        assert page.status_code == (200 if is_shown else 403)
        assert ("WUA_WEB__SIGN_IN=local" in page.text) is not is_shown
        form = await client.get("/sign-in")
        assert form.status_code == (303 if is_shown else 403)
        sent = await client.post("/sign-in", data={"name": "ana", "password": PASSWORD})
        assert sent.status_code == 403
        for path in ("/healthz", "/wua.js", "/api/v1/health"):
            assert await status(client, path) == 200
        through = await client.get("/", headers={"X-Forwarded-For": "127.0.0.1"})
        assert through.status_code == 403
