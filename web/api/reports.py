"""/api/v1/reports: a report at once, or made in the background, listed, handed out, cancelled."""

from __future__ import annotations

import asyncio
from datetime import date, datetime

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.errors import NotFoundError
from app.events.wire import SiteId
from views.params import Bots, Scope
from web import admin
from web.api.asking import ScopedBody, body_of, is_of_another, number_of, query_of, scope_of, site_if_named
from web.api.endpoints import ITS_SITE, Context, Endpoint, Parameter
from web.api.presenting import json_response
from web.problems import ProblemKind, problem
from web.reports.background import ReportService
from web.reports.compose import compose
from web.reports.formats import write
from web.reports.model import NEVER, Format, Job, JobState, Report, Template

MAX_LISTED = 1000


class ReportRequest(ScopedBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which report, about what, in which format; ``wait`` false: it is made in the background."""

    template: Template = Template.OVERVIEW
    format: Format = Format.JSON
    wait: bool = True


class ReportJob(msgspec.Struct, frozen=True, kw_only=True):
    """How a report stands that is made in the background. ``progress``: 0 to 1; ``problem``: why it failed.

    ``attempt``: how often it was begun. ``bytes``: size of the file, 0 before it is there. ``schedule_id``,
    ``due_at``: of the schedule that asked for it.
    """

    id: str
    state: JobState
    progress: float
    attempt: int
    site_id: str
    since: date = msgspec.field(name="from")
    until: date = msgspec.field(name="to")
    bots: Bots
    template: Template
    format: Format
    created_at: datetime
    updated_at: datetime
    bytes: int
    problem: str | None
    schedule_id: str | None
    due_at: datetime | None


class ReportList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of reports, the latest first."""

    reports: list[ReportJob]
    next_cursor: str | None


async def generate(request: Request, context: Context) -> Response:
    """The report itself at once, or the job that makes it."""
    query_of(request, allowed=())
    asked = await body_of(request, ReportRequest)
    scope = scope_of(asked.values, settings=context.queries.settings, now_ms=context.clock())
    if not asked.wait:
        return await _submitted(context.reports, scope, asked)
    report = await compose(context.queries, scope, template=asked.template)
    title, font = f"{asked.site}: {asked.template}", context.queries.settings.reports.pdf_font
    data = await asyncio.to_thread(write, report, title=title, format=asked.format, font=font)
    return Response(data, headers={"Content-Type": asked.format.media_type})


async def show_list(request: Request, context: Context) -> Response:
    """Reports of the background, the latest first."""
    values = query_of(request, allowed=LIST)
    found, following = await context.reports.jobs.listed(
        site_id=site_if_named(values),
        limit=number_of(values, "limit", default=50, most=MAX_LISTED),
        cursor=values.get("cursor"),
        scheduled=_is_operator(request, context),
    )
    return json_response(ReportList(reports=[_shown(job) for job in found], next_cursor=following))


async def show(request: Request, context: Context) -> Response:
    """How one stands."""
    return json_response(_shown(await _job(request, context)))


async def download(request: Request, context: Context) -> Response:
    """The file of a finished one."""
    job = await _job(request, context)
    if job.state is not JobState.DONE:
        detail = f"the report is {job.state}" + (f": {job.problem}" if job.problem else "")
        headers = {"Retry-After": "2"} if job.state.is_open else {}
        return problem(409, kind=ProblemKind.NOT_FINISHED, detail=detail, headers=headers)
    data = await context.reports.jobs.file(job)
    if data is None:
        kept = context.queries.settings.reports.keep_days
        raise NotFoundError(
            f"the file of report {job.job_id} is gone, kept are {kept} days; ask for it again"
        )
    headers = {
        "Content-Type": job.format.media_type,
        "Content-Disposition": f'attachment; filename="{job.file_name}"',
        "Cache-Control": "no-store",
    }
    return Response(data, headers=headers)


async def remove(request: Request, context: Context) -> Response:
    """Cancel one that is not finished, remove one that is."""
    return json_response(_shown(await context.reports.remove(await _job(request, context))))


async def _submitted(service: ReportService, scope: Scope, asked: ReportRequest) -> Response:
    if await service.jobs.waiting() >= service.settings.max_waiting:
        return problem(
            429,
            kind=ProblemKind.TOO_MANY_REQUESTS,
            detail=f"{service.settings.max_waiting} reports wait to be made (reports.max_waiting); ask later",
            headers={"Retry-After": "30"},
        )
    job = await service.submit(scope, template=asked.template, format=asked.format)
    return json_response(_shown(job), status=202)


async def _job(request: Request, context: Context) -> Job:
    values = query_of(request, allowed=ITS_SITE)
    job_id = str(request.path_params["report_id"])
    job = await context.reports.jobs.get(job_id)
    if job is None or _is_hidden(job, request, context) or is_of_another(values, job.site_id):
        raise NotFoundError(f"no report {job_id}; GET /api/v1/reports lists them, for 90 days")
    return job


def _is_hidden(job: Job, request: Request, context: Context) -> bool:
    """Removed, or of a schedule: those tell where mail goes, and are as if not there but to operators."""
    return job.state is JobState.REMOVED or (bool(job.schedule_id) and not _is_operator(request, context))


def _is_operator(request: Request, context: Context) -> bool:
    key = context.queries.settings.web.admin_key.get_secret_value()
    return admin.refusal(request, key=key) is None


def _shown(job: Job) -> ReportJob:
    return ReportJob(
        id=job.job_id,
        state=job.state,
        progress=round(job.progress, 3),
        attempt=job.attempt,
        site_id=job.site_id,
        since=job.since,
        until=job.until,
        bots=job.bots,
        template=job.template,
        format=job.format,
        created_at=job.created_at,
        updated_at=job.at,
        bytes=job.bytes,
        problem=job.problem or None,
        schedule_id=job.schedule_id or None,
        due_at=None if job.due_at == NEVER else job.due_at,
    )


LIST = {
    "site": Parameter(meaning="Only those of this site.", kind=SiteId),
    "limit": Parameter(meaning=f"How many, 1 to {MAX_LISTED}. Default: 50.", kind=int),
    "cursor": Parameter(meaning="The `next_cursor` of an earlier answer."),
}
MEDIA = tuple(one.media_type.partition(";")[0] for one in Format if one is not Format.JSON)
ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/api/v1/reports/generate",
        summary="A report in one of six formats: at once, or with `wait` false in the background",
        handler=generate,
        answer=Report,
        accepted=ReportJob,
        is_personal=True,
        body=ReportRequest,
        other_media=MEDIA,
        errors=("429",),
    ),
    Endpoint(
        method="GET",
        path="/api/v1/reports",
        summary="Reports of the background, the latest first; those of schedules for operators only",
        handler=show_list,
        answer=ReportList,
        is_personal=True,
        parameters=LIST,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/reports/{report_id:uuid}",
        summary="How a report stands: state and progress",
        handler=show,
        answer=ReportJob,
        parameters=ITS_SITE,
        may_be_missing=True,
        is_personal=True,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/reports/{report_id:uuid}/download",
        summary="The file of a finished report; 409 while it is not finished",
        handler=download,
        answer=Report,
        parameters=ITS_SITE,
        may_be_missing=True,
        is_personal=True,
        other_media=MEDIA,
        errors=("409",),
    ),
    Endpoint(
        method="DELETE",
        path="/api/v1/reports/{report_id:uuid}",
        summary="Cancel a report that is not finished, or remove one that is",
        handler=remove,
        answer=ReportJob,
        parameters=ITS_SITE,
        may_be_missing=True,
        is_personal=True,
    ),
)
