"""GET /api/v1/heatmap: the clicks and the scrolling of one page."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from app.errors import QueryError
from app.events.vocabulary import DeviceClass
from views.heatmap import (
    DEFAULT_COLUMNS,
    DEFAULT_ELEMENTS,
    DEFAULT_ROWS,
    MAX_CELLS,
    MAX_ELEMENTS,
    Heatmap,
    HeatmapAsked,
)
from web.api.asking import number_of, optional, query_of, scope_of
from web.api.endpoints import SCOPE, Context, Endpoint, Parameter
from web.api.filtering import FILTER, filter_of
from web.api.presenting import json_response


async def heatmap(request: Request, context: Context) -> Response:
    """Where a page is clicked, on what, and how far it is scrolled."""
    values = query_of(request, allowed=PARAMETERS)
    scope = scope_of(values, settings=context.queries.settings, now_ms=context.clock())
    if not values.get("page"):
        raise QueryError("page is missing: expected a path as it was reported, such as page=/cart")
    asked = HeatmapAsked(
        page=values["page"],
        device_class=optional(DeviceClass, values, "device_class"),
        columns=number_of(values, "columns", default=DEFAULT_COLUMNS, most=MAX_CELLS),
        rows=number_of(values, "rows", default=DEFAULT_ROWS, most=MAX_CELLS),
        elements=number_of(values, "limit", default=DEFAULT_ELEMENTS, most=MAX_ELEMENTS),
        filter=filter_of(values),
    )
    return json_response(await context.queries.heatmap(scope, asked))


PARAMETERS = {
    **SCOPE,
    "page": Parameter(meaning="Path of the page, as it was reported.", is_required=True),
    "device_class": Parameter(meaning="Clicks and page views of these devices alone.", kind=DeviceClass),
    "columns": Parameter(
        meaning=f"Cells from left to right, 1 to {MAX_CELLS}. Default: {DEFAULT_COLUMNS}.", kind=int
    ),
    "rows": Parameter(
        meaning=f"Cells from top to bottom, 1 to {MAX_CELLS}. Default: {DEFAULT_ROWS}.", kind=int
    ),
    "limit": Parameter(
        meaning=f"How many elements, 1 to {MAX_ELEMENTS}. Default: {DEFAULT_ELEMENTS}.", kind=int
    ),
    "filter": FILTER,
}
ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/v1/heatmap",
        summary="One page: a grid of its clicks, top elements, rage and dead clicks, scroll reach",
        handler=heatmap,
        answer=Heatmap,
        parameters=PARAMETERS,
    ),
)
