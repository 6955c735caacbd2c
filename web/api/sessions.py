"""/api/v1/sessions: a list of them, and one with its events."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from views.answers import SessionList
from views.catalog import SessionFilter, SessionOrder
from views.params import Bots
from views.session_list import parse_cursor
from views.session_timeline import SessionDetail
from web.api.asking import ScopedBody, body_of, query_of, scope_of
from web.api.endpoints import SCOPE, Context, Endpoint, Parameter
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


async def show(request: Request, context: Context) -> Response:
    """One session and what happened in it."""
    values = {"bots": Bots.INCLUDE.value, **query_of(request)}
    scope = scope_of(values, settings=context.queries.settings, now_ms=context.clock())
    session_id = str(request.path_params["session_id"])
    return json_response(await context.queries.session(scope, session_id=session_id))


#: Who asks for one session wants that one, whatever it was taken for.
BOTS = Parameter(meaning="Whose traffic counts. Default: include.", kind=Bots)
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
    Endpoint(
        method="GET",
        path="/api/v1/sessions/{session_id:uuid}",
        summary="One session that began in the period, and its events in order",
        handler=show,
        answer=SessionDetail,
        table="events",
        is_personal=True,
        parameters={**SCOPE, "bots": BOTS},
        may_be_missing=True,
    ),
)
