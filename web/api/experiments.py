"""/api/v1/experiments: those that were seen, how the variants did, and how many users it takes to see it."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.core.experiments.contracts import Design, Wanted
from app.core.experiments.planning import (
    Plan,
    least_change_of_means,
    least_change_of_rates,
    users_for_means,
    users_for_rates,
)
from app.errors import QueryError
from views.experiments.model import (
    DEFAULT_CUPED_DAYS,
    MOST_CUPED_DAYS,
    Amount,
    ExperimentList,
    ExperimentResults,
    ResultsAsked,
)
from views.params import Bots
from web.api.asking import body_of, query_of, scope_of, scope_values
from web.api.endpoints import SCOPE, Context, Endpoint, Parameter
from web.api.filtering import EVENT_PARAMETERS, converted, goal_of, json_of
from web.api.presenting import json_response

_Users = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
_Size = Annotated[float, msgspec.Meta(ge=-1e12, le=1e12)]


class ResultsQuery(ResultsAsked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question of an experiment's results."""

    site: str
    since: str | None = msgspec.field(default=None, name="from")
    until: str | None = msgspec.field(default=None, name="to")
    bots: Bots = Bots.EXCLUDE


class _Planned(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What is known of a metric; ``kind`` says of which."""


class PlannedRate(_Planned, frozen=True, tag="rate"):
    """A conversion rate that is ``baseline`` now."""

    baseline: Annotated[float, msgspec.Meta(ge=0, le=1)]


class PlannedMean(_Planned, frozen=True, tag="mean"):
    """A mean whose ``variance`` between users is known; of a ratio, that of its sample."""

    variance: Annotated[float, msgspec.Meta(ge=0, le=1e24)]


class PlanAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A plan; ``change``: what is to be seen, in the metric's unit (not relative).

    ``users``: in each variant, to hear what can be seen. ``treatments``: compared with the control.
    """

    metric: PlannedRate | PlannedMean
    alpha: Annotated[float, msgspec.Meta(ge=0.0001, le=0.5)] = 0.05
    power: Annotated[float, msgspec.Meta(ge=0.01, le=0.9999)] = 0.8
    treatments: Annotated[int, msgspec.Meta(ge=1, le=19)] = 1
    change: _Size | None = None
    users: _Users | None = None


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """``users_per_variant`` and ``users_in_all`` (with the control) that show ``change``, if it was given.

    ``least_change``: the smallest that ``users`` in each variant show; None where no rise of a rate is, and
    without ``users``.
    """

    users_per_variant: int | None
    users_in_all: int | None
    least_change: float | None


async def seen(request: Request, context: Context) -> Response:
    """The experiments of a period."""
    values = query_of(request)
    scope = scope_of(values, settings=context.queries.settings, now_ms=context.clock())
    return json_response(await context.queries.experiments(scope))


async def post_results(request: Request, context: Context) -> Response:
    """The results that the body asks for."""
    query_of(request, allowed=())
    asked = await body_of(request, ResultsQuery)
    values = scope_values(site=asked.site, since=asked.since, until=asked.until, bots=asked.bots)
    return await _results(values, asked, context)


async def get_results(request: Request, context: Context) -> Response:
    """The results that the query parameters ask for."""
    values = query_of(request, allowed=PARAMETERS)
    metric: dict[str, Any] = {"kind": values.get("metric", "conversion"), "goal": goal_of(values)}
    metric.update({name: values[name] for name in ("of", "per") if name in values})
    asked: dict[str, Any] = {name: values[name] for name in ("control", "wanted", "design") if name in values}
    asked.update({name: json_of(values, name) for name in _NUMBERS if name in values})
    asked.update({"experiment": request.path_params["experiment_id"], "metric": metric})
    found: ResultsAsked = converted(asked, ResultsAsked)
    return await _results(values, found, context)


async def plan(request: Request, _: Context) -> Response:
    """How many users it takes, or what so many show."""
    query_of(request, allowed=())
    asked = await body_of(request, PlanAsked)
    if asked.change is None and asked.users is None:
        raise QueryError("neither `change` nor `users` is given; give one of them to hear the other, or both")
    try:
        return json_response(_planned(asked))
    except ArithmeticError as error:
        raise QueryError(
            f"change = {asked.change} is too small to be seen by any number of users; ask for a larger one"
        ) from error
    except ValueError as error:
        raise QueryError(f"there is no such plan: {error}") from error


def _planned(asked: PlanAsked) -> Planned:
    terms = Plan(alpha=asked.alpha, power=asked.power, comparisons=asked.treatments)
    users = least = None
    if isinstance(asked.metric, PlannedRate):
        if asked.change is not None:
            users = users_for_rates(asked.metric.baseline, change=asked.change, plan=terms)
        if asked.users is not None:
            least = least_change_of_rates(asked.metric.baseline, users=asked.users, plan=terms)
    else:
        if asked.change is not None:
            users = users_for_means(asked.metric.variance, change=asked.change, plan=terms)
        if asked.users is not None:
            least = least_change_of_means(asked.metric.variance, users=asked.users, plan=terms)
    in_all = None if users is None else users * (asked.treatments + 1)
    return Planned(users_per_variant=users, users_in_all=in_all, least_change=least)


async def _results(values: dict[str, str], asked: ResultsAsked, context: Context) -> Response:
    scope = scope_of(values, settings=context.queries.settings, now_ms=context.clock())
    return json_response(await context.queries.experiment_results(scope, asked))


_NUMBERS = ("weights", "alpha", "planned_users", "least_users", "cuped_days")
PARAMETERS = {
    **SCOPE,
    "metric": Parameter(
        meaning="`conversion` (the part of the visitors who convert), `mean` (`of` per visitor) or `ratio` "
        "(`of` over `per`). Default: conversion."
    ),
    "of": Parameter(meaning="What is summed up. Default: revenue.", kind=Amount),
    "per": Parameter(meaning="Of a ratio: what it is divided by. Default: sessions.", kind=Amount),
    "event": Parameter(meaning="Name of the events that count. Default: of conversions any, of amounts all."),
    "event_filter": EVENT_PARAMETERS["event_filter"],
    "control": Parameter(meaning="The variant that the others are compared with. Default: control."),
    "weights": Parameter(
        meaning='The variants to compare and their shares of the visitors: `{"control": 1, "green": 1}`. '
        "Default: all that were seen, alike."
    ),
    "wanted": Parameter(meaning="Which values are better. Default: more.", kind=Wanted),
    "design": Parameter(meaning="Whether it is decided at any look or at a fixed size.", kind=Design),
    "alpha": Parameter(meaning="How often an effect may be claimed without one. Default: 0.05.", kind=float),
    "planned_users": Parameter(
        meaning="About how many there will be in two variants together. Default: 10000.", kind=int
    ),
    "least_users": Parameter(meaning="With fewer in a variant nothing wins. Default: 100.", kind=int),
    "cuped_days": Parameter(
        meaning=f"Days before the exposure that explain a mean, 0 to {MOST_CUPED_DAYS}. "
        f"Default: {DEFAULT_CUPED_DAYS}.",
        kind=int,
    ),
}
ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/v1/experiments",
        summary="The experiments that visitors were exposed to",
        handler=seen,
        answer=ExperimentList,
        parameters=SCOPE,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/experiments/results",
        summary="How the variants of an experiment did, by a conversion rate, a mean or a ratio",
        handler=post_results,
        answer=ExperimentResults,
        body=ResultsQuery,
        may_be_missing=True,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/experiments/{experiment_id}/results",
        summary="The same, asked by query parameters",
        handler=get_results,
        answer=ExperimentResults,
        parameters=PARAMETERS,
        may_be_missing=True,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/experiments/plan",
        summary="How many users it takes to see a change, or which change so many show",
        handler=plan,
        is_of_no_site=True,
        answer=Planned,
        body=PlanAsked,
    ),
)
