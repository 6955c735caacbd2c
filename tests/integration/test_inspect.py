"""/inspect/ of a real worker in a real browser: a visitor looked up, a partition paged through, the graph."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio

from app.adapters.clock import now_ms
from app.adapters.enricher import Enricher
from app.embedded.stack import EmbeddedStack
from app.settings import Settings
from tests.factories import HOUR, MINUTE, wire
from tests.integration.test_embedded_stack import fed
from tests.kafka.jvm import free_ports
from tests.sdk.browser import browser

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = "0123456789abcdef"
IP = "198.51.100.77"
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1440, "height": 900}
CROWD = 120
BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36"


def visits() -> list[tuple[bytes | None, bytes]]:
    """Ada twice, a crawler, and a crowd; all in the last hours, so that nobody is forgotten yet."""
    now = now_ms()
    crawler = {"user_agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}
    google = {"referrer": "https://www.google.com/", "properties": {"position": 1}}
    events = [
        ("ada", 5 * HOUR, "/pricing?utm_source=mail&utm_campaign=spring", {"user_id": "user-7"}),
        *(("ada", 5 * HOUR - step * MINUTE, f"/docs/{step}", {}) for step in (1, 2, 3)),
        ("ada", 10 * MINUTE, "/", google),
        ("crawler", 20 * MINUTE, "/robots", crawler),
        *((f"guest-{number:03}", 30 * MINUTE, f"/offer/{number % 7}", {}) for number in range(CROWD)),
    ]
    return [
        (
            f"shop:{visitor}".encode(),
            msgspec.json.encode(
                wire(
                    event_id=str(uuid.uuid4()),
                    visitor_id=visitor,
                    at=now - ago,
                    url=f"https://shop.example{path}",
                    origin="replay",
                    **{"ip": IP, "user_agent": BROWSER, **fields},
                )
            ),
        )
        for visitor, ago, path, fields in events
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The web server of a worker that has folded the visits and asks for a key; its URL."""
    (port,) = free_ports(1)
    settings = Settings(app={"web_port": port, "table_cleanup_interval_s": 0.5}, web={"admin_key": KEY})
    directory = tmp_path_factory.mktemp("stack")
    async with EmbeddedStack(settings, data_dir=directory, enrich=Enricher(), faust_web=True) as stack:
        await fed(stack, *visits())
        url = f"http://127.0.0.1:{port}"
        while not await counted(url):
            await asyncio.sleep(0.1)
        yield url


