"""GET /api/v1/sites/{site_id}/realtime: what goes on now."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from views.params import Bots
from views.realtime import DEFAULT_ROWS, MAX_ROWS, MINUTES, NOW_MINUTES, Realtime, RealtimeAsked
from web.api.asking import number_of, one_of, query_of, site_of
from web.api.endpoints import PERIOD, Context, Endpoint, Parameter
from web.api.presenting import json_response


async def realtime(request: Request, context: Context) -> Response:
    """Who is here, the last half hour by minute, its pages, sources, countries."""
    values = query_of(request, allowed=PARAMETERS)
    site_id = site_of({"site": request.path_params["site_id"]})
    asked = RealtimeAsked(
        site_id=site_id,
        timezone=context.queries.settings.site(site_id).timezone,
        now_ms=context.clock(),
        bots=one_of(Bots, values, "bots", Bots.EXCLUDE),
        limit=number_of(values, "limit", default=DEFAULT_ROWS, most=MAX_ROWS),
    )
    return json_response(await context.queries.realtime(asked))


PARAMETERS = {
    "bots": PERIOD["bots"],
    "limit": Parameter(meaning=f"Rows of each list, 1 to {MAX_ROWS}. Default: {DEFAULT_ROWS}.", kind=int),
}
ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/v1/sites/{site_id}/realtime",
        summary=f"Visitors of the last {NOW_MINUTES} minutes; the last {MINUTES} by minute, their pages, "
        "channels, sources and countries",
        handler=realtime,
        answer=Realtime,
        table="minutes",
        parameters=PARAMETERS,
    ),
)
