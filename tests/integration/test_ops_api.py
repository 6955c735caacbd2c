"""GET /api/v1/ops: parts, worker, answers and tables as they are, and what is said to be amiss."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from prometheus_client import generate_latest
from starlette.applications import Starlette

from app.events.vocabulary import RejectReason, Step
from app.metrics import WebMetrics, WorkerMetrics
from tests.answering import Asked, asked, engine, migrated
from tests.asking_api import NOW, fill
from tests.collecting import RecordingProducer
from views.queries import Queries
from web import api
from web.api.endpoints import Context, Operation
from web.problems import exception_handlers
from web.reports.background import ReportService

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio


async def up() -> bool:
    return True


async def away() -> bool:
    return False


def measured(*, lag: int = 3, rejected: int = 1, latency_ms: int = 500) -> WorkerMetrics:
    """A worker that took ten events."""
    metrics = WorkerMetrics()
    metrics.count_block(
        partition=0,
        accepted=9 - rejected,
        duplicates=1,
        rejected={(RejectReason.LATE, Step.TIME): rejected},
        bots={},
        signs=[1],
        latencies_ms=[latency_ms],
        now_s=NOW / 1000,
    )
    metrics.refresh(now_s=NOW / 1000)
    metrics.lag.labels(0).set(lag)
    return metrics


async def told(asked: Asked, operation: Operation, **app: Any) -> dict[str, Any]:
    changed = asked.settings.app.model_copy(update=app)
    queries = Queries(asked.pool, settings=asked.settings.model_copy(update={"app": changed}))
    context = Context(
        queries=queries,
        reports=ReportService(queries, clock=lambda: NOW),
        send=RecordingProducer().send_batch,
        clock=lambda: NOW,
        operation=operation,
    )
    routes = api.routes(context)
    served = Starlette(routes=routes, exception_handlers=exception_handlers())
    transport = httpx.ASGITransport(app=served, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/api/v1/ops")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def worker() -> Iterator[str]:
    """The URL of a worker that shows its metrics."""
    text = generate_latest(measured().registry)

    class Shows(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/metrics" else 404)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Shows))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


async def test_a_worker_of_this_process_is_told_of_with_the_tables(asked: Asked) -> None:
    fill(asked)
    web = WebMetrics()
    for status, times in (("200", 199), ("500", 1)):
        web.requests.labels("GET", "/x", status).inc(times)
    web.request_seconds.labels("/x").observe(0.02)
    found = await told(asked, Operation(parts={"broker": up}, registries=[web.registry, measured().registry]))
    assert found["parts"] == {"broker": "ok"}
    assert (found["web"]["requests"], found["web"]["failed"]) == (200, 1)
    assert 0.01 < found["web"]["latency"]["p95_s"] <= 0.025
    one = found["worker"]
    assert (one["received"], one["accepted"], one["duplicates"], one["rejected"]) == (10, 8, 1, 1)
    assert (one["lag"], one["rejected_by_reason"]) == (3, {"late": 1.0})
    assert one["latency"]["p50_s"] == pytest.approx(0.5, rel=0.06)
    rows = {table["name"]: table["rows"] for table in found["tables"]}
    assert rows["user_behavior_silver"] == asked.store.one("SELECT count() FROM {db}.user_behavior_silver")
    assert all(table["bytes"] > 0 for table in found["tables"])
    assert [alert["what"] for alert in found["alerts"]] == ["1 of 10 events were refused"]


async def test_a_worker_elsewhere_is_asked(asked: Asked, worker: str) -> None:
    found = await told(asked, Operation(), worker_url=worker)
    assert (found["worker"]["received"], found["worker_problem"]) == (10, None)


async def test_a_worker_that_is_away_is_said_to_be(asked: Asked) -> None:
    found = await told(asked, Operation(), worker_url="http://127.0.0.1:9")
    assert found["worker"] is None
    assert "no worker answers at http://127.0.0.1:9" in found["worker_problem"]
    assert [alert["what"] for alert in found["alerts"]] == ["the worker is not reachable"]


async def test_what_answers_and_is_no_worker_is_said_to_be_none(asked: Asked, worker: str) -> None:
    found = await told(asked, Operation(), worker_url=f"{worker}/elsewhere")
    assert found["worker"] is None
    assert "404" in found["worker_problem"]


async def test_whatever_is_amiss_is_told_with_what_to_do(asked: Asked) -> None:
    worker, web = measured(lag=12_000, rejected=0, latency_ms=21_000), WebMetrics()
    worker.repairs.labels("user_behavior_bronze", "unsettled").inc()
    worker.unopened.inc(2)
    web.requests.labels("GET", "/x", "503").inc(5)
    registries = [web.registry, worker.registry]
    found = await told(asked, Operation(parts={"broker": away, "clickhouse": up}, registries=registries))
    assert [(one["severity"], one["what"]) for one in found["alerts"]] == [
        ("critical", "broker does not answer"),
        ("critical", "1 blocks may lack rows"),
        ("warning", "12,000 events wait for the worker"),
        ("warning", "5 of 100 events take over 21 s to be seen"),
        ("warning", "2 addresses were sealed under another key"),
        ("warning", "5 of 5 requests failed"),
    ]
    assert all(one["to_do"] for one in found["alerts"])
