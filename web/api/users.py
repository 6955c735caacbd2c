"""GET /api/v1/users/{user_id}/behavior: one person."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from views.answers import UserBehavior
from views.params import Bots
from web.api.asking import query_of, scope_of
from web.api.endpoints import SCOPE, Context, Endpoint, Parameter
from web.api.presenting import json_response


async def behavior(request: Request, context: Context) -> Response:
    """Totals, sessions, pages and the latest events."""
    values = {"bots": Bots.INCLUDE.value, **query_of(request)}
    scope = scope_of(values, settings=context.queries.settings, now_ms=context.clock())
    return json_response(await context.queries.user_behavior(scope, user_id=request.path_params["user_id"]))


#: Who asks for one person wants that person, whatever the traffic was taken for.
BOTS = Parameter(meaning="Whose traffic counts. Default: include.", kind=Bots)
ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/v1/users/{user_id:path}/behavior",
        summary="What a user id, or a visitor id, has done",
        handler=behavior,
        answer=UserBehavior,
        table="timeline",
        is_personal=True,
        parameters={**SCOPE, "bots": BOTS},
        may_be_missing=True,
    ),
)
