"""POST /api/v1/sessions/query: a list of sessions."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from views.answers import SessionList
from views.catalog import SessionFilter, SessionOrder
from views.session_list import parse_cursor
from web.api.asking import ScopedBody, body_of, query_of, scope_of
from web.api.endpoints import Context, Endpoint
from web.api.presenting import json_response


class SessionQuery(ScopedBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which sessions, in which order. ``cursor`` is the ``next_cursor`` of an earlier answer."""

    filters: Annotated[list[SessionFilter], msgspec.Meta(max_length=20)] = msgspec.field(default_factory=list)
    order: SessionOrder = SessionOrder.LATEST
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 50
    cursor: str | None = None


async def query(request: Request, context: Context) -> Response:
    """Sessions that pass every filter."""
    query_of(request, allowed=())
    asked = await body_of(request, SessionQuery)
    scope = scope_of(asked.values, settings=context.queries.settings, now_ms=context.clock())
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
        table="sessions",
        is_personal=True,
        body=SessionQuery,
    ),
)