async def counted(url: str) -> bool:
    """Whether the worker has looked at every partition once: from then on it counts exactly."""
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {KEY}"}) as client:
        table = (await client.get(f"{url}/inspect/tables/visitors.json")).json()
        return all(one["keys_are_exact"] for one in table["partitions"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(worker: str) -> AsyncIterator[httpx.AsyncClient]:
    """A program with the key."""
    bearer = {"Authorization": f"Bearer {KEY}", "Accept": "application/json"}
    async with httpx.AsyncClient(base_url=worker, headers=bearer, timeout=30) as client:
        yield client


def browsing(worker: str, **context: Any) -> AbstractAsyncContextManager[Any]:
    """A tab of a browser whose person has given the key."""
    given = {"http_credentials": {"username": "anyone", "password": KEY}, "viewport": DESK}
    return browser(**{"base_url": worker, **given, **context})


async def partition_of(client: httpx.AsyncClient, visitor: str) -> int:
    answer = await client.get(
        "/inspect/tables/visitors/key", params={"site_id": "shop", "visitor_id": visitor}
    )
    return int(answer.json()["partition"])


async def test_a_person_looks_a_visitor_up_and_reads_the_windows(worker: str) -> None:
    async with browsing(worker, java_script_enabled=False) as tab:
        await tab.goto("/inspect")
        assert tab.url == f"{worker}/inspect/"
        await tab.get_by_role("textbox", name="Site").fill("shop")
        await tab.get_by_role("textbox", name="Visitor").fill("ada")
        await tab.get_by_role("button", name="Look up").click()
        assert await tab.locator("h1").inner_text() == "ada"
        assert await tab.locator("h2").first.inner_text() == "2 open windows"
        earlier, later = await tab.locator("article").all()
        trail = await earlier.get_by_role("listitem").all_inner_texts()
        assert trail == ["shop.example/pricing", "2 more page views", "/docs/3"]
        assert "4 h ago" in await earlier.inner_text()
        assert "user-7" in await earlier.inner_text()
        assert "spring" in await earlier.inner_text()
        assert await later.locator(".flag").all_inner_texts() == ["bounce so far"]
        assert "google" in await later.inner_text()
        assert "10 min ago" in await later.inner_text()


async def test_a_partition_is_paged_through_to_its_end_and_back(
    worker: str, client: httpx.AsyncClient
) -> None:
    partition = await partition_of(client, "ada")
    overview = (await client.get("/inspect/")).json()
    count = overview["tables"][0]["partitions"][partition]["keys"]
    seen: list[list[str]] = []
    async with browsing(worker) as tab:
        await tab.goto(f"/inspect/tables/visitors/partitions/{partition}?limit=10")
        while True:
            seen.append(await tab.locator("tbody th").all_inner_texts())
            if not await tab.get_by_role("link", name="Next").count():
                break
            await tab.get_by_role("link", name="Next").click()
        keys = [key for page in seen for key in page]
        assert keys == sorted(set(keys))
        assert len(keys) == count > 20
        assert "ada" in keys
        for page in reversed(seen[:-1]):
            await tab.get_by_role("link", name="Previous").click()
            assert await tab.locator("tbody th").all_inner_texts() == page
        assert not await tab.get_by_role("link", name="Previous").count()
        await tab.get_by_role("textbox", name="Begin at key").fill("shop:guest-1")
        await tab.get_by_role("button", name="Show").click()
        assert (await tab.locator("tbody th").all_inner_texts())[0] == min(
            key for key in keys if key >= "guest-1"
        )


async def test_the_graph_is_drawn_and_leads_to_the_table(worker: str) -> None:
    async with browsing(worker) as tab:
        await tab.goto("/inspect/")
        await tab.get_by_role("link", name="Topology").click()
        labels = await tab.locator("svg .label").all_text_contents()
        assert {"web_events", "ingest", "visitors", "events_in", "web_sessions"} <= set(labels)
        boxes = [await box.bounding_box() for box in await tab.locator("svg rect").all()]
        texts = [await text.bounding_box() for text in await tab.locator("svg .label").all()]
        assert all(
            box["x"] < text["x"] and text["x"] + text["width"] < box["x"] + box["width"]
            for box, text in zip(boxes, texts, strict=True)
        )
        await tab.get_by_role("link", name="table, RocksDB visitors").click()
        assert await tab.locator("h1").inner_text() == "visitors"
        assert await tab.locator("tbody tr").count() == 4


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
async def test_every_page_can_be_used_by_all_on_any_screen(
    worker: str, client: httpx.AsyncClient, viewport: dict[str, int], scheme: str
) -> None:
    from axe_playwright_python.async_playwright import Axe

    partition = await partition_of(client, "ada")
    pages = (
        "/inspect/",
        "/inspect/topology",
        "/inspect/tables/visitors",
        f"/inspect/tables/visitors/partitions/{partition}",
        "/inspect/tables/visitors/key?key=shop:ada",
        "/inspect/tables/visitors/key?key=shop:crawler",
    )
    async with browsing(worker, viewport=viewport, color_scheme=scheme) as tab:
        for page in pages:
            await tab.goto(page)
            found = (await Axe().run(tab)).response["violations"]
            assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
            assert await tab.evaluate("document.documentElement.scrollWidth") <= viewport["width"], page
        ground = await tab.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == {"light": "rgb(251, 251, 250)", "dark": "rgb(21, 23, 26)"}[scheme]


async def test_figures_of_partitions_add_up(client: httpx.AsyncClient) -> None:
    (table,) = (await client.get("/inspect/index.json")).json()["tables"]
    partitions = table["partitions"]
    assert [one["partition"] for one in partitions] == [0, 1, 2, 3]
    assert {one["status"] for one in partitions} == {"active"}
    assert {one["worker"] for one in partitions} == {table["worker"]}
    assert sum(one["keys"] for one in partitions) == CROWD + 2
    for one in partitions:
        assert one["lag"] == one["changelog_end"] - 1 - one["stored_offset"] == 0
        assert one["size_bytes"] > 0


async def test_a_bot_is_flagged_with_its_reasons(client: httpx.AsyncClient) -> None:
    shown = (await client.get("/inspect/tables/visitors/key.json?key=shop:crawler")).json()
    (window,) = shown["windows"]
    assert "bot" in window["flags"]
    assert "search_crawler" in window["bot_reasons"]


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
async def test_no_page_shows_a_network_address(client: httpx.AsyncClient, accept: str) -> None:
    """The events had one."""
    partition = await partition_of(client, "ada")
    for path in (
        "/inspect/",
        "/inspect/tables/visitors",
        f"/inspect/tables/visitors/partitions/{partition}",
        "/inspect/tables/visitors/key?key=shop:ada",
    ):
        answer = await client.get(path, headers={"Accept": accept})
        assert answer.status_code == 200
        assert "shop" in answer.text or "visitors" in answer.text
        assert IP not in answer.text
        assert IP.rpartition(".")[0] not in answer.text


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/inspect/tables/nothing", 404, "the app has no table 'nothing'; it has visitors"),
        ("/inspect/tables/visitors/partitions/4", 404, "it has 0 to 3"),
        ("/inspect/tables/visitors/partitions/one", 404, "it has 0 to 3"),
        ("/inspect/tables/visitors/key?site_id=shop&visitor_id=nobody", 404, "no state of visitor 'nobody'"),
        ("/inspect/tables/visitors/key?key=%00owner", 404, "no state of visitor"),
        ("/inspect/tables/visitors/key?site_id=shop", 400, "`site_id` and `visitor_id`"),
        ("/inspect/tables/visitors/partitions/0?limit=0", 400, "from 1 to 500"),
        ("/inspect/else/where", 404, "there is no page '/inspect/else/where'"),
    ],
)
async def test_what_is_not_there_is_told_with_what_is(
    client: httpx.AsyncClient, path: str, status: int, told: str
) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    assert told in answer.json()["detail"]
    for link in answer.json()["there"]:
        assert (await client.get(link["path"])).status_code == 200
    page = await client.get(path, headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    if status == 404:
        assert "What is there" in page.text


@pytest.mark.parametrize("path", ["/inspect", "/inspect/", "/inspect/topology.json", "/inspect/no/page"])
async def test_without_the_key_nothing_is_shown(worker: str, path: str) -> None:
    async with httpx.AsyncClient(base_url=worker) as stranger:
        for sent in ({}, {"Authorization": "Bearer wrong"}):
            answer = await stranger.get(path, headers={"Accept": "text/html", **sent})
            assert answer.status_code == 401
            assert "web.admin_key" in answer.text
            assert "visitors" not in answer.text
            scheme = "Bearer" if path.endswith(".json") else "Basic"
            assert answer.headers["www-authenticate"].startswith(scheme)
        # Faust's own pages of tables would show the same without asking.
        assert (await stranger.get("/table/visitors/")).status_code == 404


async def test_pages_can_only_be_read(client: httpx.AsyncClient) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert (await client.request(method, "/inspect/tables/visitors")).status_code == 405
    page = await client.get("/inspect/", headers={"Accept": "text/html"})
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
    assert page.headers["cache-control"] == "no-store"
    assert "<script" not in page.text
    assert "style=" not in page.text
