"""/inspect/ of two workers on a real Kafka: figures of both, and a key followed to the one that owns it."""

from __future__ import annotations

import signal
from typing import Any

import httpx
import pytest

from app.adapters.clock import now_ms
from tests.e2e.deployment import Deployment, visit
from tests.factories import HOUR
from tests.sdk.browser import browser

pytestmark = [pytest.mark.kafka, pytest.mark.asyncio]

VISITORS = [f"v{number}" for number in range(12)]
KEY = "0123456789abcdef"
TABLE = "/inspect/tables/visitors"
JSON = {"Accept": "application/json", "Authorization": f"Bearer {KEY}"}


def get(url: str) -> httpx.Response:
    return httpx.get(url, headers=JSON, timeout=30)


def key_at(worker: str, visitor: str) -> httpx.Response:
    """What a worker says of a visitor."""
    return get(f"{worker}{TABLE}/key?site_id=shop&visitor_id={visitor}")


def table(url: str) -> dict[str, Any]:
    """What a worker says of the table."""
    return dict(get(f"{url}{TABLE}").raise_for_status().json())


def shares(url: str) -> dict[str, list[int]]:
    """The partitions of each worker, once every one is whole and counted; else none."""
    try:
        partitions = table(url)["partitions"]
    except httpx.HTTPError:
        return {}
    if not all(one["status"] == "active" and one["keys_are_exact"] for one in partitions):
        return {}
    workers = {one["worker"] for one in partitions}
    return {worker: [one["partition"] for one in partitions if one["worker"] == worker] for worker in workers}


async def test_a_key_is_followed_to_the_worker_that_owns_it(deployment: Deployment) -> None:
    deployment.set(WEB__ADMIN_KEY=KEY, APP__TABLE_CLEANUP_INTERVAL_S=1)
    first = deployment.start_worker("first")
    deployment.wait_until_topics_exist(first)
    at = now_ms() - HOUR
    await deployment.produce([event for visitor in VISITORS for event in visit(visitor, at=at, pages=3)])
    deployment.wait_until_handled(36, process=first)
    second = deployment.start_worker("second")
    here, there = (deployment.web_url(name) for name in ("first", "second"))
    for url in (here, there):
        deployment.wait_for(
            lambda url=url: set(shares(url)) == {here, there}, what=f"{url} knows both", process=second
        )
    assert shares(here) == shares(there)

    partitions = table(here)["partitions"]
    assert sum(one["keys"] for one in partitions) == len(VISITORS)
    assert {one["lag"] for one in partitions} == {0}
    assert {one["worker"] for one in partitions if one["is_here"]} == {here}

    elsewhere = []
    for visitor in VISITORS:
        asked = key_at(here, visitor)
        said = asked.json()
        if said["worker"] == here:
            assert asked.status_code == 200
            found = said
        else:
            elsewhere.append(visitor)
            assert (asked.status_code, asked.headers["location"]) == (307, said["url"])
            found = get(said["url"]).raise_for_status().json()
        assert (found["worker"], found["partition"]) == (said["worker"], said["partition"])
        assert [step["path"] for step in found["windows"][0]["trail"]] == ["/p0", "/p2"]
    assert 0 < len(elsewhere) < len(VISITORS)

    visitor = elsewhere[0]
    async with browser(http_credentials={"username": "me", "password": KEY}) as tab:
        await tab.goto(f"{here}/inspect/")
        assert await tab.get_by_role("link", name=there).count() == len(shares(here)[there])
        await tab.get_by_role("textbox", name="Site").fill("shop")
        await tab.get_by_role("textbox", name="Visitor").fill(visitor)
        await tab.get_by_role("button", name="Look up").click()
        assert f"The key shop:{visitor} is kept by the worker at {there}" in await tab.inner_text("main")
        await tab.get_by_role("link", name="Open it there").click()
        assert tab.url.startswith(f"{there}{TABLE}/key?")
        assert await tab.locator("h1").inner_text() == visitor
        assert await tab.locator("article").count() == 1

    second.end(signal.SIGKILL)
    assert f"the worker at {there} does not tell" in str(table(here)["silent"])
    deployment.wait_for(lambda: set(shares(here)) == {here}, what="the first has all", process=first)
    assert sum(one["keys"] for one in table(here)["partitions"]) == len(VISITORS)
    assert key_at(here, visitor).json()["worker"] == here
