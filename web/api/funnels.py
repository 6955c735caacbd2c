"""/api/v1/funnels: funnels of a site, of the settings, or of the body -> who got how far."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from views.definitions import Stored
from views.funnels.model import (
    DEFAULT_PARTS,
    FUNNEL,
    MAX_PARTS,
    FunnelAsked,
    FunnelConversion,
    FunnelDefinition,
)
from views.params import Scope
from views.stats.model import Step
from web.api.asking import body_of, number_of, optional, query_of, scope_of
from web.api.definitions import Listed, endpoints
from web.api.endpoints import SCOPE, Context, Endpoint, Parameter
from web.api.filtering import filter_of
from web.api.presenting import json_response

#: What a funnel that has no id is called in its answer.
PREVIEW = "preview"


async def conversion(request: Request, context: Context) -> Response:
    """Who reached each step."""
    scope, asked = _asked(request, context)
    funnel_id = request.path_params["funnel_id"]
    return json_response(await context.queries.funnel(scope, funnel_id=funnel_id, asked=asked))


async def preview(request: Request, context: Context) -> Response:
    """The same of a funnel that is not stored."""
    scope, asked = _asked(request, context)
    definition = await body_of(request, FunnelDefinition)
    found = await context.queries.funnel_of(scope, definition=definition, funnel_id=PREVIEW, asked=asked)
    return json_response(found)


def _asked(request: Request, context: Context) -> tuple[Scope, FunnelAsked]:
    values = query_of(request, allowed=PARAMETERS)
    scope = scope_of(values, settings=context.queries.settings, now_ms=context.clock())
    asked = FunnelAsked(
        filter=filter_of(values),
        breakdown=values.get("breakdown"),
        interval=optional(Step, values, "interval"),
        limit=number_of(values, "limit", default=DEFAULT_PARTS, most=MAX_PARTS),
    )
    return scope, asked


PARAMETERS = {
    **SCOPE,
    "filter": Parameter(
        meaning="Who counts, by fields of sessions and `user.<name>`: JSON as in POST /api/v1/query."
    ),
    "breakdown": Parameter(meaning="A field, such as `channel`: those apart that have each value at step 1."),
    "interval": Parameter(meaning="day, week or month: those apart who began in each.", kind=Step),
    "limit": Parameter(
        meaning=f"How many values, most first, 1 to {MAX_PARTS}. Default: {DEFAULT_PARTS}.", kind=int
    ),
}
ENDPOINTS = (
    *endpoints(FUNNEL, stored=Stored[FunnelDefinition], listed=Listed[FunnelDefinition]),
    Endpoint(
        method="GET",
        path="/api/v1/funnels/{funnel_id}/conversion",
        summary="How many took each step of a funnel, in what time, for what revenue",
        handler=conversion,
        answer=FunnelConversion,
        table="steps",
        parameters=PARAMETERS,
        may_be_missing=True,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/funnels/preview",
        summary="The same of a funnel that is not stored",
        handler=preview,
        answer=FunnelConversion,
        parameters=PARAMETERS,
        body=FunnelDefinition,
    ),
)
