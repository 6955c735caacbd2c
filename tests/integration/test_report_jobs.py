"""Reports in the background: made once, whoever dies and whoever else wants to; cancelled, kept, listed."""

from __future__ import annotations

import asyncio
import csv
import io
from typing import Any

import msgspec
import openpyxl
import pyarrow.parquet as pq
import pytest

from app.errors import QueryError
from tests.answering import Asked, asked, engine, migrated, scope
from tests.reporting import (
    Clock,
    Held,
    decoded,
    emptied,
    fill,
    made,
    process,
    rows_of,
    settings_with,
    state,
    submitted,
    worked,
)
from views.stats.model import Asked as Question
from views.stats.model import Metric
from web.reports.model import Format, JobState, Template

__all__ = ["asked", "emptied", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

BEGINS = {
    "json": b"{",
    "csv": b"# ",
    "xlsx": b"PK",
    "parquet": b"PAR1",
    "html": b"<!doctype",
    "pdf": b"%PDF",
}


@pytest.mark.parametrize(("template", "format_"), [*zip(Template, Format, strict=True)])
async def test_every_template_is_made_and_every_format(asked: Asked, template: str, format_: str) -> None:
    fill(asked, "/größe", "/中文🚀", "=1+1", "/<b>")
    data = await made(process(asked.queries, Clock()), template, format_)
    begins = {
        "json": b"{",
        "xlsx": b"PK",
        "parquet": b"PAR1",
        "html": b"<!doctype",
        "pdf": b"%PDF",
        "csv": b"# ",
    }
    assert data.startswith(begins[format_])


async def test_the_numbers_are_those_of_the_api(asked: Asked) -> None:
    fill(asked, "=1+1", "/größe")
    service = process(asked.queries, Clock())
    overview = msgspec.to_builtins(await asked.queries.overview(scope()))
    pages = msgspec.to_builtins(await asked.queries.top_pages(scope(), limit=50))
    assert decoded(await made(service, "overview", "json"))["overview"] == overview
    as_json = decoded(await made(service, "content", "json"))
    assert as_json["pages"] == pages
    book = openpyxl.load_workbook(io.BytesIO(await made(service, "content", "xlsx")))
    assert [list(row) for row in book["pages"].iter_rows(min_row=2, values_only=True)] == [
        list(page.values()) for page in pages
    ]
    table = pq.read_table(io.BytesIO(await made(service, "content", "parquet"))).to_pylist()
    assert [{name: row[name] for name in pages[0]} for row in table if row["part"] == "pages"] == pages
    text = (await made(service, "content", "csv")).decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    for page in pages:
        quoted = "'=1+1" if page["path"] == "=1+1" else page["path"]
        assert [quoted, *(str(value) for value in list(page.values())[1:])] in rows


async def test_conversions_are_those_of_the_query_model(asked: Asked) -> None:
    fill(asked)
    found = decoded(await made(process(asked.queries, Clock()), "conversion", "json"))
    assert found["conversions_by_channel"] == [
        {
            "value": channel,
            "sessions": 1,
            "converted_sessions": converted,
            "conversion_rate": float(converted),
            "conversions": converted,
            "revenue": 19.5 * converted,
        }
        for channel, converted in (("Direct", 0), ("Email", 1))
    ]
    totals = await asked.queries.stats(scope(), Question(metrics=[Metric.CONVERSIONS]))
    by_entry = found["conversions_by_entry_page"]
    assert sum(row["conversions"] for row in by_entry) == totals.totals.metrics["conversions"] == 1
    funnel = await asked.queries.funnel(scope(), funnel_id="checkout")
    assert [(row["step"], row["visitors"]) for row in found["funnels"]] == [
        (step.title, step.visitors) for step in funnel.steps
    ]


async def test_timings_are_those_of_the_pages(asked: Asked) -> None:
    fill(asked)
    asked.events({"path": "/cart", "event_type": "custom_event", "name": "$web_vitals", "lcp_ms": 1200})
    found = decoded(await made(process(asked.queries, Clock()), "performance", "json"))
    by_path = {row["path"]: row for row in found["timings"]}
    for path, row in by_path.items():
        metrics = await asked.queries.page_metrics(scope(), page=path)
        assert (row["page_views"], row["lcp_ms"]) == (metrics.page_views, metrics.lcp_ms.p75)
    assert by_path["/cart"]["lcp_ms"] > 0
    assert by_path["/checkout"]["lcp_ms"] is None


async def test_progress_grows_until_it_is_done(asked: Asked) -> None:
    held = Held(asked.queries)
    service = process(held, Clock())
    job = await submitted(service)
    assert (await state(service, job)).state is JobState.QUEUED
    await service.look()
    await held.asked.wait()
    running = await state(service, job)
    assert (running.state, running.progress, running.attempt) == (JobState.RUNNING, 0.0, 1)
    held.let.set()
    await service.idle()
    done = await state(service, job)
    assert (done.state, done.progress) == (JobState.DONE, 1.0)


async def test_the_job_of_a_process_that_died_is_begun_again_and_made_once(asked: Asked) -> None:
    """The first process is cut off: it says nothing any more, and what it says too late changes nothing."""
    fill(asked)
    clock, held = Clock(), Held(settings_with(asked, lease_s=3600))
    dead, living = process(held, clock, tick_s=3600), process(asked.queries, clock)
    job = await submitted(dead)
    await dead.look()
    await held.asked.wait()
    clock.advance(3599)
    await worked(living)
    assert (await state(living, job)).owner == dead.owner
    clock.advance(2)
    await living.look()
    assert (await state(living, job)).owner == living.owner
    held.let.set()
    await asyncio.gather(living.idle(), dead.idle())
    done = await state(living, job)
    assert (done.state, done.owner, done.attempt) == (JobState.DONE, living.owner, 2)
    data = await living.jobs.file(done)
    assert data is not None
    assert decoded(data)["overview"]["visitors"] == 2
    await worked(living)
    assert await state(living, job) == done


async def test_a_process_that_is_stopped_leaves_its_job_to_the_next_at_once(asked: Asked) -> None:
    clock, held = Clock(), Held(asked.queries)
    stopped, following = process(held, clock), process(asked.queries, clock)
    job = await submitted(stopped)
    running = asyncio.create_task(stopped.run())
    await held.asked.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await worked(following)
    done = await state(following, job)
    assert (done.state, done.owner, done.attempt) == (JobState.DONE, following.owner, 2)


async def test_a_job_that_ends_every_process_is_not_begun_for_ever(asked: Asked) -> None:
    clock = Clock()
    service = process(asked.queries, clock)
    job = await submitted(service)
    for number in range(3):
        assert await service.jobs.claim(await state(service, job), owner=f"dying {number}")
        clock.advance(61)
    await worked(service)
    failed = await state(service, job)
    assert failed.state is JobState.FAILED
    assert "ended 3 times" in failed.problem


async def test_of_many_processes_one_gets_each_job(asked: Asked) -> None:
    queries = settings_with(asked, at_once=16)
    many = [process(queries, Clock()) for _ in range(4)]
    jobs = [await submitted(many[0]) for _ in range(5)]
    await asyncio.gather(*(one.look() for one in many))
    await asyncio.gather(*(one.idle() for one in many))
    for job in jobs:
        done = await state(many[0], job)
        assert (done.state, done.attempt) == (JobState.DONE, 1)
    assert len(rows_of(asked, "report_files")) == 5
    claims = {(row["job_id"], row["owner"]) for row in rows_of(asked, "report_jobs") if row["owner"]}
    assert len(claims) == 5


async def test_a_claim_that_the_engine_lost_does_not_hold_the_job_up_for_ever(asked: Asked) -> None:
    """A killed engine can remember a token and have no row of it."""
    clock = Clock()
    service = process(asked.queries, clock)
    job = await submitted(service)
    lost = msgspec.structs.replace(job, job_id="another")
    await service._records.insert("report_jobs", lost, token=f"{job.job_id}:1")
    await worked(service)
    assert (await state(service, job)).state is JobState.QUEUED
    clock.advance(61)
    await worked(service)
    done = await state(service, job)
    assert (done.state, done.attempt) == (JobState.DONE, 2)


async def test_a_cancelled_job_is_stopped_and_stays_cancelled(asked: Asked) -> None:
    held = Held(asked.queries)
    working, other = process(held, Clock()), process(asked.queries, Clock())
    job = await submitted(working)
    waiting = await submitted(working, "content")
    await other.remove(waiting)
    await working.look()
    await held.asked.wait()
    await other.remove(await state(other, job))
    await working.idle()
    assert not held.let.is_set()
    await worked(other)
    for one in (job, waiting):
        assert (await state(other, one)).state is JobState.CANCELLED
    assert rows_of(asked, "report_files") == []


async def test_a_removed_job_takes_its_file_along(asked: Asked) -> None:
    service = process(asked.queries, Clock())
    job = await submitted(service)
    await worked(service)
    await service.remove(await state(service, job))
    assert (await state(service, job)).state is JobState.REMOVED
    assert rows_of(asked, "report_files") == []
    found, _ = await service.jobs.listed(site_id=None, limit=10, cursor=None)
    assert found == []


async def test_no_more_jobs_are_under_way_than_may_be(asked: Asked) -> None:
    held = Held(settings_with(asked, at_once=2))
    service = process(held, Clock())
    jobs = [await submitted(service) for _ in range(3)]
    await service.look()
    await service.look()
    states = [(await state(service, job)).state for job in jobs]
    assert sorted(states) == [JobState.QUEUED, JobState.RUNNING, JobState.RUNNING]
    held.let.set()
    await service.idle()
    await worked(service)
    assert {(await state(service, job)).state for job in jobs} == {JobState.DONE}


async def test_old_files_go_and_the_oldest_where_all_are_too_large(asked: Asked) -> None:
    clock = Clock()
    service = process(asked.queries, clock)
    sizes = []
    for _ in range(3):
        sizes.append(len(await made(service, "overview", "json")))
        clock.advance(86_400)
    assert await service.jobs.tidy(keep_days=7, keep_bytes=sum(sizes)) == 0
    assert await service.jobs.tidy(keep_days=7, keep_bytes=sum(sizes) - 1) == 1
    assert await service.jobs.tidy(keep_days=1, keep_bytes=sum(sizes)) == 1
    (kept,) = rows_of(asked, "report_files")
    found, _ = await service.jobs.listed(site_id="shop", limit=10, cursor=None)
    assert kept["job_id"] == found[0].job_id
    assert await service.jobs.file(found[1]) is None


async def test_a_file_that_is_too_large_fails_and_says_so(asked: Asked, monkeypatch: Any) -> None:
    monkeypatch.setattr("web.reports.worker.write", lambda *_, **__: b"x" * (1024**2 + 1))
    service = process(settings_with(asked, max_file_mb=1), Clock())
    job = await submitted(service)
    await worked(service)
    failed = await state(service, job)
    assert failed.state is JobState.FAILED
    assert "1048577 bytes, reports.max_file_mb allows 1 MB" in failed.problem


async def test_an_unexpected_error_fails_the_job_and_tells_nothing_of_the_inside(
    asked: Asked, monkeypatch: Any
) -> None:
    def broken(*_: Any, **__: Any) -> bytes:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("web.reports.worker.write", broken)
    service = process(asked.queries, Clock())
    job = await submitted(service)
    await worked(service)
    failed = await state(service, job)
    assert failed.state is JobState.FAILED
    assert "unexpected" in failed.problem
    assert "secret" not in failed.problem


async def test_the_list_goes_page_by_page_latest_first(asked: Asked) -> None:
    clock = Clock()
    service = process(asked.queries, clock)
    jobs = []
    for number in range(5):
        jobs.append((await submitted(service)).job_id)
        clock.advance(number % 2)  # some begin in the same moment
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        found, cursor = await service.jobs.listed(site_id=None, limit=2, cursor=cursor)
        seen += [job.job_id for job in found]
    assert cursor is None
    assert sorted(seen) == sorted(jobs)
    assert seen[0] == jobs[-1]
    assert (await service.jobs.listed(site_id="other", limit=2, cursor=None))[0] == []
    with pytest.raises(QueryError, match="cursor"):
        await service.jobs.listed(site_id=None, limit=2, cursor="1;DROP")
