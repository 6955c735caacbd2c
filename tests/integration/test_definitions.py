"""Funnels and goals over HTTP: defined, changed, deleted, asked, and refused."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import httpx
import jsonschema
import pytest

from app.errors import ConflictError
from tests.answering import Asked, asked, engine, migrated
from tests.asking_api import NOW, PERIOD, SHOP, client, fill, get, refused, serving
from views.funnels.model import FUNNEL, FunnelStep
from views.queries import Queries

__all__ = ["asked", "client", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

FUNNELS, GOALS = "/api/v1/funnels", "/api/v1/goals"
BUYING = {
    "title": "Buying",
    "steps": [{"title": "Cart", "page": "/cart"}, {"title": "Bought", "event": "$purchase"}],
    "window": "30m",
}
ORDER = {"title": "Order", "event": "$purchase"}
BODIES = {FUNNELS: BUYING, GOALS: ORDER}


async def sent(
    client: httpx.AsyncClient, method: str, path: str, body: Any = None, **headers: str
) -> dict[str, Any]:
    answer = await client.request(method, path, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.mark.parametrize("path", BODIES)
async def test_a_definition_is_made_replaced_and_deleted_and_every_version_stays(
    client: httpx.AsyncClient, path: str
) -> None:
    body = BODIES[path]
    made = await sent(client, "POST", f"{path}?site=shop&id=mine", body)
    assert (made["id"], made["version"], made["definition"]) == ("mine", 1, body)
    assert made["changed_at"] == "2026-03-10T12:00:00Z"
    answer = await client.get(f"{path}/mine?site=shop")
    assert (answer.json(), answer.headers["etag"]) == (made, '"1"')
    for tags, status in (('"1"', 304), ('W/"1", "7"', 304), ('"2"', 200)):
        again = await client.get(f"{path}/mine?site=shop", headers={"If-None-Match": tags})
        assert (again.status_code, again.headers["etag"], bool(again.content)) == (
            status,
            '"1"',
            status == 200,
        )
    replaced = await sent(
        client, "PUT", f"{path}/mine?site=shop", {**body, "title": "New"}, **{"If-Match": '"1"'}
    )
    assert (replaced["version"], replaced["definition"]["title"]) == (2, "New")
    gone = await sent(client, "DELETE", f"{path}/mine?site=shop", **{"If-Match": "2"})
    assert (gone["version"], gone["is_deleted"], gone["definition"]) == (3, True, None)
    missing = client.build_request("GET", f"{path}/mine?site=shop")
    assert "'mine'; known are: " in await refused(client, missing, 404)
    history = await get(client, f"{path}/mine/history", site="shop")
    assert [one["version"] for one in history["definitions"]] == [3, 2, 1]
    assert history["definitions"][2] == made
    again = await sent(client, "POST", f"{path}?site=shop&id=mine", body)
    assert again["version"] == 4


async def test_without_an_id_each_gets_its_own_and_sites_do_not_share(client: httpx.AsyncClient) -> None:
    ids = {(await sent(client, "POST", f"{GOALS}?site=shop", ORDER))["id"] for _ in range(2)}
    listed = await get(client, GOALS, site="shop")
    assert {one["id"] for one in listed["definitions"]} == ids
    assert (await get(client, GOALS, site="other"))["definitions"] == []


@pytest.mark.parametrize(
    ("method", "match", "status"),
    [
        ("PUT", '"2"', 409),
        ("DELETE", '"7"', 409),
        ("PUT", 'W/"1"', 200),
        ("PUT", "*", 200),
        ("PUT", "one", 400),
        ("DELETE", "", 400),
        ("PUT", '"99999999999999999999"', 400),
    ],
)
async def test_only_the_version_that_was_read_is_changed(
    client: httpx.AsyncClient, method: str, match: str, status: int
) -> None:
    await sent(client, "POST", f"{GOALS}?site=shop&id=g", ORDER)
    answer = await client.request(method, f"{GOALS}/g?site=shop", json=ORDER, headers={"If-Match": match})
    assert answer.status_code == status, answer.text
    if status == 409:
        assert answer.json()["type"] == "urn:wua:problem:conflict"
        assert "read it again" in answer.json()["detail"]


async def test_of_writers_at_once_in_many_processes_one_is_heard(asked: Asked) -> None:
    """Each has its own object, as processes have: nothing but the table decides."""
    writers = [Queries(asked.pool, settings=asked.settings).definitions for _ in range(5)]
    bodies = [FUNNEL.body(title=f"{n}", steps=_steps()) for n in range(5)]

    async def all_at_once(expected: int | None) -> list[Any]:
        return await asyncio.gather(
            *(
                writer.create(FUNNEL, body, site_id="shop", definition_id="f", now_ms=NOW)
                if expected is None
                else writer.replace(
                    FUNNEL, body, site_id="shop", definition_id="f", expected=expected, now_ms=NOW
                )
                for writer, body in zip(writers, bodies, strict=True)
            ),
            return_exceptions=True,
        )

    for version, expected in enumerate((None, 1, 2), start=1):
        outcomes = await all_at_once(expected)
        written = [one for one in outcomes if not isinstance(one, BaseException)]
        assert [type(one) for one in outcomes if isinstance(one, BaseException)] == [ConflictError] * 4
        (won,) = written
        assert won.version == version
        assert await writers[0].get(FUNNEL, site_id="shop", definition_id="f") == won
    assert asked.store.one("SELECT count() FROM {db}.definitions") == 3


def _steps() -> list[FunnelStep]:
    return [FunnelStep(title="A", page="/a"), FunnelStep(title="B", page="/b")]


async def test_what_stands_in_the_settings_is_listed_and_asked_but_not_changed(
    asked: Asked, client: httpx.AsyncClient
) -> None:
    listed = (await get(client, FUNNELS, site="shop"))["definitions"]
    assert [(one["id"], one["version"]) for one in listed] == [("checkout", 0)]
    shown = await get(client, f"{FUNNELS}/checkout", site="shop")
    assert shown["definition"]["steps"][3] == {"title": "Purchase", "event": "$purchase"}
    for method, path in (
        ("PUT", f"{FUNNELS}/checkout?site=shop"),
        ("DELETE", f"{FUNNELS}/checkout?site=shop"),
        ("POST", f"{FUNNELS}?site=shop&id=checkout"),
    ):
        request = client.build_request(method, path, json=BUYING)
        assert "change it in faust.yml" in await refused(client, request, 409)
    assert asked.store.one("SELECT count() FROM {db}.definitions") == 0


async def test_only_operators_write(asked: Asked) -> None:
    key = "k" * 32
    web = asked.settings.web.model_copy(update={"admin_key": type(asked.settings.web.admin_key)(key)})
    settings = asked.settings.model_copy(update={"web": web})
    async with serving(Queries(asked.pool, settings=settings)) as closed:
        for path, body in BODIES.items():
            for method, at in (("POST", path), ("PUT", f"{path}/x"), ("DELETE", f"{path}/x")):
                answer = await closed.request(method, at, params={"site": "shop"}, json=body)
                assert answer.status_code == 401
            assert (await closed.get(path, params={"site": "shop"})).status_code == 200
            headers = {"Authorization": f"Bearer {key}"}
            answer = await closed.post(path, params={"site": "shop"}, json=body, headers=headers)
            assert answer.status_code == 200


async def test_a_stored_funnel_is_asked_with_all_that_can_be_asked(
    asked: Asked, client: httpx.AsyncClient
) -> None:
    fill(asked)
    await sent(client, "POST", f"{FUNNELS}?site=shop&id=buying", BUYING)
    only = '{"op":"is","field":"channel","value":"Direct"}'
    asking = {**SHOP, "breakdown": "path", "interval": "week", "filter": only, "limit": "5"}
    found = await get(client, f"{FUNNELS}/buying/conversion", **asking)
    assert [step["visitors"] for step in found["steps"]] == [0, 0]
    del asking["filter"]
    found = await get(client, f"{FUNNELS}/buying/conversion", **asking)
    assert [step["visitors"] for step in found["steps"]] == [2, 1]
    assert (found["window_ms"], found["steps"][1]["median_s"]) == (1_800_000, 4.0)
    assert [(part["value"], part["conversion"]) for part in found["breakdown"]] == [("/cart", 0.5)]
    assert [part["value"] for part in found["trend"] if part["steps"][0]["visitors"]] == ["2026-03-09"]
    previewed = await client.post(f"{FUNNELS}/preview", params=asking, json=BUYING)
    assert previewed.json() == {**found, "funnel_id": "preview"}


async def test_a_stored_goal_is_asked(asked: Asked, client: httpx.AsyncClient) -> None:
    fill(asked)
    await sent(client, "POST", f"{GOALS}?site=shop&id=order", ORDER)
    found = await get(client, f"{GOALS}/order/conversions", **SHOP, breakdown="channel")
    assert (found["goal_id"], found["title"], found["total"]["sessions"]) == ("order", "Order", 2)
    assert [row["value"] for row in found["breakdown"]] == ["Direct"]


async def test_answers_are_as_the_document_says(asked: Asked, client: httpx.AsyncClient) -> None:
    fill(asked)
    document = await get(client, "/openapi.json")
    for path, body in BODIES.items():
        name = path.rpartition("/")[2][:-1]
        await sent(client, "POST", f"{path}?site=shop&id=it", body)
        asked_for = "conversion" if path == FUNNELS else "conversions"
        answers = {
            path: await get(client, path, site="shop"),
            f"{path}/{{{name}_id}}": await get(client, f"{path}/it", site="shop"),
            f"{path}/{{{name}_id}}/history": await get(client, f"{path}/it/history", site="shop"),
            f"{path}/{{{name}_id}}/{asked_for}": await get(
                client, f"{path}/it/{asked_for}", **SHOP, breakdown="channel"
            ),
        }
        for template, answer in answers.items():
            content = document["paths"][template]["get"]["responses"]["200"]["content"]
            schema = content["application/json"]["schema"]
            jsonschema.validate(answer, {**schema, "components": document["components"]})
        assert "409" in document["paths"][f"{path}/{{{name}_id}}"]["put"]["responses"]


MANY = {"op": "and", "filters": [{"op": "is", "field": "path", "value": "/"}] * 50}


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        (FUNNELS, {}, "missing required field `title`"),
        (FUNNELS, {**BUYING, "steps": BUYING["steps"][:1]}, "length >= 2"),
        (FUNNELS, {**BUYING, "steps": BUYING["steps"] * 11}, "length <= 20"),
        (FUNNELS, {**BUYING, "mode": "any"}, "Invalid enum value 'any'"),
        (FUNNELS, {**BUYING, "window": "0s"}, "matching regex"),
        (FUNNELS, {**BUYING, "window": "1d; DROP TABLE x"}, "matching regex"),
        (FUNNELS, {**BUYING, "window": "7 days"}, "matching regex"),
        (FUNNELS, {**BUYING, "window": "7d\n"}, "matching regex"),
        (FUNNELS, {**BUYING, "colour": 1}, "unknown field `colour`"),
        (FUNNELS, {**BUYING, "steps": [{"title": "A"}, *BUYING["steps"]]}, "expected one of `page`"),
        (FUNNELS, {**BUYING, "steps": [{"title": "A", "page": "/", "event": "x"}] * 2}, "expected one of"),
        (FUNNELS, {**BUYING, "exclusions": [{"page": "/", "after": 2}]}, "before a later one"),
        (FUNNELS, {**BUYING, "exclusions": [{"page": "/", "before": 3}]}, "before a later one"),
        (
            FUNNELS,
            {**BUYING, "mode": "unordered", "exclusions": [{"page": "/", "after": 1}]},
            "steps in any order",
        ),
        (FUNNELS, {**BUYING, "filter": {"op": "is", "field": "path", "value": "/"}}, "no field of sessions"),
        (FUNNELS, {**BUYING, "filter": {"op": "is", "field": "x') OR 1 --", "value": ""}}, "unknown field"),
        (FUNNELS, {**BUYING, "filter": {"op": "matches", "field": "channel", "value": "("}}, "RE2"),
        (FUNNELS, {**BUYING, "exclusions": [{"page_matches": "["}]}, "no regular expression of RE2"),
        (GOALS, {"title": "G", "page_matches": "(?<=a)b"}, "no regular expression of RE2"),
        (GOALS, {"title": "G"}, "or a `filter` alone"),
        (GOALS, {"title": "", "event": "x"}, "length >= 1"),
        (GOALS, {**ORDER, "value": -1}, "`$.value`"),
        (GOALS, {**ORDER, "value": 0.00005}, "value = 5e-05: expected 4 decimals at most"),
        (GOALS, {**ORDER, "value": 1, "currency": "euro"}, "`$.currency`"),
        (GOALS, {**ORDER, "currency": "EUR"}, "`currency` is that of `value`"),
        (GOALS, {**ORDER, "filter": {"op": "is", "field": "channel", "value": ""}}, "no field of events"),
        (GOALS, {**ORDER, "filter": {"op": "is", "field": "user.plan", "value": ""}}, "no field of events"),
        (GOALS, {**ORDER, "filter": {"op": "or", "filters": [MANY] * 5}}, "more than 200 parts"),
    ],
)
async def test_what_can_never_be_answered_is_not_stored(
    asked: Asked, client: httpx.AsyncClient, path: str, body: dict[str, Any], told: str
) -> None:
    request = client.build_request("POST", f"{path}?site=shop", json=body)
    assert told in await refused(client, request, 400)
    assert asked.store.one("SELECT count() FROM {db}.definitions") == 0
    if path == FUNNELS:
        preview = client.build_request("POST", f"{path}/preview?site=shop", json=body)
        assert told in await refused(client, preview, 400)


HOSTILE = "x') OR 1=1 -- \\ {p:String} \u2028 '\"`; DROP TABLE definitions"


async def test_hostile_text_is_text(asked: Asked, client: httpx.AsyncClient) -> None:
    same = {"op": "is", "field": f"property.{HOSTILE}", "value": HOSTILE}
    step = {"title": HOSTILE, "event": HOSTILE[:128], "filter": same}
    funnel = {"title": HOSTILE, "steps": [step, step], "exclusions": [{"page": f"{HOSTILE}*"}]}
    asked.events({"event_type": "custom_event", "name": HOSTILE, "path": "/"})
    assert (await sent(client, "POST", f"{FUNNELS}?site=shop&id=h", funnel))["definition"] == funnel
    found = await get(client, f"{FUNNELS}/h/conversion", **SHOP, breakdown=f"property.{HOSTILE}")
    assert [step["visitors"] for step in found["steps"]] == [0, 0]
    goal = {"title": HOSTILE, "page": HOSTILE, "filter": same}
    assert (await sent(client, "POST", f"{GOALS}?site=shop&id=h", goal))["definition"] == goal
    assert (await get(client, f"{GOALS}/h/conversions", **SHOP))["total"]["conversions"] == 0


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"breakdown": "user.plan"}, "breakdown = "),
        ({"breakdown": "channel) FROM x --"}, ""),
        ({"breakdown": ""}, ""),
        ({"filter": "{"}, "filter = '{'"),
        ({"filter": '{"op":"is","field":"path","value":"/"}'}, "no field of sessions and users"),
        ({"filter": '{"op":"matches","field":"channel","value":"*"}'}, "no regular expression of RE2"),
        ({"filter": '{"op":"not","filter":' * 1000}, "filter = "),
        ({"limit": "0"}, "limit = '0'"),
        ({"limit": "1001"}, "limit = '1001'"),
        ({"colour": "red"}, "unknown parameter 'colour'"),
    ],
)
async def test_what_is_asked_wrongly_is_refused(
    client: httpx.AsyncClient, query: dict[str, str], told: str
) -> None:
    await sent(client, "POST", f"{GOALS}?site=shop&id=g", ORDER)
    for path in (f"{FUNNELS}/checkout/conversion", f"{GOALS}/g/conversions"):
        request = client.build_request("GET", path, params={"site": "shop", **PERIOD, **query})
        assert told in await refused(client, request, 400)


@pytest.mark.parametrize("named", ["", "a b", "-a", "x" * 65, "a/b", "ä", "a\n", "'; DROP TABLE x"])
async def test_an_id_is_short_and_plain(client: httpx.AsyncClient, named: str) -> None:
    request = client.build_request("POST", GOALS, params={"site": "shop", "id": named}, json=ORDER)
    if named:
        assert "expected up to 64 letters" in await refused(client, request, 400)
    for method in ("GET", "PUT", "DELETE"):
        answer = await client.request(method, f"{GOALS}/{quote(named or ' ')}?site=shop", json=ORDER)
        assert answer.status_code in (404, 400, 405), answer.text
