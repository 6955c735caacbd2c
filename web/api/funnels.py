"""GET /api/v1/funnels/{funnel_id}/conversion: one funnel of the settings."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from views.answers import FunnelConversion
from web.api.asking import query_of, scope_of
from web.api.endpoints import SCOPE, Context, Endpoint
from web.api.presenting import json_response


async def conversion(request: Request, context: Context) -> Response:
    """Who reached each step."""
    values = query_of(request)
    scope = scope_of(values, settings=context.queries.settings, now_ms=context.clock())
    funnel_id = request.path_params["funnel_id"]
    return json_response(await context.queries.funnel(scope, funnel_id=funnel_id))


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/v1/funnels/{funnel_id}/conversion",
        summary="How many visitors took each step of a funnel, in order and in time",
        handler=conversion,
        answer=FunnelConversion,
        table="steps",
        parameters=SCOPE,
        may_be_missing=True,
    ),
)
