"""Jobs and their files in ClickHouse, where every web process sees them.

``report_jobs`` is only added to. Of several processes that want the same job one gets it: each adds a claim
under a token made of job and attempt, the engine keeps the first, and whoever finds its own name has won.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from app.adapters.clickhouse.records import Records
from app.adapters.clock import Clock
from app.core.calendar import moment
from app.errors import QueryError
from views.reading import Reader
from web.reports.model import Job, JobState

_JOBS, _FILES = "report_jobs", "report_files"
_STATES = "report_job_states"
_OPEN = """
WHERE state = 'queued'
    OR (state IN ('running', 'delivering') AND toUnixTimestamp64Milli(lease_until) <= {now_ms:Int64})
ORDER BY created_at, job_id LIMIT {at_most:UInt32}
"""
_WAITING = "WHERE state IN ('queued', 'running', 'delivering')"
_LISTED = """
WHERE state != 'removed' AND ({scheduled:UInt8} OR schedule_id = '')
    AND (toUnixTimestamp64Milli(created_at), job_id) < ({before_ms:Int64}, {before_id:String})
ORDER BY created_at DESC, job_id DESC LIMIT {at_most:UInt32}
"""
_CURSOR = re.compile(r"([0-9]{1,15}):([0-9a-f-]{36})", re.ASCII)
_BEFORE_ALL = (2**62, "")


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A finished file."""

    job_id: str
    attempt: int
    kept_at: datetime
    bytes: int
    data: str


