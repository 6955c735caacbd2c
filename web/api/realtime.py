"""GET /api/v1/sites/{site_id}/realtime, and its stream: what goes on now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from views.params import Bots
from views.realtime import DEFAULT_ROWS, MAX_ROWS, MINUTES, NOW_MINUTES, Realtime, RealtimeAsked
from web.api.asking import number_of, one_of, query_of, site_of
from web.api.endpoints import PERIOD, Context, Endpoint, Parameter
from web.api.presenting import json_response
from web.api.streaming import EVENT_STREAM, EVERY_S


async def realtime(request: Request, context: Context) -> Response:
    """Who is here, the last half hour by minute, its pages, sources, countries."""
    return json_response(await _asking(request, context)())


async def stream(request: Request, context: Context) -> Response:
    """The same again and again, where a stream is accepted by name; else once."""
    ask = _asking(request, context)
    if EVENT_STREAM not in request.headers.get("accept", ""):
        return json_response(await ask())
    return await context.streams.response(request, ask)


def _asking(request: Request, context: Context) -> Callable[[], Awaitable[Realtime]]:
    """What asks of the moment it is called at."""
    values = query_of(request, allowed=PARAMETERS)
    site_id = site_of({"site": request.path_params["site_id"]})
    asked = RealtimeAsked(
        site_id=site_id,
        timezone=context.queries.settings.site(site_id).timezone,
        now_ms=context.clock(),
        bots=one_of(Bots, values, "bots", Bots.EXCLUDE),
        limit=number_of(values, "limit", default=DEFAULT_ROWS, most=MAX_ROWS),
    )
    return lambda: context.queries.realtime(msgspec.structs.replace(asked, now_ms=context.clock()))


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
    Endpoint(
        method="GET",
        path="/api/v1/sites/{site_id}/realtime/stream",
        summary=f"The same again every {EVERY_S:g} seconds, where Accept names `{EVENT_STREAM}`; else once",
        handler=stream,
        answer=Realtime,
        parameters=PARAMETERS,
        is_personal=True,
        other_media=(EVENT_STREAM,),
    ),
)
