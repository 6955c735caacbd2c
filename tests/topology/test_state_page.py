"""GET /state/...: from this worker's store, or from another's, or why it cannot be told now."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from faust.types import TP
from yarl import URL

from app.events.state import VisitorState
from app.topology import Topology
from tests.factories import T0
from tests.topology.parts import broker, graph
from web.inspect.visitor_state import FORWARDED, StatePage

__all__ = ["broker", "graph"]

pytestmark = pytest.mark.asyncio

KEY = b"shop:v/1"
STATE = VisitorState(epoch=0, last_offset=7, last_received_at=T0)


class View:
    """What a page answers with."""

    def bytes(self, body: bytes, *, content_type: str, status: int) -> tuple[int, Any]:
        assert content_type == "application/json"
        return status, json.loads(body)


class Asked(msgspec.Struct):
    """A request, as far as the page looks at it."""

    rel_url: URL = URL("/state/shop/v%2F1", encoded=True)
    headers: dict[str, str] = {}


async def changelog(graph: Topology) -> TP:
    """The visitor's partition of the changelog."""
    app: Any = graph.app
    topic = graph.windows.table.changelog_topic.get_topic_name()
    await app.producer._ensure_producer().partitions_for(topic)
    return TP(topic, app.producer.key_partition(topic, KEY).partition)


async def given(graph: Topology, *, to: str) -> TP:
    """Give the visitor's partition to the worker at a URL."""
    app: Any = graph.app
    tp = await changelog(graph)
    app.assignor._tps_url = {tp: to}
    if to == str(app.conf.canonical_url):
        app.assignor._assignment.actives = {tp.topic: [tp.partition]}
    return tp


async def show(graph: Topology, request: Asked | None = None, *, admin_key: str = "") -> tuple[int, Any]:
    page = StatePage(graph.app, graph.windows, admin_key=admin_key)
    status, body = await page.show(View(), request or Asked(), "shop", "v/1")
    return int(status), body


async def test_a_visitor_of_this_worker_is_read_from_its_store(graph: Topology) -> None:
    here = str(graph.app.conf.canonical_url)
    tp = await given(graph, to=here)
    status, body = await show(graph)
    assert status == 404
    assert "no state of visitor 'v/1' of site 'shop'" in body["detail"]
    await graph.windows.store(tp.partition, {KEY: STATE})
    status, body = await show(graph)
    assert (status, body["worker"], body["partition"]) == (200, here, tp.partition)
    assert (body["last_offset"], body["windows"], body["first_touch"]) == (7, [], None)


async def test_before_partitions_are_given_it_is_told(graph: Topology) -> None:
    status, body = await show(graph)
    assert status == 503
    assert "no worker has the visitor's partition" in body["detail"]


def moving(app: Any) -> None:
    app.rebalancing = True


def reading_back(app: Any) -> None:
    app.in_recovery = True


def given_anew(app: Any) -> None:
    """What was read back is of the assignment before, whose end says that nothing moves."""
    app.consumer_generation_id += 1


def about_to_read_back(app: Any) -> None:
    app.tables.recovery.signal_recovery_start.set()


@pytest.mark.parametrize("state", [moving, reading_back, given_anew, about_to_read_back])
async def test_while_partitions_move_it_is_told(graph: Topology, state: Any) -> None:
    await given(graph, to=str(graph.app.conf.canonical_url))
    state(graph.app)
    status, body = await show(graph)
    assert status == 503
    assert "reads its state back from the changelog" in body["detail"]


async def test_a_store_of_a_partition_that_is_not_ours_is_never_opened(graph: Topology) -> None:
    app: Any = graph.app
    tp = await changelog(graph)
    app.assignor._tps_url = {tp: str(app.conf.canonical_url)}
    status, body = await show(graph)
    assert status == 503
    assert "is being given to another worker" in body["detail"]


async def test_another_worker_is_asked_once_and_its_answer_passed_on(graph: Topology) -> None:
    seen: list[tuple[str, str | None]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((request.match_info["visitor"], request.headers.get(FORWARDED)))
        return web.json_response({"detail": "nobody"}, status=404)

    there = web.Application()
    there.router.add_get("/state/{site}/{visitor:.+}", answer)
    async with TestServer(there) as server:
        await given(graph, to=f"http://127.0.0.1:{server.port}")
        assert await show(graph) == (404, {"detail": "nobody"})
        assert seen == [("v/1", "1")]
        status, _ = await show(graph, Asked(headers={FORWARDED: "1"}))
        assert status == 503
        assert len(seen) == 1


async def test_where_a_key_is_set_it_is_needed_and_passed_on(graph: Topology) -> None:
    seen: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.json_response({"detail": "nobody"}, status=404)

    there = web.Application()
    there.router.add_get("/state/{site}/{visitor:.+}", answer)
    async with TestServer(there) as server:
        await given(graph, to=f"http://127.0.0.1:{server.port}")
        status, body = await show(graph, admin_key="0123456789abcdef")
        assert status == 401
        assert "web.admin_key" in body["detail"]
        bearer = {"Authorization": "Bearer 0123456789abcdef"}
        status, _ = await show(graph, Asked(headers=bearer), admin_key="0123456789abcdef")
        assert (status, seen) == (404, [bearer["Authorization"]])


async def test_another_worker_that_is_gone_is_named(graph: Topology) -> None:
    await given(graph, to="http://127.0.0.1:1")
    status, body = await show(graph)
    assert status == 503
    assert "by the worker at http://127.0.0.1:1, which cannot be reached" in body["detail"]
