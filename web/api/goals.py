"""/api/v1/goals: goals of a site -> how often each was reached."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from views.definitions import Stored
from views.goals import DEFAULT_VALUES, GOAL, MAX_VALUES, GoalAsked, GoalConversions, GoalDefinition
from web.api.asking import number_of, query_of, scope_of
from web.api.definitions import Listed, endpoints
from web.api.endpoints import SCOPE, Context, Endpoint, Parameter
from web.api.filtering import filter_of
from web.api.presenting import json_response


async def conversions(request: Request, context: Context) -> Response:
    """How often the goal was reached, by how many, for what."""
    values = query_of(request, allowed=PARAMETERS)
    scope = scope_of(values, settings=context.queries.settings, now_ms=context.clock())
    asked = GoalAsked(
        filter=filter_of(values),
        breakdown=values.get("breakdown"),
        limit=number_of(values, "limit", default=DEFAULT_VALUES, most=MAX_VALUES),
    )
    goal_id = request.path_params["goal_id"]
    return json_response(await context.queries.goal(scope, goal_id=goal_id, asked=asked))


PARAMETERS = {
    **SCOPE,
    "filter": Parameter(
        meaning="Which sessions count, by their fields and `user.<name>`: JSON as in POST /api/v1/query."
    ),
    "breakdown": Parameter(meaning="A field of sessions, such as `channel`: each of its values apart."),
    "limit": Parameter(
        meaning=f"How many values, most conversions first, 1 to {MAX_VALUES}. Default: {DEFAULT_VALUES}.",
        kind=int,
    ),
}
ENDPOINTS = (
    *endpoints(GOAL, stored=Stored[GoalDefinition], listed=Listed[GoalDefinition]),
    Endpoint(
        method="GET",
        path="/api/v1/goals/{goal_id}/conversions",
        summary="How often a goal was reached: sessions and visitors who did, rates, revenue, average order",
        handler=conversions,
        answer=GoalConversions,
        parameters=PARAMETERS,
        may_be_missing=True,
    ),
)
