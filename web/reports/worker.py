"""One claimed job -> its file, kept and sent; how it ended is noted."""

from __future__ import annotations

import asyncio
import contextlib
from zoneinfo import ZoneInfo

import msgspec

from app import log
from app.errors import ReportError, SendUnavailableError, SendUnknownError, WuaError
from views.params import Period, Scope
from views.queries import Queries
from web.reports.compose import compose
from web.reports.delivery import Delivery
from web.reports.formats import write
from web.reports.job_log import JobLog, is_held
from web.reports.model import Job, JobState
from web.reports.schedules import Schedule, Schedules

#: How far a report is once its parts are there; to write, keep and send it is the rest.
_COMPOSED = 0.9
#: A job whose process has gone so often is not begun again.
MAX_ATTEMPTS = 3
RETRY_S = 30.0
_DIED = f"its process ended {MAX_ATTEMPTS} times before it was finished; ask for a shorter period"
_UNKNOWN = (
    "its process ended while the mail was being sent: nobody knows whether it was; it is not sent again"
)

_LOG = log.get("reports")


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What jobs are made with; ``tick_s``: how often a job under way says that it lives."""

    jobs: JobLog
    schedules: Schedules
    queries: Queries
    delivery: Delivery
    tick_s: float


class Run:
    """One attempt at a job; ``job`` is how it stands."""

    def __init__(self, job: Job, parts: Parts) -> None:
        self.job = job
        self._parts = parts
        self._jobs = parts.jobs
        self._settings = parts.queries.settings

    async def finish(self) -> None:
        """See it through. When this is cancelled, others may go on with it at once."""
        made = asyncio.create_task(self._make())
        try:
            if await self._watched(made):
                await made
                await self._jobs.end(self.job, JobState.DONE)
                _LOG.info("report.done", job=self.job.job_id, site=self.job.site_id, bytes=self.job.bytes)
        except asyncio.CancelledError:
            with contextlib.suppress(WuaError):
                await self._jobs.release(self.job)
            raise
        except WuaError as error:
            await self._failed(error)
        except Exception as error:
            _LOG.error("report.failed", job=self.job.job_id, exc_info=error)
            told = "an unexpected error; the log of the web server has it under this id"
            await self._jobs.end(self.job, JobState.FAILED, problem=told)
        finally:
            made.cancel()

    async def _watched(self, made: asyncio.Task[None]) -> bool:
        """Say that we live while it is made; False, and no word more, once it is not ours any more."""
        while not (await asyncio.wait({made}, timeout=self._parts.tick_s))[0]:
            try:
                if not is_held(await self._jobs.get(self.job.job_id), self.job):
                    _LOG.info("report.given_up", job=self.job.job_id)
                    return False
                await self._jobs.renew(self.job)
            except WuaError as error:
                # Whoever finds us silent for too long takes over; what we note then is passed over.
                _LOG.warning("report.not_renewed", job=self.job.job_id, error=str(error))
        return True

    async def _make(self) -> None:
        """The file is kept, and sent where a schedule asked for it."""
        schedule = await self._schedule()
        if self.job.attempt > MAX_ATTEMPTS:
            raise ReportError(_DIED)
        if schedule is not None and schedule.mail_to and self.job.is_handed_over:
            raise SendUnknownError(_UNKNOWN)
        data = await self._written()
        await self._jobs.keep(self.job, data)
        self._note(bytes=len(data), progress=1.0)
        if schedule is not None:
            await self._send(schedule, data)

    async def _written(self) -> bytes:
        job, settings = self.job, self._settings.reports
        zone = ZoneInfo(self._settings.site(job.site_id).timezone)
        period = Period(since=job.since, until=job.until, zone=zone)
        scope = Scope(site_id=job.site_id, period=period, bots=job.bots)
        report = await compose(
            self._parts.queries,
            scope,
            template=job.template,
            tell=lambda share: self._note(progress=_COMPOSED * share),
        )
        data = await asyncio.to_thread(
            write, report, title=job.title, format=job.format, font=settings.pdf_font
        )
        if len(data) > settings.max_file_mb * 1024**2:
            raise ReportError(
                f"its file would have {len(data)} bytes, reports.max_file_mb allows "
                f"{settings.max_file_mb} MB; ask for a shorter period or another format"
            )
        return data

    async def _schedule(self) -> Schedule | None:
        """Whose report it is; None where it is nobody's, or the schedule was removed meanwhile."""
        return await self._parts.schedules.get(self.job.schedule_id) if self.job.schedule_id else None

    async def _send(self, schedule: Schedule, data: bytes) -> None:
        sending = await self._jobs.hand_over(self.job, once=bool(schedule.mail_to))
        if sending is not None:
            self.job = sending
            await self._parts.delivery.send(self.job, schedule, data)
        elif is_held(await self._jobs.get(self.job.job_id), self.job):
            raise SendUnknownError(_UNKNOWN)

    async def _failed(self, error: WuaError) -> None:
        _LOG.warning("report.failed", job=self.job.job_id, error=str(error))
        is_over = isinstance(error, SendUnavailableError) or self.job.attempt >= MAX_ATTEMPTS
        if error.retriable and not is_over:
            await self._jobs.release(self.job, after_s=RETRY_S)
        else:
            await self._jobs.end(self.job, JobState.FAILED, problem=str(error))

    def _note(self, **changes: float) -> None:
        self.job = msgspec.structs.replace(self.job, **changes)
