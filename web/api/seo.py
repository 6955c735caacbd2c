"""GET /api/v1/seo: what search and AI bring, take, and do not find."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from views.seo import DEFAULT_ROWS, MAX_ROWS, Seo
from web.api.asking import number_of, query_of, scope_of
from web.api.endpoints import SCOPE, Context, Endpoint, Parameter
from web.api.presenting import json_response


async def seo(request: Request, context: Context) -> Response:
    """Landing pages, engines, terms, crawlers, assistants, missing pages."""
    values = query_of(request, allowed=PARAMETERS)
    scope = scope_of(values, settings=context.queries.settings, now_ms=context.clock())
    limit = number_of(values, "limit", default=DEFAULT_ROWS, most=MAX_ROWS)
    return json_response(await context.queries.seo(scope, limit=limit))


PARAMETERS = {
    **SCOPE,
    "limit": Parameter(meaning=f"Rows of each list, 1 to {MAX_ROWS}. Default: {DEFAULT_ROWS}.", kind=int),
}
ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/v1/seo",
        summary="Organic landing pages beside Search Console, engines, terms, crawlers, AI, missing pages",
        handler=seo,
        answer=Seo,
        parameters=PARAMETERS,
    ),
)
