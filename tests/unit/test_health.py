"""Alive, ready, and measured."""

import asyncio

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter
from starlette.applications import Starlette

from web import health

pytestmark = pytest.mark.asyncio


async def yes():
    return True


async def no():
    return False


async def never():
    await asyncio.Event().wait()


def client(*, registries=(), **parts):
    app = Starlette(routes=health.routes(parts, registries=registries))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test")


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/health"])
async def test_alive_whatever_is_away(path):
    answer = await client(clickhouse=no, broker=no).get(path)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("clickhouse", "broker", "status", "parts"),
    [
        (yes, yes, 200, {"clickhouse": "ok", "broker": "ok"}),
        (no, yes, 503, {"clickhouse": "unavailable", "broker": "ok"}),
        (yes, no, 503, {"clickhouse": "ok", "broker": "unavailable"}),
        (never, yes, 503, {"clickhouse": "unavailable", "broker": "ok"}),
    ],
)
async def test_ready_when_every_part_answers(monkeypatch, clickhouse, broker, status, parts):
    monkeypatch.setattr(health, "CHECK_TIMEOUT_S", 0.01)
    answer = await client(clickhouse=clickhouse, broker=broker).get("/readyz")
    assert (answer.status_code, answer.json()["parts"]) == (status, parts)
    assert answer.headers["cache-control"] == "no-store"


async def test_metrics_of_every_registry_are_shown():
    registries = [CollectorRegistry(), CollectorRegistry()]
    for number, registry in enumerate(registries):
        Counter(f"things_{number}", "Things.", registry=registry).inc(number + 1)
    answer = await client(registries=registries).get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "things_0_total 1.0\n" in answer.text
    assert "things_1_total 2.0\n" in answer.text
