"""Which reports are sent by themselves, to whom and when; and the job that each due time makes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, time
from zoneinfo import ZoneInfo

import msgspec

from app.adapters.clickhouse.records import Records
from app.core.due_times import Cadence, days_before, last_due, next_due
from app.settings import Settings
from views.params import FIRST_DAY, Bots
from views.reading import Reader
from web.reports.model import Format, Job, Template

_TABLE = "report_schedules"
#: Names the job of a schedule and a due time, the same in every process.
_NAMES = uuid.UUID("6f7a3a52-4a3b-4d0e-9c1c-8d2f3b6a7e10")


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """A report that is sent again and again, by mail or to a webhook, at ``time_of_day`` of its site."""

    schedule_id: str
    created_at: datetime
    site_id: str
    template: Template
    format: Format
    bots: Bots = Bots.EXCLUDE
    cadence: Cadence
    time_of_day: str
    mail_to: list[str] = msgspec.field(default_factory=list)
    webhook: str = ""

    def due(self, zone: ZoneInfo, now: datetime) -> datetime | None:
        """When it was due last since it was made; None where that is still to come."""
        due = last_due(self.cadence, at=time.fromisoformat(self.time_of_day), zone=zone, now=now)
        return due if due > self.created_at else None

    def next_due(self, zone: ZoneInfo, now: datetime) -> datetime:
        """When it is due next."""
        return next_due(self.cadence, at=time.fromisoformat(self.time_of_day), zone=zone, now=now)

    def job(self, due: datetime, *, zone: ZoneInfo, now: datetime) -> Job:
        """The report of a due time: of the day, week or month before it. Its id follows from both."""
        since, until = days_before(self.cadence, due=due, zone=zone)
        return Job(
            job_id=str(uuid.uuid5(_NAMES, f"{self.schedule_id} {due.isoformat()}")),
            at=now,
            created_at=now,
            site_id=self.site_id,
            template=self.template,
            format=self.format,
            bots=self.bots,
            since=max(since, FIRST_DAY),
            until=until,
            schedule_id=self.schedule_id,
            due_at=due,
        )


class Schedules:
    """The schedules of one database."""

    def __init__(self, reader: Reader, records: Records, *, settings: Settings) -> None:
        self._reader, self._records, self._settings = reader, records, settings

    async def add(self, schedule: Schedule) -> None:
        """Keep it."""
        await self._records.insert(_TABLE, schedule, token=schedule.schedule_id)

    async def listed(self, *, site_id: str | None = None) -> list[Schedule]:
        """All of them, or those of a site; the oldest first."""
        values = {"sites": [] if site_id is None else [site_id]}
        return [
            msgspec.convert(row, Schedule) for row in await self._reader.rows("report_schedule_list", values)
        ]

    async def get(self, schedule_id: str) -> Schedule | None:
        """One of them; None where it is not there."""
        return next((one for one in await self.listed() if one.schedule_id == schedule_id), None)

    async def remove(self, schedule_id: str) -> None:
        """Delete it; reports that it made and are not sent yet are not sent any more."""
        await self._records.delete(_TABLE, column="schedule_id", values=[schedule_id])

    def zone(self, schedule: Schedule) -> ZoneInfo:
        """The clock it goes by."""
        return ZoneInfo(self._settings.site(schedule.site_id).timezone)

    def jobs(self, schedules: Sequence[Schedule], *, now: datetime) -> Iterator[Job]:
        """The job of each one's last due time: of several that were missed, the last alone."""
        for schedule in schedules:
            zone = self.zone(schedule)
            if (due := schedule.due(zone, now)) is not None:
                yield schedule.job(due, zone=zone, now=now)
