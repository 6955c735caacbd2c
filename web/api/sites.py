"""GET /api/v1/sites/{site_id}/...: a site as a whole."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from views.answers import Overview, Series
from views.catalog import Interval
from views.params import Scope
from web.api.asking import one_of, query_of, scope_of
from web.api.endpoints import PERIOD, Context, Endpoint, Parameter
from web.api.presenting import json_response


async def overview(request: Request, context: Context) -> Response:
    """The seven headline metrics."""
    scope = _scope(request, query_of(request, allowed=PERIOD), context)
    return json_response(await context.queries.overview(scope))


async def series(request: Request, context: Context) -> Response:
    """Events over time."""
    values = query_of(request, allowed=[*PERIOD, "interval"])
    interval = one_of(Interval, values, "interval", Interval.DAY)
    return json_response(await context.queries.series(_scope(request, values, context), interval=interval))


def _scope(request: Request, values: dict[str, str], context: Context) -> Scope:
    site = {"site": request.path_params["site_id"]}
    return scope_of({**values, **site}, settings=context.queries.settings, now_ms=context.clock())


INTERVAL = Parameter(
    meaning="Minutes are kept for 7 days, hours for 2 years, days for good. Default: day.", kind=Interval
)
ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/v1/sites/{site_id}/overview",
        summary="Visitors, page views, bounce rate, session duration, conversion rate, sources, devices",
        handler=overview,
        answer=Overview,
        parameters=PERIOD,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/sites/{site_id}/series",
        summary="Visitors, page views and events over time",
        handler=series,
        answer=Series,
        parameters={**PERIOD, "interval": INTERVAL},
    ),
)
