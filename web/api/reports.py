"""POST /api/v1/reports/generate: several answers as one document."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from views.answers import ChannelRow, DeviceRow, Overview, PageRow, Series, SourceRow
from views.catalog import Interval
from views.params import Scope
from views.queries import Queries
from web.api.asking import ScopedBody, body_of, query_of, scope_of
from web.api.endpoints import Context, Endpoint
from web.api.presenting import csv_response, html_response, json_response

TOP_PAGES = 50


class Template(StrEnum):
    """What a report holds."""

    OVERVIEW = "overview"
    ACQUISITION = "acquisition"
    CONTENT = "content"


class Format(StrEnum):
    """How a report is written."""

    JSON = "json"
    CSV = "csv"
    HTML = "html"


class ReportRequest(ScopedBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which report, about what, in which format."""

    template: Template = Template.OVERVIEW
    format: Format = Format.JSON


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a report; those that its template does not hold are None."""

    template: Template
    overview: Overview
    series: Series | None = None
    channels: list[ChannelRow] | None = None
    sources: list[SourceRow] | None = None
    devices: list[DeviceRow] | None = None
    pages: list[PageRow] | None = None


async def generate(request: Request, context: Context) -> Response:
    """The report itself, at once."""
    query_of(request, allowed=())
    asked = await body_of(request, ReportRequest)
    scope = scope_of(asked.values, settings=context.queries.settings, now_ms=context.clock())
    report = await compose(context.queries, scope, template=asked.template)
    match asked.format:
        case Format.JSON:
            return json_response(report)
        case Format.CSV:
            return csv_response(_tables(report))
        case Format.HTML:
            return html_response(f"{asked.site}: {asked.template}", _tables(report))


async def compose(queries: Queries, scope: Scope, *, template: Template) -> Report:
    """The parts that the template holds."""
    overview = await queries.overview(scope)
    match template:
        case Template.OVERVIEW:
            series = await queries.series(scope, interval=Interval.DAY)
            return Report(template=template, overview=overview, series=series)
        case Template.ACQUISITION:
            return Report(
                template=template,
                overview=overview,
                channels=await queries.channels(scope),
                sources=await queries.sources(scope),
                devices=await queries.devices(scope),
            )
        case Template.CONTENT:
            pages = await queries.top_pages(scope, limit=TOP_PAGES)
            return Report(template=template, overview=overview, pages=pages)


class _Figure(msgspec.Struct):
    metric: str
    value: str | float


def _tables(report: Report) -> list[tuple[str, Sequence[msgspec.Struct]]]:
    figures = [
        _Figure(name, value)
        for name, value in msgspec.to_builtins(report.overview).items()
        if isinstance(value, str | int | float)
    ]
    parts: dict[str, Sequence[msgspec.Struct] | None] = {
        "overview": figures,
        "series": report.series.points if report.series else None,
        "channels": report.channels,
        "sources": report.sources,
        "devices": report.devices,
        "pages": report.pages,
    }
    return [(name, rows) for name, rows in parts.items() if rows is not None]


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/api/v1/reports/generate",
        summary="A report: overview, acquisition or content; as JSON, CSV or HTML",
        handler=generate,
        answer=Report,
        body=ReportRequest,
        other_media=("text/csv", "text/html"),
    ),
)
