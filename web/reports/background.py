"""The web server's own work on reports: due schedules become jobs, jobs become files, old files go."""

from __future__ import annotations

import asyncio
import contextlib
import uuid

from app import log
from app.adapters.clickhouse.records import Records
from app.adapters.clock import Clock
from app.errors import WuaError
from views.params import Bots, Scope
from views.queries import Queries
from web.reports.delivery import FIRST_PAUSE_S, Delivery
from web.reports.job_log import JobLog
from web.reports.model import Format, Job, JobState, Template
from web.reports.schedules import Schedules
from web.reports.worker import Parts, Run

#: How often a job under way says that it lives, at least: it is then found that it was cancelled, too.
TICK_S = 2.0
#: Between two looks for files that are too old or too many.
TIDY_S = 600.0

_LOG = log.get("reports")


class ReportService:
    """What one web process does about reports, over the jobs and schedules that all share; ``run`` works."""

    def __init__(
        self,
        queries: Queries,
        *,
        clock: Clock,
        tick_s: float = TICK_S,
        first_pause_s: float = FIRST_PAUSE_S,
    ) -> None:
        settings, reader = queries.settings, queries.reader
        self.settings = settings.reports
        self.owner = str(uuid.uuid4())
        self._records = Records(settings.clickhouse)
        self.jobs = JobLog(reader, self._records, clock=clock, lease_s=self.settings.lease_s)
        self.schedules = Schedules(reader, self._records, settings=settings)
        self._parts = Parts(
            jobs=self.jobs,
            schedules=self.schedules,
            queries=queries,
            delivery=Delivery(self.settings, clock=clock, first_pause_s=first_pause_s),
            tick_s=min(tick_s, self.settings.lease_s / 3),
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._trouble = ""

    async def submit(self, scope: Scope, *, template: Template, format: Format) -> Job:
        """A new job, which this process looks at at once; any may make it."""
        now = self.jobs.now
        job = Job(
            job_id=str(uuid.uuid4()),
            at=now,
            created_at=now,
            site_id=scope.site_id,
            template=template,
            format=format,
            bots=Bots(scope.bots),
            since=scope.period.since,
            until=scope.period.until,
        )
        await self.jobs.add(job)
        self._wake.set()
        return job

    async def remove(self, job: Job) -> Job:
        """Cancel a job that is open, remove one that is finished, its file as well."""
        if job.state.is_open:
            return await self.jobs.end(job, JobState.CANCELLED)
        await self.jobs.drop_files([job.job_id])
        return await self.jobs.end(job, JobState.REMOVED)

    async def run(self) -> None:
        """Work until cancelled; what is under way is then left to others."""
        tidied: float | None = None
        clock = asyncio.get_running_loop().time
        try:
            while True:
                await self._looked()
                if tidied is None or clock() - tidied > TIDY_S:
                    tidied = clock()
                    await self._tidied()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.settings.poll_s):
                        await self._wake.wait()
                self._wake.clear()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        """Close what writes."""
        await self._records.close()

    async def look(self) -> None:
        """Make jobs of what is due, and begin as many jobs as may be under way at once."""
        now = self.jobs.now
        due = self.schedules.jobs(await self.schedules.listed(), now=now)
        for job in await self.jobs.unknown(due):
            await self.jobs.add(job)
        room = self.settings.at_once - len(self._tasks)
        for job in await self.jobs.to_do(limit=room) if room > 0 else ():
            claimed = await self.jobs.claim(job, owner=self.owner)
            if claimed is not None:
                self._begin(claimed)

    async def idle(self) -> None:
        """Return once nothing is under way here."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _begin(self, job: Job) -> None:
        task = asyncio.create_task(_guarded(Run(job, self._parts)), name=f"report-{job.job_id}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._wake.set()

    async def _looked(self) -> None:
        try:
            await self.look()
            self._trouble = ""
        except WuaError as error:
            self._say("reports.waiting", str(error))
        except Exception as error:  # a loop that ended would make no report any more
            _LOG.error("reports.failed", exc_info=error)

    async def _tidied(self) -> None:
        try:
            keep = self.settings
            gone = await self.jobs.tidy(keep_days=keep.keep_days, keep_bytes=keep.keep_mb * 1024**2)
        except WuaError as error:
            self._say("reports.not_tidied", str(error))
        else:
            if gone:
                _LOG.info("reports.tidied", jobs=gone)

    def _say(self, event: str, trouble: str) -> None:
        """Say a trouble once, not at each look."""
        if trouble != self._trouble:
            self._trouble = trouble
            _LOG.warning(event, error=trouble)


async def _guarded(run: Run) -> None:
    """Without a store nothing can be noted: the lease runs out, and the job is begun again."""
    try:
        await run.finish()
    except WuaError as error:
        _LOG.warning("report.not_noted", job=run.job.job_id, error=str(error))
