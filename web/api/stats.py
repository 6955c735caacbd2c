"""POST /api/v1/query, GET /api/v1/sites/{site_id}/stats: any metrics, by dimensions and intervals."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from views.params import Bots
from views.stats.model import DEFAULT_ROWS, MAX_ROWS, Asked, Metric, Stats, Step
from web.api.asking import body_of, number_of, query_of, scope_of, scope_values
from web.api.endpoints import PERIOD, Context, Endpoint, Parameter
from web.api.filtering import COMPARE, FILTER, compare_of, converted, json_of
from web.api.presenting import json_response


class StatsQuery(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question of numbers. ``cursor`` is the ``next_cursor`` of an earlier answer."""

    site: str
    since: str | None = msgspec.field(default=None, name="from")
    until: str | None = msgspec.field(default=None, name="to")
    bots: Bots = Bots.EXCLUDE


async def query(request: Request, context: Context) -> Response:
    """The answer to a question in the body."""
    query_of(request, allowed=())
    asked = await body_of(request, StatsQuery)
    values = scope_values(site=asked.site, since=asked.since, until=asked.until, bots=asked.bots)
    return await _answer(values, asked, context)


async def stats(request: Request, context: Context) -> Response:
    """The answer to a question in the query parameters."""
    values = query_of(request, allowed=PARAMETERS)
    fields: dict[str, Any] = {
        name: [one for one in values[name].split(",") if one]
        for name in ("metrics", "dimensions")
        if name in values
    }
    fields.update({name: values[name] for name in ("interval", "cursor") if name in values})
    fields.update(compare_of(values))
    if "order" in values:
        by = values["order"]
        fields["order"] = {"by": by.removeprefix("-"), "is_descending": by.startswith("-")}
    if "filter" in values:
        fields["filter"] = json_of(values, "filter")
    fields["limit"] = number_of(values, "limit", default=DEFAULT_ROWS, most=MAX_ROWS)
    fields.setdefault("metrics", [Metric.VISITORS, Metric.SESSIONS, Metric.PAGE_VIEWS])
    asked: Asked = converted(fields, Asked)
    return await _answer({**values, "site": request.path_params["site_id"]}, asked, context)


async def _answer(values: dict[str, str], asked: Asked, context: Context) -> Response:
    scope = scope_of(values, settings=context.queries.settings, now_ms=context.clock())
    return json_response(await context.queries.stats(scope, asked))


PARAMETERS = {
    **PERIOD,
    "metrics": Parameter(
        meaning=f"Names with commas between: {', '.join(Metric)}. Default: visitors,sessions,page_views."
    ),
    "dimensions": Parameter(meaning="Fields with commas between, such as `channel,device_class`."),
    "interval": Parameter(meaning="Length of the intervals of a series.", kind=Step),
    "filter": FILTER,
    "compare": COMPARE,
    "order": Parameter(meaning="A metric, a dimension or `at`; most first with a `-` before it."),
    "limit": Parameter(meaning=f"How many rows, 1 to {MAX_ROWS}. Default: {DEFAULT_ROWS}.", kind=int),
    "cursor": Parameter(meaning="The `next_cursor` of an earlier answer to the same question."),
}
ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/api/v1/query",
        summary="Any metrics, by dimensions and intervals, of what passes a filter; compared, page by page",
        handler=query,
        answer=Stats,
        table="rows",
        body=StatsQuery,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/sites/{site_id}/stats",
        summary="The same, asked by query parameters",
        handler=stats,
        answer=Stats,
        table="rows",
        parameters=PARAMETERS,
    ),
)
