"""POST /api/v1/sessions/query: a list of sessions."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from views.answers import SessionList
from views.catalog import SessionFilter, SessionOrder
from views.params import Bots
from views.session_list import parse_cursor
from web.api.asking import body_of, query_of, scope_of
from web.api.endpoints import Context, Endpoint
from web.api.presenting import json_response


class SessionQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which sessions, in which order. ``cursor`` is the ``next_cursor`` of an earlier answer."""

    site: str
    since: str | None = msgspec.field(default=None, name="from")
    until: str | None = msgspec.field(default=None, name="to")
    bots: Bots = Bots.EXCLUDE
    filters: Annotated[list[SessionFilter], msgspec.Meta(max_length=20)] = []
    order: SessionOrder = SessionOrder.LATEST
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 50
    cursor: str | None = None


async def query(request: Request, context: Context) -> Response:
    """Sessions that pass every filter."""
    query_of(request, allowed=())
    asked = await body_of(request, SessionQuery)
    named = {"site": asked.site, "from": asked.since, "to": asked.until, "bots": asked.bots}
    values = {name: value for name, value in named.items() if value is not None}
    scope = scope_of(values, settings=context.queries.settings, now_ms=context.clock())
    return json_response(
        await context.queries.sessions(
            scope,
            filters=asked.filters,
            order=asked.order,
            limit=asked.limit,
            cursor=None if asked.cursor is None else parse_cursor(asked.cursor, order=asked.order),
        )
    )


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/api/v1/sessions/query",
        summary="Sessions by filters, in order, page by page",
        handler=query,
        answer=SessionList,
        body=SessionQuery,
    ),
)
