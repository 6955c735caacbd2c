"""GET /api/v1/imports...: what was imported from other analytics tools."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from app.events.vocabulary import ImportedDimension
from views.imports import ImportedDays, ImportList
from web.api.asking import number_of, one_of, query_of, scope_of, site_of
from web.api.endpoints import SCOPE, Context, Endpoint, Parameter
from web.api.presenting import json_response

DEFAULT_ROWS = 1000
MAX_ROWS = 10_000


async def show_list(request: Request, context: Context) -> Response:
    """The imports of a site."""
    values = query_of(request, allowed=LIST)
    return json_response(await context.queries.imports(sites=[site_of(values)]))


async def show_days(request: Request, context: Context) -> Response:
    """Days as another tool counted them."""
    values = query_of(request, allowed=DAYS)
    scope = scope_of(values, settings=context.queries.settings, now_ms=context.clock())
    dimension = one_of(ImportedDimension, values, "dimension", ImportedDimension.TOTAL)
    limit = number_of(values, "limit", default=DEFAULT_ROWS, most=MAX_ROWS)
    return json_response(await context.queries.imported_days(scope, dimension=dimension, limit=limit))


LIST = {"site": SCOPE["site"]}
DAYS = {
    **{name: parameter for name, parameter in SCOPE.items() if name != "bots"},
    "dimension": Parameter(meaning="By what. Default: total.", kind=ImportedDimension),
    "limit": Parameter(meaning=f"How many rows, 1 to {MAX_ROWS}. Default: {DEFAULT_ROWS}.", kind=int),
}
ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/v1/imports",
        summary="What was imported into a site from other analytics tools, latest first",
        handler=show_list,
        answer=ImportList,
        parameters=LIST,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/imports/daily",
        summary="Days as another tool counted them, by a dimension; in no other answer",
        handler=show_days,
        answer=ImportedDays,
        parameters=DAYS,
    ),
)
