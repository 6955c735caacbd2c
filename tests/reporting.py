"""Processes that make reports, over one store and a clock that tests advance."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest_asyncio

from app.adapters.clock import now_ms
from app.report_settings import ReportSettings
from tests.answering import Asked, ms, scope
from views.queries import Queries
from views.reading import Row
from web.reports.background import ReportService
from web.reports.model import Format, Job, JobState, Template

NOW = ms("2026-03-10T12:00Z")
DAY_MS = 86_400_000

_processes: list[ReportService] = []


@pytest_asyncio.fixture(autouse=True)
async def emptied(asked: Asked) -> AsyncIterator[None]:
    """No report and no schedule is there: they are rows that no event became."""
    for table in ("report_jobs", "report_files", "report_schedules"):
        asked.store.run(f"TRUNCATE TABLE {{db}}.{table}")
    yield
    # TRICKY: a client that is left open would keep the module's engine open, and the next could not start.
    while _processes:
        await _processes.pop().close()


class Clock:
    """A clock that stands still, at noon of today: rows of long ago would be removed by their age.

    At noon, so that no hour at which the tests run has a schedule fall due between two looks.
    """

    def __init__(self) -> None:
        self.now = now_ms() // DAY_MS * DAY_MS + DAY_MS // 2

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += round(seconds * 1000)


class Held(Queries):
    """Queries that answer the overview when they are let."""

    def __init__(self, queries: Queries) -> None:
        super().__init__(queries.reader.pool, settings=queries.settings)
        self.asked, self.let = asyncio.Event(), asyncio.Event()

    async def overview(self, scope: Any) -> Any:
        self.asked.set()
        await self.let.wait()
        return await super().overview(scope)


def settings_with(asked: Asked, **reports: Any) -> Queries:
    """The questions, with these settings of reports."""
    settings = asked.settings.model_copy(update={"reports": ReportSettings(**reports)})
    return Queries(asked.pool, settings=settings)


def process(queries: Queries, clock: Clock, *, tick_s: float = 0.01) -> ReportService:
    """A process of its own; it looks when it is told to."""
    made = ReportService(queries, clock=clock, tick_s=tick_s, first_pause_s=0.01)
    _processes.append(made)
    return made


async def submitted(service: ReportService, template: str = "overview", format_: str = "json") -> Job:
    return await service.submit(scope(), template=Template(template), format=Format(format_))


async def state(service: ReportService, job: Job) -> Job:
    found = await service.jobs.get(job.job_id)
    assert found is not None
    return found


async def worked(service: ReportService) -> None:
    """One look, and the end of all that it began."""
    await service.look()
    await service.idle()


async def made(service: ReportService, template: str, format_: str) -> bytes:
    """The file of a new report."""
    job = await submitted(service, template, format_)
    await worked(service)
    found = await state(service, job)
    assert (found.state, found.problem) == (JobState.DONE, "")
    data = await service.jobs.file(found)
    assert data is not None
    assert found.bytes == len(data)
    return data


def fill(asked: Asked, *paths: str) -> None:
    """A visit that buys, one that looks at one page; then a view of each of ``paths``."""
    steps = ["/products/bell", "/cart", "/checkout", "/order/thanks"]
    asked.events(
        *({"path": path, "at": NOW + number * 1000} for number, path in enumerate(steps)),
        {
            "event_type": "custom_event",
            "name": "$purchase",
            "path": "/order/thanks",
            "at": NOW + 5000,
            "revenue": 19.5,
            "is_conversion": 1,
        },
        *({"path": path, "visitor_id": "v2", "at": NOW} for path in ("/cart", *paths)),
    )
    bought = {"duration_ms": 5000, "page_views": 4, "events": 5, "conversions": 1, "revenue": 19.5}
    asked.sessions(
        {"at": NOW, **bought, "is_bounce": 0, "entry_path": "/products/bell", "channel": "Email"},
        {"at": NOW, "visitor_id": "v2", "session_id": "00000000-0000-0000-0000-000000000008"},
    )


def rows_of(asked: Asked, table: str) -> list[Row]:
    """What a table holds."""
    result = asked.store.client.query(f"SELECT * FROM {asked.store.database}.{table}")
    return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]


def decoded(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(data)
    return found
