"""GET /api/v1/pages/{page_id}/metrics: one page."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from views.answers import PageMetrics
from web.api.asking import query_of, scope_of
from web.api.endpoints import SCOPE, Context, Endpoint
from web.api.presenting import json_response


async def metrics(request: Request, context: Context) -> Response:
    """Views, visitors, entries, exits, engagement and timings."""
    values = query_of(request)
    scope = scope_of(values, settings=context.queries.settings, now_ms=context.clock())
    page = "/" + request.path_params["page_id"].lstrip("/")
    return json_response(await context.queries.page_metrics(scope, page=page))


ENDPOINTS = (
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
