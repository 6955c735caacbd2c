"""The REST API over a store of the test's own: a client, two visits and a bot in it, and how to ask."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest_asyncio
from starlette.applications import Starlette

from tests.answering import Asked, ms
from tests.collecting import RecordingProducer
from tests.sql.store import some_uuid
from views.queries import Queries
from web import api
from web.api.endpoints import Context
from web.problems import exception_handlers
from web.reports.background import ReportService

#: 2026-03-10 13:00 in Berlin.
NOW = ms("2026-03-10T12:00Z")
PERIOD = {"from": "2026-03-01", "to": "2026-04-01"}
SHOP = {"site": "shop", **PERIOD}


@asynccontextmanager
async def serving(queries: Queries, *, producer: Any = None) -> AsyncIterator[httpx.AsyncClient]:
    reports = ReportService(queries, clock=lambda: NOW)
    send = (producer or RecordingProducer()).send_batch
    app = Starlette(
        routes=api.routes(Context(queries=queries, reports=reports, send=send, clock=lambda: NOW)),
        exception_handlers=exception_handlers(),
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as made:
        yield made
    # TRICKY: a client that is left open would keep the module's engine open, and the next could not start.
    await reports.close()
    await queries.close()


@pytest_asyncio.fixture
async def client(asked: Asked) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(asked.queries) as made:
        yield made


def fill(asked: Asked) -> None:
    """Two visits: v1 buys, v2 looks at one page; and a bot."""
    steps = ["/products/bell", "/cart", "/checkout", "/order/thanks"]
    asked.events(
        *({"path": path, "at": NOW + number * 1000, "user_id": "u/1"} for number, path in enumerate(steps)),
        {
            "event_type": "custom_event",
            "name": "$purchase",
            "path": "/order/thanks",
            "at": NOW + 5000,
            "revenue": 19.5,
            "is_conversion": 1,
            "user_id": "u/1",
        },
        {"path": "/cart", "visitor_id": "v2", "at": NOW},
        {
            "path": "/",
            "visitor_id": "bot",
            "at": NOW,
            "is_bot": 1,
            "bot_kind": "ai_crawler",
            "bot_name": "GPTBot",
        },
    )
    asked.sessions(
        {
            "session_id": some_uuid(),
            "at": NOW,
            "duration_ms": 5000,
            "page_views": 4,
            "events": 5,
            "conversions": 1,
            "revenue": 19.5,
            "is_bounce": 0,
            "user_id": "u/1",
            "entry_path": "/products/bell",
            "exit_path": "/order/thanks",
        },
        {
            "session_id": some_uuid(),
            "at": NOW,
            "visitor_id": "v2",
            "entry_path": "/cart",
            "exit_path": "/cart",
        },
        {"session_id": some_uuid(), "at": NOW, "visitor_id": "bot", "is_bot": 1},
    )


async def get(client: httpx.AsyncClient, path: str, **query: str) -> dict[str, Any]:
    answer = await client.get(path, params=query or None)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), answer.text
    return dict(answer.json())


async def post(client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), answer.text
    return dict(answer.json())


async def refused(client: httpx.AsyncClient, request: httpx.Request, status: int) -> str:
    """The problem's detail."""
    answer = await client.send(request)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["detail"])
