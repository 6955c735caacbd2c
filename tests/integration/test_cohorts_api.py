"""Retention, lifecycle and adoption over HTTP: the example of the docs, and what is refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.answering import Asked, asked, engine, migrated, ms
from tests.asking_api import SHOP, client, get, post, refused
from tests.doc_tables import table
from tests.integration.test_journeys_api import nested
from tests.timelines import Hit, Visit, write

__all__ = ["asked", "client", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

PAGE = "RETENTION.md"
WEEKS = {"site": "shop", "from": "2026-03-02", "to": "2026-03-23"}
RETENTION, LIFECYCLE, ADOPTION = "/api/v1/retention", "/api/v1/lifecycle", "/api/v1/adoption"


def example() -> list[Visit]:
    """The sessions of the page."""
    made = []
    for visitor, day, channel, did in table(PAGE, head="| visitor | day | channel | did |"):
        at = ms(f"{day}T11:00Z")
        hits = tuple(
            Hit(at=at) if one == "/" else Hit(at=at, name=one) for one in did.replace("`", "").split()
        )
        made.append(Visit(visitor=visitor, channel=channel, hits=hits))
    return made


def joined(numbers: list[int]) -> str:
    return " ".join(map(str, numbers))


async def test_the_cohorts_are_those_of_the_docs(asked: Asked, client: httpx.AsyncClient) -> None:
    write(asked, example())
    found = await get(client, RETENTION, **WEEKS, interval="week")
    shown = [[one["at"], str(one["size"]), joined(one["returned"])] for one in found["cohorts"]]
    assert shown == table(PAGE, head="| cohort | size | back |")
    assert found["cohorts"][0]["shares"] == [1, 0.5, 0.5]
    assert found["groups"] == []


async def test_the_channels_are_compared_as_in_the_docs(asked: Asked, client: httpx.AsyncClient) -> None:
    write(asked, example())
    found = await get(client, RETENTION, **WEEKS, measure="rolling", dimension="channel")
    groups = [{**found["total"], "value": "all"}, *found["groups"]]
    shown = [
        [one["value"], str(one["size"]), joined(one["eligible"]), joined(one["returned"])] for one in groups
    ]
    assert shown == table(PAGE, head="| channel | size | eligible | back |")
    assert found == await post(client, RETENTION, **WEEKS, measure="rolling", dimension="channel")


async def test_what_starts_and_what_is_done_again_are_told_alike_in_both_ways(
    asked: Asked, client: httpx.AsyncClient
) -> None:
    write(asked, example())
    narrowed = '{"op":"is","field":"channel","value":"Direct"}'
    by_query = await get(client, RETENTION, **WEEKS, return_event="search", return_filter=narrowed, page="/")
    direct: dict[str, Any] = {"op": "is", "field": "channel", "value": "Direct"}
    body = {"start": {"page": "/"}, "return": {"event": "search", "filter": direct}}
    assert by_query == await post(client, RETENTION, **WEEKS, **body)
    assert by_query["total"]["returned"] == [0, 1, 1]


async def test_the_lifecycle_is_that_of_the_docs(asked: Asked, client: httpx.AsyncClient) -> None:
    write(asked, example())
    found = await get(client, LIFECYCLE, **WEEKS, interval="week")
    names = ("at", "active", "new", "returning", "resurrected", "dormant", "newly_dormant")
    shown = [[str(row[name]) for name in names] for row in found["rows"]]
    head = "| week | active | new | returning | resurrected | dormant | newly dormant |"
    assert shown == table(PAGE, head=head)


async def test_the_adoption_is_that_of_the_docs(asked: Asked, client: httpx.AsyncClient) -> None:
    write(asked, example())
    found = await get(client, ADOPTION, **WEEKS, interval="week", event="search")
    shown = [
        [row["at"], str(row["active"]), str(row["users"]), str(row["uses"]), str(round(row["share"], 3))]
        for row in found["rows"]
    ]
    assert shown == table(PAGE, head="| week | active | users | uses | share |")
    assert found["adopters"] == 2
    assert found["days_to_first_use"]["p50"] == 6.5
    assert [(row["uses"], row["users"]) for row in found["depth"]] == [(1, 1), (3, 1)]


@pytest.mark.parametrize("path", [RETENTION, LIFECYCLE, ADOPTION])
@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"interval": "hour"}, "interval = 'hour': expected one of day, week, month"),
        ({"interval": "day", "from": "2020-01-01", "page": "/"}, "expected 400 at most; ask for longer ones"),
        ({"page": "/a", "event": "x"}, "page, event: a page and an event are given"),
        ({"event": "x" * 257}, "page, event: Expected `str` of length <= 256"),
        ({"page": "/", "filter": "{"}, "filter = '{': expected JSON"),
        ({"page": "/", "filter": '{"op":"is","field":"at","value":"x"}'}, "unknown field 'at'"),
        ({"page": "/", "filter": '{"op":"matches","field":"path","value":"["}'}, "no regular expression"),
        ({"from": "2026-03-02", "to": "2026-03-02"}, "is not before"),
        ({"page": "/", "by": "household"}, "by = 'household': expected one of visitor, person"),
        ({"page": "/", "filter": nested(300)}, "filter: more than 200 parts"),
        ({"page": "/", "filter": nested(700)}, "filter: more than 200 parts"),
        ({"colour": "red"}, "unknown parameter 'colour'"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_named(
    asked: Asked, client: httpx.AsyncClient, path: str, query: dict[str, str], told: str
) -> None:
    write(asked, example())
    request = client.build_request("GET", path, params={**SHOP, **query})
    assert told in await refused(client, request, 400)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"dimension": "site_id"}, "dimension = 'site_id': expected a field of sessions: entry_host"),
        ({"dimension": "path"}, "dimension = 'path': expected a field of sessions"),
        ({"dimension": "channel, 1) --"}, "dimension = 'channel, 1) --'"),
        ({"measure": "fuzzy"}, "measure = 'fuzzy': expected one of exact, rolling"),
        ({"intervals": "0"}, "intervals = '0'"),
        ({"limit": "101"}, "limit = '101'"),
        ({"return_page": "/", "return_event": "x"}, "page, event: a page and an event are given"),
        ({"return_filter": "[]"}, "return_filter = '[]'"),
    ],
)
async def test_a_grid_is_asked_as_it_can_be(
    client: httpx.AsyncClient, query: dict[str, str], told: str
) -> None:
    request = client.build_request("GET", RETENTION, params={**SHOP, **query})
    assert told in await refused(client, request, 400)


@pytest.mark.parametrize(
    "body",
    [
        {"start": {"page": "/", "event": "x"}},
        {"start": {"colour": "red"}},
        {"start": [], "return": None},
        {"intervals": 401},
        {"limit": -1},
        {"dimension": {"a": 1}},
        {"interval": "day; DROP TABLE x"},
        {"return": {"filter": {"op": "is", "field": "'; --", "value": ""}}},
    ],
)
async def test_a_body_that_makes_no_sense_is_refused(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    assert await refused(client, client.build_request("POST", RETENTION, json={**SHOP, **body}), 400)


async def test_adoption_is_of_something(client: httpx.AsyncClient) -> None:
    request = client.build_request("GET", ADOPTION, params=SHOP)
    assert await refused(client, request, 400) == "adoption of what? expected a page or an event"


@pytest.mark.parametrize("text", ["' OR 1=1 --", "{site:String}", "{uses}", "{visits}", "([\\", "\x00", "%"])
async def test_text_is_never_more_than_text(asked: Asked, client: httpx.AsyncClient, text: str) -> None:
    write(asked, example())
    assert (await get(client, RETENTION, **SHOP, event=text))["total"]["size"] == 0
    assert sum(row["active"] for row in (await get(client, LIFECYCLE, **SHOP, page=text))["rows"]) == 0
    assert (await get(client, ADOPTION, **SHOP, event=text))["total"]["users"] == 0
