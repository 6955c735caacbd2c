"""GET /api/v1/pages, /api/v1/pages/{page_id}/metrics: the pages of a site, and one of them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from views.answers import PageMetrics
from views.page_list import DEFAULT_PAGES, MAX_PAGES, PageFigure, PageList, PagesAsked
from web.api.asking import number_of, query_of, scope_of
from web.api.endpoints import SCOPE, Context, Endpoint, Parameter
from web.api.filtering import FILTER, filter_of, order_of
from web.api.presenting import json_response


async def pages(request: Request, context: Context) -> Response:
    """The pages of a site, in order."""
    values = query_of(request, allowed=PARAMETERS)
    scope = scope_of(values, settings=context.queries.settings, now_ms=context.clock())
    order, is_descending = order_of(PageFigure, values, default=f"-{PageFigure.PAGE_VIEWS}")
    asked = PagesAsked(
        order=order,
        is_descending=is_descending,
        filter=filter_of(values),
        limit=number_of(values, "limit", default=DEFAULT_PAGES, most=MAX_PAGES),
        cursor=values.get("cursor"),
    )
    return json_response(await context.queries.page_list(scope, asked))


async def metrics(request: Request, context: Context) -> Response:
    """Views, visitors, entries, exits, engagement and timings."""
    values = query_of(request)
    scope = scope_of(values, settings=context.queries.settings, now_ms=context.clock())
    page_id = request.path_params["page_id"]
    page = page_id if page_id.startswith("/") else f"/{page_id}"
    return json_response(await context.queries.page_metrics(scope, page=page))


PARAMETERS = {
    **SCOPE,
    "order": Parameter(
        meaning=f"One of {', '.join(PageFigure)}; most first with a `-` before it. Default: -page_views."
    ),
    "filter": FILTER,
    "limit": Parameter(meaning=f"How many pages, 1 to {MAX_PAGES}. Default: {DEFAULT_PAGES}.", kind=int),
    "cursor": Parameter(meaning="The `next_cursor` of an earlier answer to the same question."),
}
ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/v1/pages",
        summary="Pages: views, visitors, entries, exits, bounces, engagement, scroll depth; in any order",
        handler=pages,
        answer=PageList,
        parameters=PARAMETERS,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/pages/{page_id:path}/metrics",
        summary="One page; its id is its path, percent-encoded: %2Fcart, and %2F for the home page",
        handler=metrics,
        answer=PageMetrics,
        table=".",
        parameters=SCOPE,
        may_be_missing=True,
    ),
)
