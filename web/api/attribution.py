"""GET /api/v1/attribution: what led to conversions, by every model side by side."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from app.core.attribution.models import Model
from app.errors import QueryError
from views.attribution.model import (
    DEFAULT_HALF_LIFE_DAYS,
    DEFAULT_KEYS,
    DEFAULT_LOOK_BACK_DAYS,
    MOST_DAYS,
    MOST_NAMED,
    Attribution,
    AttributionAsked,
    TouchedBy,
)
from views.counted_events import Goal
from web.api.asking import number_of, one_of, query_of, scope_of
from web.api.endpoints import SCOPE, Context, Endpoint, Parameter
from web.api.filtering import EVENT_PARAMETERS, converted, filter_of, goal_of
from web.api.presenting import json_response


async def attribution(request: Request, context: Context) -> Response:
    """What each channel, source or campaign is given of the conversions."""
    values = query_of(request, allowed=PARAMETERS)
    asked = AttributionAsked(
        models=_models(values.get("models")),
        by=one_of(TouchedBy, values, "by", TouchedBy.CHANNEL),
        look_back_days=number_of(values, "look_back_days", default=DEFAULT_LOOK_BACK_DAYS, most=MOST_DAYS),
        half_life_days=number_of(values, "half_life_days", default=DEFAULT_HALF_LIFE_DAYS, most=MOST_DAYS),
        goal=converted(goal_of(values), Goal),
        filter=filter_of(values, "filter"),
        keys=number_of(values, "keys", default=DEFAULT_KEYS, most=MOST_NAMED),
    )
    scope = scope_of(values, settings=context.queries.settings, now_ms=context.clock())
    return json_response(await context.queries.attribution(scope, asked))


def _models(text: str | None) -> tuple[Model, ...]:
    """Those named, each once, in order; all where none is."""
    if text is None:
        return tuple(Model)
    try:
        return tuple(dict.fromkeys(Model(name) for name in text.split(",")))
    except ValueError as error:
        raise QueryError(
            f"models = {text[:64]!r}: expected, with commas between, any of {', '.join(Model)}"
        ) from error


PARAMETERS = {
    **SCOPE,
    "models": Parameter(meaning=f"Names with commas between: {', '.join(Model)}. Default: all."),
    "by": Parameter(meaning="What touchpoints are told apart by. Default: channel.", kind=TouchedBy),
    "look_back_days": Parameter(
        meaning=f"How long before a conversion a session counts, 1 to {MOST_DAYS} days of 24 hours. "
        f"Default: {DEFAULT_LOOK_BACK_DAYS}.",
        kind=int,
    ),
    "half_life_days": Parameter(
        meaning=f"In what time a touchpoint loses half its weight (time_decay), 1 to {MOST_DAYS} days. "
        f"Default: {DEFAULT_HALF_LIFE_DAYS}.",
        kind=int,
    ),
    **EVENT_PARAMETERS,
    "filter": Parameter(
        meaning="JSON as in POST /api/v1/query, on fields of sessions: conversions of those that pass."
    ),
    "keys": Parameter(
        meaning=f"How many keys are named, 1 to {MOST_NAMED}; the others are `(other)`. "
        f"Default: {DEFAULT_KEYS}.",
        kind=int,
    ),
}
ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/v1/attribution",
        summary="What led to the conversions of a period, by six rules and by the data",
        handler=attribution,
        answer=Attribution,
        parameters=PARAMETERS,
    ),
)
