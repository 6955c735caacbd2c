"""Signing in at an OpenID provider, and what of its answers is not believed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from joserfc.jwk import ECKey

from app.adapters import oidc
from app.adapters.clickhouse.changes import Store
from app.errors import SettingsError
from app.settings import load
from tests.answering import Asked, asked, engine, migrated
from tests.openid import CLIENT, SECRET, FakeProvider, provider
from tests.signing_in import Served, cookies_of, serving, statuses, store, user

__all__ = ["asked", "engine", "migrated", "store"]

pytestmark = pytest.mark.asyncio

BASE = "https://stats.example"
COOKIE = "__Host-wua"


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with provider() as made:
        yield made


@pytest_asyncio.fixture
async def served(asked: Asked, store: Store, tmp_path: Path, fake: FakeProvider) -> AsyncIterator[Served]:
    web = {"oidc_issuer": fake.url, "oidc_client_id": CLIENT, "oidc_client_secret": SECRET}
    async with serving(asked, store, tmp_path, sign_in="oidc", public_url=BASE, **web) as made:
        fake.now_s = made.now_ms // 1000
        await made.accounts.make(user("ana@example.com", {"shop": "viewer"}))
        yield made


async def through(
    client: httpx.AsyncClient, fake: FakeProvider, wanted: str = "/", **back: str
) -> httpx.Response:
    """Away to the provider, in there, and back."""
    away = await client.get("/sign-in/oidc", params={"next": wanted})
    assert away.status_code == 303
    given = {**fake.let_in(away.headers["location"]), **back}
    return await client.get("/sign-in/oidc/callback", params=given)


async def test_who_signs_in_there_is_signed_in_here(served: Served, fake: FakeProvider) -> None:
    client = served.browser()
    assert 'href="/sign-in/oidc?next=/account"' in (await client.get("/sign-in?next=/account")).text
    answer = await through(client, fake, "/?site=shop")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?site=shop")
    assert (await client.get("/?site=shop")).status_code == 200
    assert (await client.get("/api/v1/sites/shop/overview")).status_code == 200
    asked = fake.asked
    assert asked["redirect_uri"] == fake.sent[0]["redirect_uri"] == f"{BASE}/sign-in/oidc/callback"
    assert (asked["response_type"], asked["code_challenge_method"], asked["scope"]) == (
        "code",
        "S256",
        "openid email",
    )
    assert 43 <= len(fake.sent[0]["code_verifier"]) <= 128
    cookie = cookies_of(answer)
    assert "Max-Age=0" in cookie[f"{COOKIE}-oidc"]
    assert "SameSite=lax" in cookie[COOKIE]
    row = await served.accounts.must_find("ana@example.com")
    assert row.subject == f"{fake.url} u-1"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"aud": [CLIENT, "another"]},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": 1000},
        {"exp": None},
        {"iat": None},
        {"sub": None},
    ],
)
async def test_a_token_for_somebody_else_or_another_time_opens_nothing(
    served: Served, fake: FakeProvider, claims: dict[str, Any]
) -> None:
    fake.claims = claims
    client = served.browser()
    answer = await through(client, fake)
    assert answer.status_code == 502
    assert COOKIE not in cookies_of(answer)
    assert (await client.get("/")).status_code == 303


async def test_two_audiences_are_fine_where_the_token_was_made_for_us(
    served: Served, fake: FakeProvider
) -> None:
    fake.claims = {"aud": [CLIENT, "another"], "azp": CLIENT}
    assert (await through(served.browser(), fake)).status_code == 303


async def test_a_signature_by_another_key_opens_nothing_and_new_keys_are_asked_for(
    served: Served, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await through(served.browser(), fake)).status_code == 303
    fake.key = ECKey.generate_key("P-256", parameters={"kid": "k2"})
    assert (await through(served.browser(), fake)).status_code == 502
    monkeypatch.setattr(oidc, "KEYS_S", 0.0)
    assert (await through(served.browser(), fake)).status_code == 502
    fake.shown = fake.key
    assert (await through(served.browser(), fake)).status_code == 303


@pytest.mark.parametrize("back", [{"state": "x"}, {"state": ""}, {"iss": "https://evil.example"}])
async def test_an_answer_to_another_question_is_refused_unread(
    served: Served, fake: FakeProvider, back: dict[str, str]
) -> None:
    answer = await through(served.browser(), fake, **back)
    assert answer.status_code == 403
    assert fake.sent == []


async def test_without_the_browsers_cookie_nobody_comes_back_and_not_twice(
    served: Served, fake: FakeProvider
) -> None:
    client = served.browser()
    away = await client.get("/sign-in/oidc")
    given = fake.let_in(away.headers["location"])
    callback = "/sign-in/oidc/callback"
    assert (await served.browser().get(callback, params=given)).status_code == 403
    other = {"Cookie": f"{COOKIE}-oidc=bm90IGpzb24="}
    assert (await served.browser().get(callback, params=given, headers=other)).status_code == 403
    answers = [await client.get(callback, params=given) for _ in range(2)]
    assert statuses(answers) == [303, 403]


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "stranger@example.com"},
        {"email_verified": False},
        {"email_verified": None},
        {"email": None},
        {"email": ["ana@example.com"]},
    ],
)
async def test_nobody_gets_in_who_was_not_added_under_an_address_that_is_verified(
    served: Served, fake: FakeProvider, claims: dict[str, Any]
) -> None:
    fake.claims = claims
    answer = await through(served.browser(), fake)
    assert answer.status_code == 403
    assert "wua users add" in answer.text


async def test_from_the_first_time_on_the_id_counts_and_not_the_address(
    served: Served, fake: FakeProvider
) -> None:
    assert (await through(served.browser(), fake)).status_code == 303
    fake.claims = {"email": "ana.new@example.com"}
    assert (await through(served.browser(), fake)).status_code == 303
    fake.claims = {"sub": "u-2"}
    assert (await through(served.browser(), fake)).status_code == 403


async def test_nobody_is_led_elsewhere_and_a_refusal_is_told(served: Served, fake: FakeProvider) -> None:
    client = served.browser()
    assert (await through(client, fake, "//evil.example")).headers["location"] == "/"
    away = await client.get("/sign-in/oidc")
    state = fake.let_in(away.headers["location"])["state"]
    given = {"error": "access_denied", "error_description": "<script>", "state": state}
    refused = await client.get("/sign-in/oidc/callback", params=given)
    assert refused.status_code == 403
    assert "<script>" not in refused.text


@pytest.mark.parametrize(
    "metadata",
    [{"issuer": "https://evil.example"}, {"token_endpoint": "ftp://evil.example/token"}, {"jwks_uri": None}],
)
async def test_a_provider_that_says_it_is_another_is_not_asked(
    served: Served, fake: FakeProvider, metadata: dict[str, Any]
) -> None:
    fake.metadata = metadata
    assert (await served.browser().get("/sign-in/oidc")).status_code == 502


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"web.oidc_client_id": CLIENT}, "needs oidc_issuer"),
        ({"web.oidc_issuer": "https://a.b", "web.public_url": BASE}, "needs oidc_issuer"),
        (
            {"web.oidc_issuer": "http://a.b", "web.oidc_client_id": CLIENT, "web.public_url": BASE},
            "expected https",
        ),
    ],
)
async def test_settings_that_are_not_whole_are_refused(given: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        load(files=(), overrides={"web.sign_in": "oidc", **given})
