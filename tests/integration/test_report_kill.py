"""A process that is killed while it makes a report, and the one that goes on."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from app.embedded.engine import ChdbEngine
from app.embedded.http_front import serve_front
from tests.answering import Asked, asked, engine, migrated
from tests.integration.engines import settings_for
from tests.reporting import Clock, decoded, emptied, fill, process, state, submitted, worked
from web.reports.model import JobState

__all__ = ["asked", "emptied", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120.0

#: Claims what waits, and is for ever about to answer the overview.
PROGRAM = """
import asyncio, sys
from app.adapters.clickhouse import QueryPool
from app.settings import ClickHouseSettings, Settings
from tests.reporting import Clock, Held, process
from views.queries import Queries

async def main():
    settings = Settings(clickhouse=ClickHouseSettings(url=sys.argv[1], database=sys.argv[2]))
    held = Held(Queries(QueryPool(settings.clickhouse), settings=settings))
    service = process(held, Clock())
    await service.look()
    await held.asked.wait()
    print(service.owner, flush=True)
    await asyncio.sleep(3600)

asyncio.run(main())
"""


async def test_the_job_of_a_killed_process_is_made_by_another(asked: Asked, engine: ChdbEngine) -> None:
    fill(asked)
    clock = Clock()
    service = process(asked.queries, clock)
    job = await submitted(service)
    async with serve_front(engine) as url:
        settings = settings_for(url, asked.store.database)
        killed = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            PROGRAM,
            settings.url,
            settings.database,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        assert killed.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            owner = (await killed.stdout.readline()).decode().strip()
        running = await state(service, job)
        assert (running.state, running.owner) == (JobState.RUNNING, owner)
        killed.kill()
        assert await killed.wait() == -signal.SIGKILL
    clock.now = round(running.at.timestamp() * 1000)
    clock.advance(service.settings.lease_s - 1)
    await worked(service)
    assert (await state(service, job)).owner == owner
    clock.advance(PATIENCE_S)
    await worked(service)
    done = await state(service, job)
    assert (done.state, done.owner, done.attempt) == (JobState.DONE, service.owner, 2)
    data = await service.jobs.file(done)
    assert data is not None
    assert decoded(data)["overview"]["visitors"] == 2
