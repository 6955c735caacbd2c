"""/inspect/ where partitions are another worker's, nobody's, or on their way."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from app.embedded.broker import PARTITIONS
from app.events.state import VisitorState
from app.topology import Topology
from tests.factories import T0
from tests.topology.parts import broker, graph
from web.inspect.visitor_state import FORWARDED

__all__ = ["broker", "graph"]

pytestmark = pytest.mark.asyncio

TABLE = "/inspect/tables/visitors"
KEY = "shop:v/1"
STATE = VisitorState(epoch=0, last_offset=7, last_received_at=T0)


@pytest_asyncio.fixture
async def client(graph: Topology) -> AsyncIterator[httpx.AsyncClient]:
    """A person's browser before the worker's own web server."""
    app: Any = graph.app
    async with (
        TestServer(app.web.web_app) as server,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{server.port}", headers={"Accept": "text/html"}
        ) as client,
    ):
        yield client


def share(graph: Topology, shares: dict[str, list[int]]) -> str:
    """Give partitions to the workers at these URLs; that of this one."""
    app: Any = graph.app
    here, topic = str(app.conf.canonical_url), graph.windows.table.changelog_topic.get_topic_name()
    app.assignor.changelog_distribution = {url: {topic: numbers} for url, numbers in shares.items()}
    app.assignor._assignment.actives = {topic: shares.get(here, [])}
    return here


def here(graph: Topology) -> str:
    return str(graph.app.conf.canonical_url)


async def partition_of(graph: Topology) -> int:
    app: Any = graph.app
    topic = graph.windows.table.changelog_topic.get_topic_name()
    await app.producer._ensure_producer().partitions_for(topic)
    return int(app.producer.key_partition(topic, KEY.encode()).partition)


async def told(client: httpx.AsyncClient, path: str) -> tuple[int, Any]:
    answer = await client.get(path, headers={"Accept": "application/json"})
    return answer.status_code, answer.json()


async def test_the_worker_shows_every_table_of_the_app(graph: Topology, client: httpx.AsyncClient) -> None:
    _, overview = await told(client, "/inspect/")
    assert [table["table"] for table in overview["tables"]] == list(graph.app.tables)
    assert [one["status"] for one in overview["tables"][0]["partitions"]] == ["unassigned"] * PARTITIONS
    page = await client.get("/inspect/")
    assert (page.status_code, page.text.count("unassigned</span>")) == (200, PARTITIONS)


async def test_what_another_worker_has_is_asked_of_it(graph: Topology, client: httpx.AsyncClient) -> None:
    asked: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.headers.get(FORWARDED))
        partition = {"partition": 1, "status": "active", "worker": str(request.url.origin()), "is_here": True}
        table = {"table": "visitors", "about": "", "changelog": "c", "worker": "w"}
        return web.json_response({**table, "partitions": [{**partition, "keys": 42, "size_bytes": 7}]})

    there = web.Application()
    there.router.add_get("/inspect/tables/visitors.json", answer)
    async with TestServer(there) as server:
        url = f"http://127.0.0.1:{server.port}"
        share(graph, {here(graph): [0, 2, 3], url: [1]})
        _, table = await told(client, TABLE)
        assert (table["partitions"][1]["keys"], table["silent"], asked) == (42, [], ["1"])
        assert [one["is_here"] for one in table["partitions"]] == [True, False, True, True]
        answered = await client.get(f"{TABLE}.json", headers={FORWARDED: "1"})
        assert answered.json()["partitions"][1]["status"] == "unknown"
        assert asked == ["1"]


@pytest.mark.parametrize(("status", "body"), [(401, "{}"), (200, "{}"), (200, "<html>")])
async def test_a_worker_that_does_not_tell_is_named(
    graph: Topology, client: httpx.AsyncClient, status: int, body: str
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=body, status=status)

    there = web.Application()
    there.router.add_get("/inspect/tables/visitors.json", answer)
    async with TestServer(there) as server:
        url = f"http://127.0.0.1:{server.port}"
        share(graph, {here(graph): [0, 2, 3], url: [1]})
        _, table = await told(client, TABLE)
        assert table["partitions"][1]["status"] == "unknown"
        assert f"the worker at {url}" in table["silent"][0]
        assert f"The worker at {url}" in (await client.get(TABLE)).text


async def test_a_key_of_another_worker_is_followed(graph: Topology, client: httpx.AsyncClient) -> None:
    """A person is shown where it is, a program is sent there."""
    share(graph, {"http://there:1": list(range(PARTITIONS))})
    path = f"{TABLE}/key?site_id=shop&visitor_id=v%2F1"
    status, said = await told(client, path)
    assert (status, said["url"]) == (307, f"http://there:1{path}")
    answer = await client.get(path, headers={"Accept": "application/json"})
    assert answer.headers["location"] == said["url"]
    page = await client.get(path)
    assert page.status_code == 200
    assert f'href="http://there:1{path.replace("&", "&amp;")}"' in page.text
    assert "kept by the worker at http://there:1" in page.text


async def test_a_partition_of_another_worker_is_followed(graph: Topology, client: httpx.AsyncClient) -> None:
    share(graph, {"http://there:1": [2]})
    answer = await client.get(f"{TABLE}/partitions/2.json?limit=5")
    assert (answer.status_code, answer.headers["location"]) == (
        307,
        f"http://there:1{TABLE}/partitions/2.json?limit=5",
    )
    status, said = await told(client, f"{TABLE}/partitions/0")
    assert status == 503
    assert "no worker has partition 0" in said["detail"]


async def test_a_key_of_this_worker_is_read_from_its_store(
    graph: Topology, client: httpx.AsyncClient
) -> None:
    share(graph, {here(graph): list(range(PARTITIONS))})
    number = await partition_of(graph)
    await graph.windows.store(number, {KEY.encode(): STATE})
    _, said = await told(client, f"{TABLE}/key?key={KEY}")
    assert (said["visitor_id"], said["last_offset"], said["windows"]) == ("v/1", 7, [])
    assert "No window is open" in (await client.get(f"{TABLE}/key?key={KEY}")).text
    _, said = await told(client, f"{TABLE}/partitions/{number}")
    assert [one["key"] for one in said["keys"]] == [KEY]
    _, said = await told(client, f"{TABLE}.json")
    (shown,) = [one for one in said["partitions"] if one["keys"]]
    # No consumer runs that could say where the changelog ends.
    assert (shown["stored_offset"], shown["changelog_end"], shown["lag"]) == (0, None, None)


@pytest.mark.parametrize("path", [f"{TABLE}/key?key={KEY}", f"{TABLE}/partitions/0"])
async def test_while_partitions_move_it_is_told(
    graph: Topology, client: httpx.AsyncClient, path: str
) -> None:
    share(graph, {here(graph): list(range(PARTITIONS))})
    graph.app.rebalancing = True
    answer = await client.get(path)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "reads its state back from the changelog" in answer.text
    _, overview = await told(client, "/inspect/")
    assert not overview["is_settled"]
    assert {one["status"] for one in overview["tables"][0]["partitions"]} == {"recovering"}
    assert "being handed over" in (await client.get("/inspect/")).text


@pytest.mark.parametrize("path", [f"{TABLE}/key?key={KEY}", f"{TABLE}/partitions/0"])
async def test_a_store_of_a_partition_that_is_not_ours_is_never_opened(
    graph: Topology, client: httpx.AsyncClient, path: str
) -> None:
    share(graph, {here(graph): list(range(PARTITIONS))})
    app: Any = graph.app
    app.assignor._assignment.actives = {}
    answer = await client.get(path)
    assert answer.status_code == 503
    assert "is being given to another worker" in answer.text
    await client.get("/inspect/")
    store: Any = graph.windows.table.data
    assert store._dbs == {}


async def test_keys_are_paged_in_order_and_what_is_reserved_is_no_key(
    graph: Topology, client: httpx.AsyncClient
) -> None:
    share(graph, {here(graph): list(range(PARTITIONS))})
    await graph.windows.take(0)
    await graph.windows.store(0, {f"{site}:{n}".encode(): STATE for site in "az" for n in range(3)})
    path = f"{TABLE}/partitions/0?limit=2"

    async def at(beside: str) -> tuple[list[str], str | None, str | None]:
        _, said = await told(client, f"{path}{beside}")
        return [one["key"] for one in said["keys"]], said["before"], said["after"]

    assert await at("") == (["a:0", "a:1"], None, "a:1")
    assert await at("&after=a:1") == (["a:2", "z:0"], "a:2", "z:0")
    assert await at("&after=z:0") == (["z:1", "z:2"], "z:1", None)
    assert await at("&before=z:1") == (["a:2", "z:0"], "a:2", "z:0")
    assert await at("&before=a:2") == (["a:0", "a:1"], None, "a:1")
    assert await at("&from=b") == (["z:0", "z:1"], "z:0", "z:1")
    assert await at("&after=z:9") == ([], None, None)
    assert await at("&before=a:0") == ([], None, None)
    assert "No key from here on" in (await client.get(f"{path}&from=zz")).text


async def test_what_is_kept_is_shown_as_text_and_never_as_markup(
    graph: Topology, client: httpx.AsyncClient
) -> None:
    share(graph, {here(graph): list(range(PARTITIONS))})
    wicked = "<script>alert(1)</script>&limit=1"
    await graph.windows.store(0, {f"shop:{wicked}".encode(): STATE})
    page = await client.get(f"{TABLE}/partitions/0")
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text
    assert "key=shop%3A%3Cscript%3Ealert%281%29%3C/script%3E%26limit%3D1" in page.text
    missing = await client.get(f"{TABLE}/key", params={"key": f"shop:{wicked}0"})
    assert "<script>" not in missing.text
    assert json.loads((await client.get("/inspect/topology.json")).text)["nodes"]