class JobLog:
    """Every job there is. Raises SinkUnavailableError, SinkError, QueryError as ClickHouse is asked."""

    def __init__(self, reader: Reader, records: Records, *, clock: Clock, lease_s: float) -> None:
        self._reader, self._records, self._clock = reader, records, clock
        self._lease = timedelta(seconds=lease_s)
        #: Claims that were sent and are not there: when first found missing.
        self._missing: dict[tuple[str, int], datetime] = {}

    @property
    def now(self) -> datetime:
        """The time by the process's clock."""
        return moment(self._clock())

    async def add(self, job: Job) -> None:
        """Note a new job; one that is there already stays as it is."""
        await self._records.insert(_JOBS, job, token=f"{job.job_id}:new")

    async def unknown(self, jobs: Iterable[Job]) -> list[Job]:
        """Those that were never noted."""
        by_id = {job.job_id: job for job in jobs}
        noted = {job.job_id for job in await self._rows(jobs=[*by_id])} if by_id else set()
        return [job for job_id, job in by_id.items() if job_id not in noted]

    async def get(self, job_id: str) -> Job | None:
        """How a job stands; None for one that never was, or was long ago."""
        found = await self._rows(jobs=[job_id])
        return found[0] if found else None

    async def listed(
        self, *, site_id: str | None, limit: int, cursor: str | None, scheduled: bool = True
    ) -> tuple[list[Job], str | None]:
        """Jobs, the latest first, from behind the cursor on; and the cursor of the next page.

        ``scheduled``: those of schedules, too.
        """
        before_ms, before_id = _BEFORE_ALL if cursor is None else _parsed(cursor)
        found = await self._rows(
            sites=[] if site_id is None else [site_id],
            rest=_LISTED,
            scheduled=int(scheduled),
            before_ms=before_ms,
            before_id=before_id,
            at_most=limit + 1,
        )
        if len(found) <= limit:
            return found, None
        last = found[limit - 1]
        return found[:limit], f"{round(last.created_at.timestamp() * 1000)}:{last.job_id}"

    async def waiting(self) -> int:
        """How many jobs are not finished."""
        values: dict[str, Any] = {"jobs": [], "sites": []}
        (row,) = await self._reader.select(_STATES, values, columns="count() AS jobs", rest=_WAITING)
        return int(row["jobs"])

    async def to_do(self, *, limit: int) -> list[Job]:
        """Jobs that nobody works on: new ones, and those whose process is silent; the oldest first."""
        return await self._rows(rest=_OPEN, now_ms=self._clock(), at_most=limit)

    async def claim(self, job: Job, *, owner: str) -> Job | None:
        """The job as ``owner``'s, or None where it is another's."""
        claimed = self._renewed(
            job, state=JobState.RUNNING, attempt=self._attempt(job), owner=owner, progress=0.0
        )
        key = (job.job_id, claimed.attempt)
        await self._records.insert(_JOBS, claimed, token=f"{key[0]}:{key[1]}")
        found = await self.get(job.job_id)
        if found is None or (found.state is not JobState.CANCELLED and found.attempt < claimed.attempt):
            self._missing.setdefault(key, self.now)
            return None
        self._missing.pop(key, None)
        return found if is_held(found, claimed) else None

    async def hand_over(self, job: Job, *, once: bool) -> Job | None:
        """Note that the file is about to be sent, and return that; None where it is not ours to send.

        ``once``: noted for one process only, ever; otherwise for each attempt.
        """
        if not is_held(await self.get(job.job_id), job):
            return None
        sending = self._renewed(job, state=JobState.DELIVERING, is_handed_over=1)
        which = "once" if once else str(job.attempt)
        await self._records.insert(_JOBS, sending, token=f"{job.job_id}:send:{which}")
        found = await self.get(job.job_id)
        is_ours = found is not None and is_held(found, job) and found.state is JobState.DELIVERING
        return sending if is_ours else None

    async def renew(self, job: Job) -> None:
        """Say that its owner is alive."""
        await self._records.insert(_JOBS, self._renewed(job))

    async def release(self, job: Job, *, after_s: float = 0.0) -> None:
        """Let others go on with it, after a pause."""
        until = self.now + timedelta(seconds=after_s)
        await self._records.insert(_JOBS, msgspec.structs.replace(job, at=self.now, lease_until=until))

    async def end(self, job: Job, state: JobState, *, problem: str = "") -> Job:
        """Note how it ended."""
        ended = msgspec.structs.replace(job, at=self.now, state=state, problem=problem)
        await self._records.insert(_JOBS, ended)
        return ended

    async def keep(self, job: Job, data: bytes) -> None:
        """Keep the file of this attempt."""
        text = base64.b64encode(data).decode()
        file = File(job_id=job.job_id, attempt=job.attempt, kept_at=self.now, bytes=len(data), data=text)
        await self._records.insert(_FILES, file)

    async def file(self, job: Job) -> bytes | None:
        """The file of a finished job; None where it is kept no more."""
        rest = "WHERE attempt = {attempt:UInt32} LIMIT 1"
        values = {"jobs": [job.job_id], "attempt": job.attempt}
        rows = await self._reader.select("report_file_contents", values, columns="data", rest=rest)
        return base64.b64decode(rows[0]["data"]) if rows else None

    async def drop_files(self, job_ids: Sequence[str]) -> None:
        """Remove every file of the jobs."""
        await self._records.delete(_FILES, column="job_id", values=job_ids)

    async def tidy(self, *, keep_days: int, keep_bytes: int) -> int:
        """Remove files that are too old, then the oldest while all together are too large; how many jobs'."""
        rows = await self._reader.select(
            "report_file_contents",
            {"jobs": []},
            columns="job_id, max(kept_at) AS latest, sum(bytes) AS size",
            rest="GROUP BY job_id ORDER BY latest DESC, job_id",
        )
        oldest, total, gone = self.now - timedelta(days=keep_days), 0, []
        for row in rows:
            total += row["size"]
            if total > keep_bytes or row["latest"] < oldest:
                gone.append(row["job_id"])
        if gone:
            await self.drop_files(gone)
        return len(gone)

    def _attempt(self, job: Job) -> int:
        """The next one. A killed engine can keep a token without its row: then the one behind it, in time."""
        attempt = job.attempt + 1
        missing = self._missing.get((job.job_id, attempt))
        return attempt + 1 if missing is not None and self.now - missing > self._lease else attempt

    def _renewed(self, job: Job, **changes: Any) -> Job:
        now = self.now
        return msgspec.structs.replace(job, at=now, lease_until=now + self._lease, **changes)

    async def _rows(
        self, *, jobs: Sequence[str] = (), sites: Sequence[str] = (), rest: str = "", **bound: Any
    ) -> list[Job]:
        values = {"jobs": list(jobs), "sites": list(sites), **bound}
        rows = await self._reader.select(_STATES, values, rest=rest)
        return [msgspec.convert(row, Job) for row in rows]


def is_held(found: Job | None, job: Job) -> bool:
    """Whether a job, as it is found, is still at work for the owner and attempt of ``job``."""
    return (
        found is not None and found.state.is_open and (found.owner, found.attempt) == (job.owner, job.attempt)
    )


def _parsed(cursor: str) -> tuple[int, str]:
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise QueryError(f"cursor = {cursor[:64]!r}: expected what an earlier answer gave as next_cursor")
    return int(found[1]), found[2]
