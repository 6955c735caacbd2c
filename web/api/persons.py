"""/api/v1/sites/{site_id}/persons: what is held of a person, handed out or removed. For operators only."""

from __future__ import annotations

import asyncio

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app import log
from app.adapters.worker_state import default_worker
from app.core.api_keys import KeyScope
from app.errors import BrokerUnavailableError, ErasureError, QueryError
from app.events.persons import ErasureReport, PersonExport
from app.events.wire import UserId, VisitorId
from app.settings import Settings
from app.traffic.kafka import KafkaFeeder
from app.traffic.persons import Asked, Persons, worker_at
from web.api.asking import body_of, query_of, site_of
from web.api.endpoints import Context, Endpoint, Parameter
from web.api.presenting import json_response
from web.problems import ProblemKind, problem

#: A request waits so long for the workers to forget the person.
PATIENCE_S = 30.0

#: Two runs at once would each copy the person's rows.
_ERASING = asyncio.Lock()
_LOG = log.get("web")


class EraseRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is to be erased: a visitor, or a user with every visitor that was the user; one of them."""

    visitor: VisitorId | None = None
    user: UserId | None = None


async def export(request: Request, context: Context) -> Response:
    """Everything that tables and state store hold of the person."""
    values = query_of(request, allowed=WHO)
    persons = _persons(request, context, visitor=values.get("visitor"), user=values.get("user"))
    try:
        return json_response(await persons.export(now_ms=context.clock()))
    except ErasureError as error:
        return _unavailable(error)


async def erase(request: Request, context: Context) -> Response:
    """Forget and remove the person; the report says what is left."""
    query_of(request, allowed=())
    asked = await body_of(request, EraseRequest)
    persons = _persons(request, context, visitor=asked.visitor, user=asked.user)
    settings = context.queries.settings
    broker, group = settings.broker, settings.app.id
    try:
        async with _ERASING, KafkaFeeder(broker, group=group, silence_s=PATIENCE_S) as feeder:
            return json_response(await persons.erase(feeder))
    except (BrokerUnavailableError, ErasureError) as error:
        return _unavailable(error)


def _persons(request: Request, context: Context, *, visitor: str | None, user: str | None) -> Persons:
    settings: Settings = context.queries.settings
    if bool(visitor) == bool(user):
        raise QueryError("expected exactly one of visitor and user")
    site_id = site_of({"site": request.path_params["site_id"]})
    asked = Asked(site_id=site_id, visitor=visitor or "", user=user or "")
    return Persons(settings, asked, state=worker_at(default_worker(settings.app), settings))


def _unavailable(error: Exception) -> Response:
    """An operator is told why; nothing is half done that another request would not finish."""
    _LOG.warning("web.person_unavailable", kind=type(error).__name__)  # the text names the person
    return problem(503, kind=ProblemKind.NOT_READY, detail=f"{error}; to ask again is safe")


WHO = {
    "visitor": Parameter(meaning="A visitor id; or `user`."),
    "user": Parameter(meaning="A user id: every visitor that was this user."),
}
ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/v1/sites/{site_id}/persons/export",
        summary="Everything that is held of a person: rows of every table as they stand, and open windows",
        handler=export,
        answer=PersonExport,
        parameters=WHO,
        may_be_missing=True,
        scope=KeyScope.ADMIN,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/sites/{site_id}/persons/erase",
        summary="Remove a person from every table and the state store; the answer proves it, query by query",
        handler=erase,
        answer=ErasureReport,
        body=EraseRequest,
        scope=KeyScope.ADMIN,
    ),
)
