"""/api/v1/reports/schedules: reports that are sent by themselves. For operators only."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.adapters import webhook
from app.core.api_keys import KeyScope
from app.core.due_times import Cadence
from app.errors import NotFoundError, QueryError
from app.events.wire import SiteId
from app.report_settings import ReportSettings
from views.params import Bots
from web.api.asking import body_of, is_of_another, query_of, site_if_named
from web.api.endpoints import ITS_SITE, Context, Endpoint, Parameter
from web.api.presenting import json_response
from web.reports.background import ReportService
from web.reports.model import Format, Template
from web.reports.schedules import Schedule

_ADDRESS = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,255}$"
Address = Annotated[str, msgspec.Meta(pattern=_ADDRESS)]
TimeOfDay = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class ScheduleRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which report, how often and to whom: to addresses (``mail_to``), or to a ``webhook``; one of them.

    It is about the whole day, week (from Monday on) or month before, and due at ``at`` by the site's clock:
    every day, on Mondays, or on the first of a month.
    """

    site: SiteId
    template: Template = Template.OVERVIEW
    format: Format = Format.PDF
    bots: Bots = Bots.EXCLUDE
    cadence: Cadence
    at: TimeOfDay = "06:00"
    mail_to: Annotated[list[Address], msgspec.Meta(max_length=20)] = msgspec.field(default_factory=list)
    webhook: str | None = None


class ReportSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule, and when it is due next."""

    id: str
    created_at: datetime
    site_id: str
    template: Template
    format: Format
    bots: Bots
    cadence: Cadence
    at: str
    timezone: str
    next_due_at: datetime
    mail_to: list[str]
    webhook: str | None


class ScheduleList(msgspec.Struct, frozen=True, kw_only=True):
    """Schedules, the oldest first."""

    schedules: list[ReportSchedule]


async def add(request: Request, context: Context) -> Response:
    """A new one."""
    query_of(request, allowed=())
    asked = await body_of(request, ScheduleRequest)
    _check(asked, context.queries.settings.reports)
    service = context.reports
    schedule = Schedule(
        schedule_id=str(uuid.uuid4()),
        created_at=service.jobs.now,
        site_id=asked.site,
        template=asked.template,
        format=asked.format,
        bots=asked.bots,
        cadence=asked.cadence,
        time_of_day=asked.at,
        mail_to=asked.mail_to,
        webhook=asked.webhook or "",
    )
    await service.schedules.add(schedule)
    return json_response(_shown(schedule, service))


async def show_list(request: Request, context: Context) -> Response:
    """All of them, or those of a site."""
    values = query_of(request, allowed=LIST)
    service = context.reports
    found = await service.schedules.listed(site_id=site_if_named(values))
    return json_response(ScheduleList(schedules=[_shown(one, service) for one in found]))


async def remove(request: Request, context: Context) -> Response:
    """Delete one."""
    values = query_of(request, allowed=ITS_SITE)
    service, schedule_id = context.reports, str(request.path_params["schedule_id"])
    found = await service.schedules.get(schedule_id)
    if found is None or is_of_another(values, found.site_id):
        raise NotFoundError(f"no schedule {schedule_id}; GET /api/v1/reports/schedules lists them")
    await service.schedules.remove(schedule_id)
    return json_response(_shown(found, service))


def _check(asked: ScheduleRequest, settings: ReportSettings) -> None:
    """Raise QueryError where nothing could ever be sent."""
    if bool(asked.mail_to) == bool(asked.webhook):
        raise QueryError("expected exactly one of mail_to and webhook")
    if asked.mail_to and not settings.smtp_host:
        raise QueryError("mail_to: no mail can be sent; set reports.smtp_host and reports.mail_from")
    if asked.webhook:
        if not settings.webhook_secret.get_secret_value():
            raise QueryError("webhook: nothing can be signed; set WUA_REPORTS__WEBHOOK_SECRET")
        webhook.check(asked.webhook, may_be_private=settings.private_webhooks)


def _shown(schedule: Schedule, service: ReportService) -> ReportSchedule:
    zone = service.schedules.zone(schedule)
    return ReportSchedule(
        id=schedule.schedule_id,
        created_at=schedule.created_at,
        site_id=schedule.site_id,
        template=schedule.template,
        format=schedule.format,
        bots=schedule.bots,
        cadence=schedule.cadence,
        at=schedule.time_of_day,
        timezone=zone.key,
        next_due_at=schedule.next_due(zone, service.jobs.now),
        mail_to=schedule.mail_to,
        webhook=schedule.webhook or None,
    )


LIST = {"site": Parameter(meaning="Only those of this site.", kind=SiteId)}
ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/api/v1/reports/schedules",
        summary="Send a report every day, week or month, by mail or to a webhook",
        handler=add,
        answer=ReportSchedule,
        body=ScheduleRequest,
        scope=KeyScope.ADMIN,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/reports/schedules",
        summary="The schedules, the oldest first",
        handler=show_list,
        answer=ScheduleList,
        parameters=LIST,
        scope=KeyScope.ADMIN,
    ),
    Endpoint(
        method="DELETE",
        path="/api/v1/reports/schedules/{schedule_id:uuid}",
        summary="Remove a schedule; what it has not sent yet is not sent",
        handler=remove,
        answer=ReportSchedule,
        parameters=ITS_SITE,
        may_be_missing=True,
        scope=KeyScope.ADMIN,
    ),
)
