"""GET /api/v1/journeys, GET /api/v1/journeys/flow: the ways that sessions take through a site."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from app.errors import QueryError
from views.journeys.model import (
    DEFAULT_DEPTH,
    DEFAULT_NODES,
    DEFAULT_PATHS,
    LEAST_DEPTH,
    MAX_NODES,
    MAX_PATHS,
    MOST_DEPTH,
    Direction,
    Flow,
    Journeys,
    Of,
    TopPaths,
)
from web.api.asking import number_of, one_of, query_of, scope_of
from web.api.endpoints import SCOPE, Context, Endpoint, Parameter
from web.api.filtering import filter_of
from web.api.happenings import PAGE_OR_EVENT, target_of
from web.api.presenting import json_response


async def journeys(request: Request, context: Context) -> Response:
    """Paths with the most sessions."""
    values = query_of(request, allowed=PARAMETERS)
    scope = scope_of(values, settings=context.queries.settings, now_ms=context.clock())
    asked = _asked(values, default=DEFAULT_PATHS, most=MAX_PATHS)
    return json_response(await context.queries.top_paths(scope, asked))


async def flow(request: Request, context: Context) -> Response:
    """Nodes and links."""
    values = query_of(request, allowed=PARAMETERS)
    scope = scope_of(values, settings=context.queries.settings, now_ms=context.clock())
    asked = _asked(values, default=DEFAULT_NODES, most=MAX_NODES)
    return json_response(await context.queries.flow(scope, asked))


def _asked(values: dict[str, str], *, default: int, most: int) -> Journeys:
    depth = number_of(values, "depth", default=DEFAULT_DEPTH, most=MOST_DEPTH)
    if depth < LEAST_DEPTH:
        raise QueryError(f"depth = {depth}: expected a whole number from {LEAST_DEPTH} to {MOST_DEPTH}")
    return Journeys(
        of=one_of(Of, values, "of", Of.PAGES),
        direction=one_of(Direction, values, "direction", Direction.AFTER),
        anchor=target_of(values),
        depth=depth,
        filter=filter_of(values, "filter"),
        limit=number_of(values, "limit", default=default, most=most),
    )


PARAMETERS = {
    **SCOPE,
    **PAGE_OR_EVENT,
    "of": Parameter(meaning="What the steps are. Default: pages.", kind=Of),
    "direction": Parameter(
        meaning="From the page or event on, or to it; without: from the start of sessions, or to the end. "
        "`both`: only for the flow around a page or event. Default: after.",
        kind=Direction,
    ),
    "depth": Parameter(
        meaning=f"Steps of a path, or on a side of the flow, {LEAST_DEPTH} to {MOST_DEPTH}. "
        f"Default: {DEFAULT_DEPTH}.",
        kind=int,
    ),
    "limit": Parameter(
        meaning=f"How many paths, 1 to {MAX_PATHS} (default {DEFAULT_PATHS}); or of the flow how many nodes "
        f"of each step, 1 to {MAX_NODES} (default {DEFAULT_NODES}): the rest is `other`.",
        kind=int,
    ),
}
ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/v1/journeys",
        summary="The paths that most sessions take, from their start or a page or event on, or to it",
        handler=journeys,
        answer=TopPaths,
        parameters=PARAMETERS,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/journeys/flow",
        summary="Where sessions come from and go to, step by step: the data of a Sankey diagram",
        handler=flow,
        answer=Flow,
        parameters=PARAMETERS,
    ),
)
