"""GET /api/v1/performance, /api/v1/performance/pages, /api/v1/performance/regressions."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from views.params import FIRST_DAY
from views.performance.model import (
    DEFAULT_ROWS,
    MAX_ROWS,
    MIN_CHANGE_PERCENT,
    MIN_SAMPLES,
    REGRESSION_DAYS,
    Measured,
    Performance,
    PerformanceField,
    Regressions,
    SlowPages,
    Vital,
)
from views.stats.model import Step
from web.api.asking import number_of, one_of, optional, query_of, scope_of
from web.api.endpoints import SCOPE, Context, Endpoint, Parameter
from web.api.filtering import FILTER, filter_of, names_of
from web.api.presenting import json_response

_MOST = 1_000_000


async def performance(request: Request, context: Context) -> Response:
    """How everything measured is spread."""
    values = query_of(request, allowed=SPREAD)
    scope = scope_of(values, settings=context.queries.settings, now_ms=context.clock())
    by, interval = names_of(PerformanceField, values, "by"), optional(Step, values, "interval")
    return json_response(
        await context.queries.performance(scope, _measured(values), by=by, interval=interval)
    )


async def slow_pages(request: Request, context: Context) -> Response:
    """The slowest pages by one measure."""
    values = query_of(request, allowed=SLOW)
    scope = scope_of(values, settings=context.queries.settings, now_ms=context.clock())
    vital = one_of(Vital, values, "vital", Vital.LCP)
    return json_response(await context.queries.slow_pages(scope, _measured(values), vital=vital))


async def regressions(request: Request, context: Context) -> Response:
    """What became slower."""
    values = query_of(request, allowed=SLOWER)
    scope = scope_of(values, settings=context.queries.settings, now_ms=context.clock())
    if "from" not in values:
        since = max(FIRST_DAY, scope.period.until - timedelta(days=REGRESSION_DAYS))
        scope = msgspec.structs.replace(scope, period=msgspec.structs.replace(scope.period, since=since))
    percent = number_of(values, "min_change_percent", default=MIN_CHANGE_PERCENT, most=1000)
    return json_response(
        await context.queries.regressions(scope, _measured(values), min_change_percent=percent)
    )


def _measured(values: dict[str, str]) -> Measured:
    return Measured(
        filter=filter_of(values),
        limit=number_of(values, "limit", default=DEFAULT_ROWS, most=MAX_ROWS),
        min_samples=number_of(values, "min_samples", default=MIN_SAMPLES, most=_MOST),
    )


_ROWS = {
    "filter": FILTER,
    "limit": Parameter(meaning=f"How many rows, 1 to {MAX_ROWS}. Default: {DEFAULT_ROWS}.", kind=int),
}
_ENOUGH = {
    "min_samples": Parameter(
        meaning=f"Pages with fewer samples are left out. Default: {MIN_SAMPLES}.", kind=int
    )
}
SPREAD = {
    **SCOPE,
    "by": Parameter(meaning=f"Names with commas between: {', '.join(PerformanceField)}."),
    "interval": Parameter(meaning="Length of the intervals of a series.", kind=Step),
    **_ROWS,
}
SLOW = {**SCOPE, "vital": Parameter(meaning="The measure. Default: lcp.", kind=Vital), **_ENOUGH, **_ROWS}
SLOWER = {
    **SCOPE,
    "from": Parameter(
        meaning=f"First day. Default: {REGRESSION_DAYS} days before `to`.", kind=SCOPE["from"].kind
    ),
    "min_change_percent": Parameter(
        meaning=f"By how much p75 has to grow, 1 to 1000. Default: {MIN_CHANGE_PERCENT}.", kind=int
    ),
    **_ENOUGH,
    **_ROWS,
}
ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/v1/performance",
        summary="Load times and web vitals: percentiles, shares and rating, by dimensions and intervals",
        handler=performance,
        answer=Performance,
        parameters=SPREAD,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/performance/pages",
        summary="The slowest pages by one measure",
        handler=slow_pages,
        answer=SlowPages,
        parameters=SLOW,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/performance/regressions",
        summary="What became slower than it was in as many days before",
        handler=regressions,
        answer=Regressions,
        parameters=SLOWER,
    ),
)
