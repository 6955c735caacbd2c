"""Who may ask which endpoint: shown for every endpoint that there is."""

from __future__ import annotations

import re
import uuid
from typing import Any

import httpx
import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import Response

from app.core.api_keys import ApiKey, KeyScope
from app.errors import SinkUnavailableError
from app.settings import Settings
from tests.asking_endpoints import Asking, Known, bearing, key
from web.api import ENDPOINTS
from web.api.access import names_site_in_body
from web.api.endpoints import Context, Endpoint
from web.api.experiments import ResultsQuery
from web.api.presenting import json_response
from web.api.report_schedules import ScheduleRequest
from web.api.stats import StatsQuery

pytestmark = pytest.mark.asyncio

ADMIN_KEY = "0123456789abcdef"
REQUIRED = Settings(web={"api_auth": "required", "admin_key": ADMIN_KEY})
KEYS = Known(
    reader=key("k1", scopes=["read"]),
    everywhere=key("k2", scopes=["read"], sites=["*"]),
    writer=key("k3", scopes=["write"], sites=["*"]),
    admin=key("k4", scopes=["admin"]),
    chief=key("k5", scopes=["admin"], sites=["*"]),
)


#: Parts of the paths that only administrators ask.
ADMINS = ("dead-letters", "persons", "schedules", "/ops", "/keys", "/settings", "shares", "accounts")
SOME_ID = str(uuid.UUID(int=7))
#: What a body needs beside its site.
NEEDED: dict[Any, dict[str, Any]] = {
    StatsQuery: {"metrics": ["visitors"]},
    ResultsQuery: {"experiment": "ab"},
    ScheduleRequest: {"cadence": "daily", "mail_to": ["ops@example.com"]},
}


async def reached(_: Request, __: Context) -> Response:
    return json_response({"reached": True})


#: Every endpoint as it is declared, with a handler that says that it was asked.
DECLARED = [msgspec.structs.replace(one, handler=reached) for one in ENDPOINTS]
ALL = pytest.mark.parametrize("one", DECLARED, ids=lambda one: f"{one.method} {one.path}")


def request_for(one: Endpoint, site: str | None) -> dict[str, Any]:
    """A request that names the site wherever the endpoint takes one; None: nowhere but in the path."""
    path = one.path.replace("{site_id}", site or "shop")
    asked: dict[str, Any] = {
        "method": one.method,
        "url": re.sub(r"{\w+}", "x", re.sub(r"{\w+:uuid}", SOME_ID, path)),
    }
    if site and "site" in one.parameters:
        asked["params"] = {"site": site}
    if one.body is not None:
        needed = NEEDED.get(one.body, {})
        names = (
            {"site": site or "shop"} if names_site_in_body(one) and (site or not may_be_left_out(one)) else {}
        )
        asked["json"] = {**needed, **names}
    return asked


def may_be_left_out(one: Endpoint) -> bool:
    return not any(field.name == "site" and field.required for field in msgspec.structs.fields(one.body))


def names_a_site(one: Endpoint) -> bool:
    return "{site_id}" in one.path or "site" in one.parameters or names_site_in_body(one)


async def ask(
    one: Endpoint, secret: str, site: str | None = "shop", settings: Settings = REQUIRED
) -> httpx.Response:
    asking = Asking([one], settings=settings, keys=KEYS)
    return await asking.client.request(**request_for(one, site), headers=bearing(secret))


def kind(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["type"].rpartition(":")[2])


@ALL
@pytest.mark.parametrize("secret", ["", "unknown", "k1", ADMIN_KEY[:-1]])
async def test_without_a_key_that_is_known_nothing_is_answered(one: Endpoint, secret: str) -> None:
    answer = await ask(one, secret)
    assert (answer.status_code, kind(answer)) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


@ALL
async def test_a_key_opens_its_own_site_and_no_other(one: Endpoint) -> None:
    secret = "reader" if one.scope is KeyScope.READ else "admin"
    own = await ask(one, secret, "shop")
    foreign = await ask(one, secret, "saas")
    assert own.status_code == (200 if names_a_site(one) or one.is_of_no_site else 403)
    if one.is_of_no_site:
        assert foreign.status_code == 200
        return
    assert (foreign.status_code, kind(foreign)) == (403, "forbidden")
    assert "of shop; the request names " in foreign.json()["detail"]


@ALL
async def test_a_key_of_every_site_opens_any(one: Endpoint) -> None:
    secret = "everywhere" if one.scope is KeyScope.READ else "chief"
    for site in ("shop", "saas"):
        assert (await ask(one, secret, site)).status_code == 200


