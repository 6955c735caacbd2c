"""Experiments over HTTP: seen, judged and planned; and what is refused."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from app.core.experiments.planning import Plan, least_change_of_means, users_for_rates
from tests.answering import Asked, asked, engine, migrated
from tests.asking_api import NOW, SHOP, client, get, post, refused
from tests.integration.test_stats_api import HOSTILE

__all__ = ["asked", "client", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

LIST = "/api/v1/experiments"
RESULTS = f"{LIST}/results"
ONE = f"{LIST}/buy%20button/results"
PLAN = f"{LIST}/plan"
RATE = {"kind": "rate", "baseline": 0.1}


def fill(asked: Asked, *, name: str = "buy button", variants: tuple[str, str] = ("control", "green")) -> None:
    """Three of each variant; of those who saw the second, two buy."""
    rows: list[dict[str, Any]] = []
    for number in range(6):
        who = {"visitor_id": f"v{number}", "event_type": "custom_event", "at": NOW}
        properties = json.dumps({"experiment": name, "variant": variants[number % 2]})
        rows.append({**who, "name": "$exposure", "properties": properties})
        if number in (1, 3):
            rows.append({**who, "name": "$purchase", "is_conversion": 1, "revenue": 20, "at": NOW + 1})
    asked.events(*rows)


async def test_both_ways_of_asking_give_the_same_answer(asked: Asked, client: httpx.AsyncClient) -> None:
    fill(asked)
    posted = await post(
        client,
        RESULTS,
        **SHOP,
        experiment="buy button",
        metric={"kind": "ratio", "of": "revenue", "per": "events", "goal": {"event": "$purchase"}},
        control="green",
        weights={"control": 1, "green": 2},
        wanted="less",
        design="fixed",
        alpha=0.1,
        planned_users=500,
        least_users=2,
        cuped_days=3,
    )
    got = await get(
        client,
        ONE,
        **SHOP,
        metric="ratio",
        of="revenue",
        per="events",
        event="$purchase",
        control="green",
        weights='{"control": 1, "green": 2}',
        wanted="less",
        design="fixed",
        alpha="0.1",
        planned_users="500",
        least_users="2",
        cuped_days="3",
    )
    assert got == posted
    assert (got["experiment"], got["control"], got["design"]) == ("buy button", "green", "fixed")
    assert got["observed"]["green"]["numerator"] == 40
    assert [one["value"] for one in got["evaluation"]["variants"]] == [8, 0]


async def test_a_rate_is_asked_for_by_default(asked: Asked, client: httpx.AsyncClient) -> None:
    fill(asked)
    found = await get(client, ONE, **SHOP)
    assert found["metric"] == {"kind": "conversion", "goal": {"event": None, "filter": None}}
    assert found["observed"]["green"] == {"type": "Conversions", "users": 3, "converted": 2}
    assert found["evaluation"]["winner"] is None
    listed = await get(client, LIST, **SHOP)
    assert [(one["experiment"], one["visitors"]) for one in listed["experiments"]] == [("buy button", 6)]
    assert listed["experiments"][0]["first_exposed_at"] == "2026-03-10T12:00:00Z"


async def test_an_experiment_that_nobody_saw_is_not_there(asked: Asked, client: httpx.AsyncClient) -> None:
    told = await refused(client, client.build_request("GET", ONE, params=SHOP), 404)
    assert "nobody was exposed to experiment 'buy button'" in told


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"experiment": None}, "Expected `str`"),
        ({"experiment": ""}, "length >= 1"),
        ({"metric": {"kind": "median"}}, "Invalid value 'median'"),
        ({"metric": {"kind": "mean", "of": "fame"}}, "Invalid enum value 'fame'"),
        ({"metric": {"kind": "mean", "goal": {"event": 5}}}, "Expected `str | null`"),
        ({"weights": {"control": 0, "green": 1}}, "Expected `float` >= 0.0001"),
        ({"weights": {"control": 1e999}}, "the body is not as expected"),
        ({"weights": {f"v{number}": 1 for number in range(21)}}, "Expected `object` of length <= 20"),
        ({"weights": {"control": 1}}, "has 1 variants"),
        ({"control": "blue"}, "control = 'blue': expected one of the variants 'control', 'green'"),
        ({"alpha": 0}, "Expected `float` >= 0.0001"),
        ({"alpha": 1}, "Expected `float` <= 0.5"),
        ({"planned_users": 0}, "Expected `int` >= 2"),
        ({"cuped_days": -1}, "Expected `int` >= 0"),
        ({"design": "bold"}, "Invalid enum value 'bold'"),
        ({"colour": "red"}, "unknown field `colour`"),
        ({"site": "a/b"}, "site = 'a/b'"),
        ({"from": "2026-04-01"}, "is not before"),
    ],
)
async def test_what_is_wrong_is_named(
    asked: Asked, client: httpx.AsyncClient, body: dict[str, Any], told: str
) -> None:
    fill(asked)
    content = json.dumps({**SHOP, "experiment": "buy button", **body})
    assert told in await refused(client, client.build_request("POST", RESULTS, content=content), 400)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"metric": "median"}, "Invalid value 'median'"),
        ({"of": "revenue"}, "unknown field `of`"),
        ({"metric": "mean", "per": "sessions"}, "unknown field `per`"),
        ({"weights": "control"}, "weights = 'control': expected JSON"),
        ({"weights": "[1]"}, "Expected `object`"),
        ({"alpha": '"x"'}, "Expected `float`"),
        ({"cuped_days": "91"}, "Expected `int` <= 90"),
        ({"event_filter": "{"}, "event_filter = '{'"),
        ({"colour": "red"}, "unknown parameter 'colour'"),
    ],
)
async def test_what_is_wrong_in_a_parameter_is_named(
    asked: Asked, client: httpx.AsyncClient, query: dict[str, str], told: str
) -> None:
    fill(asked)
    assert told in await refused(client, client.build_request("GET", ONE, params={**SHOP, **query}), 400)


@pytest.mark.parametrize("text", HOSTILE)
async def test_whatever_is_asked_is_a_value_and_nothing_else(
    asked: Asked, client: httpx.AsyncClient, text: str
) -> None:
    if text == "\ud800":
        body = json.dumps({**SHOP, "experiment": text})
        await refused(client, client.build_request("POST", RESULTS, content=body), 400)
        return
    fill(asked, name=text, variants=(text, "green"))
    listed = await get(client, LIST, **SHOP)
    assert [one["experiment"] for one in listed["experiments"]] == [text]
    goal = {"filter": {"op": "is", "field": "property.plan", "value": text}}
    question = {**SHOP, "experiment": text, "control": text, "weights": {text: 1, "green": 1}}
    found = await post(client, RESULTS, **question)
    assert found["observed"]["green"]["converted"] == 2
    none = await post(client, RESULTS, **question, metric={"kind": "conversion", "goal": goal})
    assert none["observed"]["green"]["converted"] == 0
    named = await post(client, RESULTS, **question, metric={"kind": "mean", "goal": {"event": text}})
    assert named["observed"]["green"]["total"] == 0


async def test_a_plan_says_how_many_users_it_takes(client: httpx.AsyncClient) -> None:
    terms = {"power": 0.9, "alpha": 0.01, "treatments": 2}
    found = await post(client, PLAN, metric=RATE, change=0.02, **terms)
    users = users_for_rates(0.1, change=0.02, plan=Plan(alpha=0.01, power=0.9, comparisons=2))
    assert found == {"users_per_variant": users, "users_in_all": 3 * users, "least_change": None}
    found = await post(client, PLAN, metric={"kind": "mean", "variance": 400}, change=-2, users=5000)
    assert found["least_change"] == least_change_of_means(400, users=5000, plan=Plan())
    assert found["users_in_all"] == 2 * found["users_per_variant"]
    assert (await post(client, PLAN, metric=RATE, users=2))["least_change"] is None


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"metric": RATE}, "neither `change` nor `users` is given"),
        ({"metric": RATE, "change": 0}, "two different rates"),
        ({"metric": RATE, "change": 0.95}, "two different rates"),
        ({"metric": {"kind": "mean", "variance": 4}, "change": 0}, "the change is 0"),
        ({"metric": {"kind": "mean", "variance": 1e24}, "change": 1e-300}, "too small to be seen"),
        ({"metric": RATE, "change": 1e-300}, "too small to be seen"),
        ({"metric": RATE, "users": 0}, "Expected `int` >= 1"),
        ({"metric": RATE, "users": 9, "alpha": 0.3, "power": 0.2}, "0 < alpha < power < 1"),
        ({"metric": {"kind": "rate", "baseline": 2}, "users": 9}, "Expected `float` <= 1.0"),
        ({"metric": {"kind": "mean", "variance": 4}, "change": 1e999}, "not as expected"),
        ({"metric": {}, "users": 9}, "missing required field `kind`"),
    ],
)
async def test_what_is_no_plan_is_named(client: httpx.AsyncClient, body: dict[str, Any], told: str) -> None:
    assert told in await refused(client, client.build_request("POST", PLAN, content=json.dumps(body)), 400)
