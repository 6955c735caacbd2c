"""GET /api/v1/users/{user_id}/behavior: one person."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from views.answers import UserBehavior
from web.api.asking import query_of, scope_of
from web.api.endpoints import SCOPE, Context, Endpoint
from web.api.presenting import json_response


async def behavior(request: Request, context: Context) -> Response:
    """Totals and the latest events."""
    values = query_of(request, allowed=("site", "from", "to"))
    scope = scope_of(values, settings=context.queries.settings, now_ms=context.clock())
    return json_response(await context.queries.user_behavior(scope, user_id=request.path_params["user_id"]))


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/v1/users/{user_id}/behavior",
        summary="What a user id, or a visitor id, has done",
        handler=behavior,
        answer=UserBehavior,
        parameters={name: text for name, text in SCOPE.items() if name != "bots"},
        may_be_missing=True,
    ),
)
