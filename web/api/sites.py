"""GET /api/v1/sites/{site_id}/...: a site as a whole."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from views.answers import BotTraffic, DataQuality, Overview, Series
from views.catalog import Interval
from views.overview import OverviewAsked
from views.params import Scope
from web.api.asking import number_of, one_of, query_of, scope_of
from web.api.endpoints import PERIOD, Context, Endpoint, Parameter
from web.api.filtering import COMPARE, FILTER, compare_of, converted, json_of
from web.api.presenting import json_response

DEFAULT_PAGES = 50
MAX_PAGES = 1000


async def overview(request: Request, context: Context) -> Response:
    """The seven headline metrics."""
    values = query_of(request, allowed=OVERVIEW)
    told = {"filter": json_of(values, "filter")} if "filter" in values else {}
    asked: OverviewAsked = converted({**told, **compare_of(values)}, OverviewAsked)
    return json_response(await context.queries.overview_asked(_scope(request, values, context), asked))


async def series(request: Request, context: Context) -> Response:
    """Events over time."""
    values = query_of(request, allowed=[*PERIOD, "interval"])
    interval = one_of(Interval, values, "interval", Interval.DAY)
    return json_response(await context.queries.series(_scope(request, values, context), interval=interval))


async def bots(request: Request, context: Context) -> Response:
    """What programs did."""
    values = query_of(request, allowed=BOTS)
    limit = number_of(values, "pages", default=DEFAULT_PAGES, most=MAX_PAGES)
    return json_response(await context.queries.bots(_scope(request, values, context), limit=limit))


async def quality(request: Request, context: Context) -> Response:
    """How good the events were."""
    scope = _scope(request, query_of(request, allowed=DAYS), context)
    return json_response(await context.queries.quality(scope))


def _scope(request: Request, values: dict[str, str], context: Context) -> Scope:
    site = {"site": request.path_params["site_id"]}
    return scope_of({**values, **site}, settings=context.queries.settings, now_ms=context.clock())


INTERVAL = Parameter(
    meaning="Minutes are kept for 7 days, hours for 2 years, days for good. Default: day.", kind=Interval
)
OVERVIEW = {**PERIOD, "filter": FILTER, "compare": COMPARE}
#: The days alone: whose traffic is meant goes without saying.
DAYS = {name: parameter for name, parameter in PERIOD.items() if name != "bots"}
BOTS = {
    **DAYS,
    "pages": Parameter(meaning=f"How many pages, 1 to {MAX_PAGES}. Default: {DEFAULT_PAGES}.", kind=int),
}
ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/v1/sites/{site_id}/overview",
        summary="Visitors, page views, bounce rate, session duration, conversion rate, sources, devices",
        handler=overview,
        answer=Overview,
        table="sources",
        parameters=OVERVIEW,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/sites/{site_id}/series",
        summary="Visitors, page views and events over time",
        handler=series,
        answer=Series,
        table="points",
        parameters={**PERIOD, "interval": INTERVAL},
    ),
    Endpoint(
        method="GET",
        path="/api/v1/sites/{site_id}/bots",
        summary="What programs did, by kind and name; pages that AI took, and that assistants sent people to",
        handler=bots,
        answer=BotTraffic,
        table="bots",
        parameters=BOTS,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/sites/{site_id}/quality",
        summary="Completeness, validity, timeliness, uniqueness of what was received, and a score, by hour",
        handler=quality,
        answer=DataQuality,
        table="hours",
        parameters=DAYS,
    ),
)
