"""Attribution over HTTP: what is asked, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from app.core.attribution.models import Model
from tests.answering import Asked, asked, engine, migrated
from tests.asking_api import SHOP, client, get, refused
from tests.integration.test_stats_api import HOSTILE, fill

__all__ = ["asked", "client", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

PATH = "/api/v1/attribution"


async def test_all_models_stand_side_by_side(asked: Asked, client: httpx.AsyncClient) -> None:
    fill(asked)
    found = await get(client, PATH, **SHOP)
    assert (found["conversions"], found["revenue"], found["lost_journeys"]) == (1, 19.5, 1)
    assert (found["from"], found["to"], found["by"]) == ("2026-03-01", "2026-04-01", "channel")
    (row,) = found["rows"]
    assert row["models"] == {
        model: {"conversions": 1.0, "revenue": 19.5, "share": 1.0}
        for model in sorted(Model, key=list(Model).index)
    }
    assert (row["key"], row["removal_effect"]) == ("Direct", 1.0)


async def test_every_parameter_says_what_it_says(asked: Asked, client: httpx.AsyncClient) -> None:
    fill(asked)
    found = await get(
        client,
        PATH,
        **SHOP,
        models="linear,first_touch,linear",
        by="medium",
        look_back_days="3",
        half_life_days="2",
        event="$purchase",
        event_filter='{"op": "is", "field": "path", "value": "/thanks"}',
        filter='{"op": "is", "field": "device_class", "value": "desktop"}',
        keys="1",
        bots="include",
    )
    assert (found["by"], found["look_back_days"], found["half_life_days"]) == ("medium", 3, 2)
    (row,) = found["rows"]
    assert (row["key"], list(row["models"]), row["removal_effect"]) == ("", ["linear", "first_touch"], None)
    elsewhere = '{"op": "is", "field": "device_class", "value": "mobile"}'
    assert (await get(client, PATH, **SHOP, filter=elsewhere))["rows"] == []
    assert (await get(client, PATH, **SHOP, event="signup"))["conversions"] == 0


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"models": "fame"}, "models = 'fame': expected, with commas between, any of first_touch"),
        ({"models": ""}, "models = ''"),
        ({"by": "colour"}, "by = 'colour': expected one of channel"),
        ({"look_back_days": "0"}, "look_back_days = '0': expected a whole number from 1 to 365"),
        ({"look_back_days": "366"}, "look_back_days = '366'"),
        ({"half_life_days": "-1"}, "half_life_days = '-1'"),
        ({"keys": "300"}, "keys = '300': expected a whole number from 1 to 299"),
        ({"event": ""}, "Expected `str` of length >= 1"),
        ({"event_filter": "{"}, "event_filter = '{': expected JSON"),
        ({"event_filter": '{"op": "is", "field": "channel", "value": "x"}'}, "'channel' is of sessions"),
        ({"filter": "[" * 5000}, "filter = "),
        ({"filter": '{"op": "is"}'}, "missing required field `field`"),
        ({"filter": '{"op": "is", "field": "path", "value": "/"}'}, "'path' is of events"),
        ({"filter": '{"op": "matches", "field": "source", "value": "("}'}, "no regular expression"),
        ({"from": "2026-04-01"}, "from = 2026-04-01 is not before"),
        ({"site": ""}, "site = ''"),
        ({"colour": "red"}, "unknown parameter 'colour'"),
    ],
)
async def test_what_is_wrong_is_named(
    asked: Asked, client: httpx.AsyncClient, query: dict[str, str], told: str
) -> None:
    fill(asked)
    assert told in await refused(client, client.build_request("GET", PATH, params={**SHOP, **query}), 400)


async def test_the_longest_period_and_look_back_are_answered(asked: Asked, client: httpx.AsyncClient) -> None:
    fill(asked)
    for period in ({"from": "1970-01-01", "to": "1970-01-02"}, {"from": "1970-01-01", "to": "2100-01-01"}):
        for extra in ({}, {"filter": '{"op": "and", "filters": []}'}):
            found = await get(client, PATH, site="shop", look_back_days="365", **period, **extra)
            assert found["conversions"] == (period["to"] == "2100-01-01")


@pytest.mark.parametrize("text", [one for one in HOSTILE if one != "\ud800"])
async def test_whatever_is_asked_is_a_value_and_nothing_else(
    asked: Asked, client: httpx.AsyncClient, text: str
) -> None:
    fill(asked)
    assert (await get(client, PATH, **SHOP, event=text))["conversions"] == 0
    for name, field, count in (
        ("event_filter", "path", 0),
        ("event_filter", "user.plan", 0),
        ("event_filter", "property.plan", 0),
        ("filter", "campaign", 0),
        ("filter", "user.plan", 0),
    ):
        query: dict[str, Any] = {name: json.dumps({"op": "is", "field": field, "value": text})}
        assert (await get(client, PATH, **SHOP, **query))["conversions"] == count
    named = json.dumps({"op": "is_not", "field": f"property.{text}", "value": "x"})
    answer = await client.get(PATH, params={**SHOP, "event": "$purchase", "event_filter": named})
    assert answer.status_code == (400 if text == "a\x00b" else 200), answer.text
