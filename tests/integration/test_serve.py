"""The web server as it is run: over a socket, with a broker and an engine, and without."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import structlog
from prometheus_client import CollectorRegistry, Counter
from starlette.applications import Starlette

from app import serve
from app.embedded.broker import EmbeddedBroker
from app.embedded.loop_server import bind, serve_in_loop
from app.settings import Settings
from tests.collecting import RecordingProducer, posted
from tests.integration.engines import clickhouse, engine

__all__ = ["clickhouse", "engine"]

pytestmark = pytest.mark.asyncio

#: Nobody listens on port 1.
NOBODY = {"broker": {"url": "kafka://127.0.0.1:1"}, "clickhouse": {"url": "http://127.0.0.1:1"}}


@asynccontextmanager
async def served(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    async with serve_in_loop(app, bind("127.0.0.1", 0)) as url, httpx.AsyncClient(base_url=url) as client:
        yield client


async def test_with_broker_and_engine_it_is_ready_and_takes_events(clickhouse):
    broker = EmbeddedBroker()
    broker.create_topics("web_events")
    settings = Settings(broker={"url": broker.url}, clickhouse=clickhouse)
    async with served(serve.build(settings)) as client:
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["parts"]) == (200, {"clickhouse": "ok", "broker": "ok"})
        answer = await client.post("/api/v1/events", json=[posted()])
        assert (answer.status_code, answer.json()) == (202, {"accepted": 1})
        assert 'wua_collector_events_total{outcome="accepted"} 1.0' in (await client.get("/metrics")).text


async def test_without_either_it_is_up_and_says_what_is_away():
    async with served(serve.build(Settings(**NOBODY))) as client:
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        assert (await client.get("/api/v1/health")).status_code == 200
        ready = await client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["parts"] == {"clickhouse": "unavailable", "broker": "unavailable"}
        assert (await client.post("/api/v1/events", json=[posted()])).status_code == 503


async def test_a_page_leads_to_the_rest_and_needs_nothing_from_elsewhere():
    async with served(serve.build(Settings(**NOBODY))) as client:
        page = await client.get("/")
        assert page.headers["content-type"].startswith("text/html")
        assert "default-src 'self'" in page.headers["content-security-policy"]
        assert "<style" not in page.text
        assert page.text.count("<script") == page.text.count("<script src=") + page.text.count(
            "<script type="
        )
        for link in ("/static/dashboard/style/look.css", "/static/dashboard/pages/overview.js", "/docs"):
            assert f'"{link}"' in page.text
            assert (await client.get(link)).status_code == 200


async def test_what_pages_are_made_of_is_packed_and_asked_about_again():
    async with served(serve.build(Settings(**NOBODY))) as client:
        first = await client.get("/static/vendor/uplot.js", headers={"accept-encoding": "gzip"})
        assert (first.status_code, first.headers["content-encoding"]) == (200, "gzip")
        assert first.headers["cache-control"] == "no-cache"
        again = await client.get("/static/vendor/uplot.js", headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/nothing", "/static/nothing", "/static/../collector.py", "/static/%2e%2e/cors.py"]
)
async def test_what_does_not_exist_is_a_problem(path):
    async with served(serve.build(Settings(**NOBODY))) as client:
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:wua:problem:not_found")


@pytest.mark.parametrize(("path", "status"), [("/api/v1/events", 413), ("/healthz", 405), ("/nothing", 404)])
async def test_a_large_body_is_answered_without_being_read(path, status):
    async with served(serve.build(Settings(**NOBODY))) as client:
        for _ in range(3):
            answer = await client.post(path, content=b"x" * 4_000_000, headers={"content-type": "text/plain"})
            assert answer.status_code == status


async def test_parts_that_are_given_are_used():
    producer = RecordingProducer()
    registry = CollectorRegistry()
    Counter("wua_worker_things", "Things.", registry=registry).inc()
    settings = Settings(**NOBODY)
    now_ms = posted()["sent_at"] + 5
    async with served(
        serve.build(settings, producer=producer, clock=lambda: now_ms, registries=[registry])
    ) as client:
        assert (await client.post("/api/v1/events", json=[posted()])).status_code == 202
        assert "wua_worker_things_total 1.0" in (await client.get("/metrics")).text
    assert [event.received_at for event in producer.events] == [now_ms]


def uvicorns_lines():
    """What it logs of a web socket, of a connection at level "trace", of its start; and a line of ours."""
    for name, level, text in (
        ("uvicorn.error", logging.INFO, '%s - "WebSocket %s" 403'),
        ("uvicorn.error", 5, "203.0.113.9:4711 - HTTP connection made"),
        ("uvicorn.error", logging.INFO, "Application startup complete."),
        ("aiokafka", logging.INFO, "WebSocket"),
    ):
        yield logging.LogRecord(name, level, __file__, 1, text, None, None)


async def test_the_factory_reads_the_settings_and_keeps_uvicorn_from_telling_addresses(monkeypatch, tmp_path):
    file = tmp_path / "faust.yml"
    file.write_text("log: {level: error}")
    monkeypatch.setenv("WUA_CONFIG", str(file))
    root, access = logging.getLogger(), logging.getLogger("uvicorn.access")
    handlers, level = root.handlers[:], root.level
    access.addHandler(logging.NullHandler())
    try:
        app = serve.create()
        assert isinstance(app, Starlette)
        assert not access.hasHandlers()
        (handler,) = root.handlers
        assert [bool(handler.filter(line)) for line in uvicorns_lines()] == [False, False, True, True]
        assert root.level == logging.ERROR
    finally:
        root.handlers[:], access.propagate = handlers, True
        root.setLevel(level)
        structlog.reset_defaults()
