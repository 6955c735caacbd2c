"""/api/v1/retention, /api/v1/lifecycle, /api/v1/adoption: who comes back, and to what."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from views.cohorts.calendar import MAX_INTERVALS, Cadence
from views.cohorts.model import (
    DEFAULT_GROUPS,
    MAX_GROUPS,
    Adoption,
    By,
    Lifecycle,
    Measure,
    Retention,
    RetentionAsked,
)
from views.params import Bots
from web.api.asking import body_of, number_of, one_of, query_of, scope_of, scope_values
from web.api.endpoints import SCOPE, Context, Endpoint, Parameter
from web.api.happenings import PAGE_OR_EVENT, happening_of
from web.api.presenting import json_response


class RetentionQuery(RetentionAsked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question of retention."""

    site: str
    since: str | None = msgspec.field(default=None, name="from")
    until: str | None = msgspec.field(default=None, name="to")
    bots: Bots = Bots.EXCLUDE


async def ask_retention(request: Request, context: Context) -> Response:
    """The answer to a question in the body."""
    query_of(request, allowed=())
    asked = await body_of(request, RetentionQuery)
    values = scope_values(site=asked.site, since=asked.since, until=asked.until, bots=asked.bots)
    return await _retention(values, asked, context)


async def retention(request: Request, context: Context) -> Response:
    """The answer to a question in the query parameters."""
    values = query_of(request, allowed=RETENTION)
    named: dict[str, Any] = {
        "interval": _interval(values),
        "by": _by(values),
        "start": happening_of(values),
        "comes_back": happening_of(values, prefix="return_"),
        "measure": one_of(Measure, values, "measure", Measure.EXACT),
        "intervals": number_of(values, "intervals", default=MAX_INTERVALS, most=MAX_INTERVALS),
        "limit": number_of(values, "limit", default=DEFAULT_GROUPS, most=MAX_GROUPS),
    }
    return await _retention(values, RetentionAsked(**named, dimension=values.get("dimension")), context)


async def _retention(values: dict[str, str], asked: RetentionAsked, context: Context) -> Response:
    scope = scope_of(values, settings=context.queries.settings, now_ms=context.clock())
    return json_response(await context.queries.retention(scope, asked))


async def lifecycle(request: Request, context: Context) -> Response:
    """New, returning, resurrected and dormant visitors."""
    values = query_of(request, allowed=LIFECYCLE)
    scope = scope_of(values, settings=context.queries.settings, now_ms=context.clock())
    answer = await context.queries.lifecycle(
        scope, interval=_interval(values), activity=happening_of(values), by=_by(values)
    )
    return json_response(answer)


async def adoption(request: Request, context: Context) -> Response:
    """How a page or event was taken up."""
    values = query_of(request, allowed=LIFECYCLE)
    scope = scope_of(values, settings=context.queries.settings, now_ms=context.clock())
    answer = await context.queries.adoption(
        scope, interval=_interval(values), feature=happening_of(values), by=_by(values)
    )
    return json_response(answer)


def _interval(values: dict[str, str]) -> Cadence:
    return one_of(Cadence, values, "interval", Cadence.WEEK)


def _by(values: dict[str, str]) -> By:
    return one_of(By, values, "by", By.VISITOR)


LIFECYCLE = {
    **SCOPE,
    "by": Parameter(meaning="Who is counted. Default: visitor.", kind=By),
    "interval": Parameter(
        meaning="Length of the intervals; those that the period touches are told whole. Default: week.",
        kind=Cadence,
    ),
    **PAGE_OR_EVENT,
}
RETENTION = {
    **LIFECYCLE,
    **{
        f"return_{name}": Parameter(meaning=f"The same of what is done when coming back: {name}.")
        for name in PAGE_OR_EVENT
    },
    "measure": Parameter(
        meaning="Back in the n-th interval itself, or in it or later. Default: exact.", kind=Measure
    ),
    "dimension": Parameter(meaning="A field of sessions, of that of the first, to compare cohorts by."),
    "intervals": Parameter(
        meaning=f"How many intervals after the first, 1 to {MAX_INTERVALS}. Default: all.", kind=int
    ),
    "limit": Parameter(
        meaning=f"How many values of the dimension, 1 to {MAX_GROUPS}. Default: {DEFAULT_GROUPS}.", kind=int
    ),
}
ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/v1/retention",
        summary="Cohorts of visitors by their first visit, page or event, and how many came back",
        handler=retention,
        answer=Retention,
        parameters=RETENTION,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/retention",
        summary="The same, asked in a body",
        handler=ask_retention,
        answer=Retention,
        body=RetentionQuery,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/lifecycle",
        summary="New, returning, resurrected and dormant visitors by day, week or month",
        handler=lifecycle,
        answer=Lifecycle,
        parameters=LIFECYCLE,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/adoption",
        summary="How many visitors use a page or event, how soon, how often and how regularly",
        handler=adoption,
        answer=Adoption,
        parameters=LIFECYCLE,
    ),
)
