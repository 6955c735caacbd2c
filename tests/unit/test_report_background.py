"""A web process without a store: it goes on looking, says so once, and stops when it is told to."""

from __future__ import annotations

import asyncio

import pytest

from app.adapters.clickhouse import QueryPool
from app.adapters.clock import now_ms
from app.settings import Settings
from views.queries import Queries
from web.reports import background
from web.reports.background import ReportService

pytestmark = pytest.mark.asyncio


class Said:
    """Takes the place of a log."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def warning(self, event: str, **_: object) -> None:
        self.events.append(event)


async def test_a_store_that_is_away_is_waited_for_and_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    said, looks = Said(), asyncio.Semaphore(0)
    monkeypatch.setattr(background, "_LOG", said)
    settings = Settings(clickhouse={"url": "http://127.0.0.1:1"}, reports={"poll_s": 0.001})
    pool = QueryPool(settings.clickhouse)
    service = ReportService(Queries(pool, settings=settings), clock=now_ms)
    look = service.look

    async def counted() -> None:
        looks.release()
        await look()

    monkeypatch.setattr(service, "look", counted)
    running = asyncio.create_task(service.run())
    for _ in range(5):
        await looks.acquire()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await service.close()
    await pool.close()
    assert said.events.count("reports.waiting") == 1