@ALL
async def test_a_key_without_the_scope_opens_nothing_and_admin_has_them_all(one: Endpoint) -> None:
    for secret, scopes in (("writer", {"write"}), ("everywhere", {"read"})):
        answer = await ask(one, secret)
        assert answer.status_code == (200 if one.scope in scopes else 403)
        if one.scope not in scopes:
            assert f"no scope `{one.scope}`" in answer.json()["detail"]
    assert (await ask(one, "chief")).status_code == 200


@ALL
async def test_the_key_of_the_settings_opens_everything(one: Endpoint) -> None:
    assert (await ask(one, ADMIN_KEY, "saas")).status_code == 200


@ALL
async def test_a_site_more_in_the_query_is_a_site_that_is_asked_about(one: Endpoint) -> None:
    secret = "reader" if one.scope is KeyScope.READ else "admin"
    asking = Asking([one], settings=REQUIRED, keys=KEYS)
    request = {**request_for(one, "shop"), "params": [("site", "saas"), ("site", "shop")]}
    answer = await asking.client.request(**request, headers=bearing(secret))
    assert answer.status_code == (200 if one.is_of_no_site else 403)


@ALL
async def test_what_names_no_site_is_about_all_of_them(one: Endpoint) -> None:
    """An endpoint of one site has it in its path or must be given it; others may be given none."""
    answer = await ask(one, "admin", None)
    is_open = "{site_id}" in one.path or (names_site_in_body(one) and not may_be_left_out(one))
    is_open |= one.is_of_no_site
    assert answer.status_code == (200 if is_open else 403)


@ALL
async def test_off_opens_questions_and_leaves_the_rest_to_operators(one: Endpoint) -> None:
    settings = Settings(web={"api_auth": "off", "admin_key": ADMIN_KEY})
    is_question = one.scope is KeyScope.READ
    assert (await ask(one, "", settings=settings)).status_code == (200 if is_question else 401)
    assert (await ask(one, "chief", settings=settings)).status_code == 200


async def test_every_endpoint_says_its_scope_and_only_operators_ones_are_admin() -> None:
    scopes = {(one.method, one.path): one.scope for one in ENDPOINTS}
    definitions = ("/api/v1/funnels", "/api/v1/goals")
    for (method, path), scope in scopes.items():
        changes = path in definitions if method == "POST" else method in ("PUT", "DELETE")
        if any(part in path for part in ADMINS):
            assert scope is KeyScope.ADMIN, path
        elif path.startswith(definitions) and changes:
            assert scope is KeyScope.WRITE, path
        else:
            assert scope is KeyScope.READ, path
    assert set(scopes.values()) == set(KeyScope)
    assert not any(one.is_kept for one in ENDPOINTS if one.scope is not KeyScope.READ)


async def test_a_body_that_cannot_be_read_is_refused_before_anything_is_asked() -> None:
    (one,) = (one for one in DECLARED if one.path == "/api/v1/query")
    asking = Asking([one], settings=REQUIRED, keys=KEYS)
    for body in (b"", b"[]", b'{"site": 1}', b'{"site": "shop", "site": "saas", "metrics": ["visitors"]}'):
        answer = await asking.client.post("/api/v1/query", content=body, headers=bearing("reader"))
        assert answer.status_code == (403 if b"saas" in body else 400), body


class Away(Known):
    """The store of the keys does not answer."""

    async def find(self, _: str) -> ApiKey | None:
        raise SinkUnavailableError("away")


async def test_while_keys_cannot_be_looked_up_the_key_of_the_settings_alone_opens() -> None:
    asking = Asking([DECLARED[0]], settings=REQUIRED, keys=Away())
    statuses = {}
    for secret in ("reader", "", ADMIN_KEY):
        request = request_for(DECLARED[0], "shop")
        statuses[secret] = (await asking.client.request(**request, headers=bearing(secret))).status_code
    assert statuses == {"reader": 503, "": 401, ADMIN_KEY: 200}


@pytest.mark.parametrize(
    ("host", "auth", "needs"),
    [
        ("127.0.0.1", "auto", False),
        ("::1", "auto", False),
        ("localhost", "auto", False),
        ("0.0.0.0", "auto", True),
        ("10.0.0.5", "auto", True),
        ("shop.example", "auto", True),
        ("0.0.0.0", "off", False),
        ("0.0.0.0", False, False),  # as YAML reads `off`
        ("127.0.0.1", "required", True),
    ],
)
async def test_a_key_is_needed_where_other_machines_reach_the_server(
    host: str, auth: Any, needs: bool
) -> None:
    assert Settings(web={"host": host, "api_auth": auth}).web.needs_key is needs
