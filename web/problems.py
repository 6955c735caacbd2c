"""Every error of the web server -> one shape, RFC 9457 ``application/problem+json``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from app import log
from app.errors import (
    BrokerUnavailableError,
    ConflictError,
    NotFoundError,
    QueryError,
    SinkUnavailableError,
    WuaError,
)

MEDIA_TYPE = "application/problem+json"
#: What a client is asked to wait after 503, in seconds.
RETRY_AFTER_S = 5
#: The client went away before it was answered; as many servers log it, never seen by anybody.
CLIENT_CLOSED_REQUEST = 499

_LOG = log.get("web")

Handler = Callable[[Request, Exception], Awaitable[Response]]


class ProblemKind(StrEnum):
    """What went wrong; ``type`` is ``urn:wua:problem:`` and this."""

    INVALID_QUERY = "invalid_query"
    INVALID_BATCH = "invalid_batch"
    REJECTED_EVENTS = "rejected_events"
    BAD_REQUEST = "bad_request"
    FORBIDDEN_ORIGIN = "forbidden_origin"
    NOT_PERMITTED = "not_permitted"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    FOREIGN_REQUEST = "foreign_request"
    ADMIN_ONLY = "admin_only"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    NOT_ACCEPTABLE = "not_acceptable"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA = "unsupported_media"
    TOO_MANY_REQUESTS = "too_many_requests"
    BROKER_UNAVAILABLE = "broker_unavailable"
    STORE_UNAVAILABLE = "store_unavailable"
    NOT_READY = "not_ready"
    NOT_FINISHED = "not_finished"
    INTERNAL = "internal"

    @property
    def urn(self) -> str:
        """The problem's ``type``."""
        return f"urn:wua:problem:{self.value}"


#: The same sentence for every problem of the kind.
TITLES: Mapping[ProblemKind, str] = {
    ProblemKind.INVALID_QUERY: "The question cannot be answered as asked",
    ProblemKind.INVALID_BATCH: "The body is no batch of events",
    ProblemKind.REJECTED_EVENTS: "Some events were refused",
    ProblemKind.BAD_REQUEST: "The request cannot be understood",
    ProblemKind.FORBIDDEN_ORIGIN: "This origin may not post events",
    ProblemKind.NOT_PERMITTED: "The sender may not post events of this site",
    ProblemKind.UNAUTHORIZED: "A secret key is needed",
    ProblemKind.FORBIDDEN: "The key does not open this",
    ProblemKind.FOREIGN_REQUEST: "The request does not come from a page of this server",
    ProblemKind.ADMIN_ONLY: "Only operators may do this",
    ProblemKind.NOT_FOUND: "There is nothing here",
    ProblemKind.CONFLICT: "It is not as you knew it",
    ProblemKind.METHOD_NOT_ALLOWED: "The method is not allowed here",
    ProblemKind.NOT_ACCEPTABLE: "The answer is not to be had as any type of Accept",
    ProblemKind.TOO_LARGE: "The request is too large",
    ProblemKind.UNSUPPORTED_MEDIA: "The body's type or encoding is not taken",
    ProblemKind.TOO_MANY_REQUESTS: "Too much was sent in too short a time",
    ProblemKind.BROKER_UNAVAILABLE: "Events cannot be taken at the moment",
    ProblemKind.STORE_UNAVAILABLE: "Questions cannot be answered at the moment",
    ProblemKind.NOT_READY: "The server cannot do its work at the moment",
    ProblemKind.NOT_FINISHED: "It is not there yet, or never will be",
    ProblemKind.INTERNAL: "The server failed",
}

_BY_STATUS: Mapping[int, ProblemKind] = {
    404: ProblemKind.NOT_FOUND,
    405: ProblemKind.METHOD_NOT_ALLOWED,
    413: ProblemKind.TOO_LARGE,
    415: ProblemKind.UNSUPPORTED_MEDIA,
    429: ProblemKind.TOO_MANY_REQUESTS,
}


def problem(
    status: int,
    *,
    kind: ProblemKind,
    detail: str,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> Response:
    """A problem document; ``members`` are added to the standard ones and must be JSON-like or Structs."""
    document = {"type": kind.urn, "title": TITLES[kind], "status": status, "detail": detail, **members}
    shown = {"Cache-Control": "no-store", **(headers or {})}
    return Response(msgspec.json.encode(document), status_code=status, headers=shown, media_type=MEDIA_TYPE)


def internal() -> Response:
    """The answer after an unexpected error: nothing of the inside is shown."""
    return problem(
        500,
        kind=ProblemKind.INTERNAL,
        detail="an unexpected error; the server's log has it under this answer's X-Request-ID",
    )


def exception_handlers() -> dict[Any, Handler]:
    """What Starlette is to answer for each error, for ``Starlette(exception_handlers=...)``."""
    return {
        NotFoundError: _not_found,
        ConflictError: _conflict,
        QueryError: _query,
        SinkUnavailableError: _store_unavailable,
        BrokerUnavailableError: _broker_unavailable,
        WuaError: _unexpected,
        ClientDisconnect: _gone,
        HTTPException: _http,
        Exception: _unexpected,
    }


async def _not_found(_: Request, error: Exception) -> Response:
    return problem(404, kind=ProblemKind.NOT_FOUND, detail=str(error))


async def _conflict(_: Request, error: Exception) -> Response:
    return problem(409, kind=ProblemKind.CONFLICT, detail=str(error))


async def _query(_: Request, error: Exception) -> Response:
    return problem(400, kind=ProblemKind.INVALID_QUERY, detail=str(error))


async def _store_unavailable(_: Request, error: Exception) -> Response:
    _LOG.warning("web.store_unavailable", error=str(error))
    return _unavailable(ProblemKind.STORE_UNAVAILABLE, "ClickHouse does not answer; ask again later")


async def _broker_unavailable(_: Request, error: Exception) -> Response:
    _LOG.warning("web.broker_unavailable", error=str(error))
    return _unavailable(
        ProblemKind.BROKER_UNAVAILABLE,
        "the events were not acknowledged; send the same batch again later, its event ids deduplicate it",
    )


async def _unexpected(_: Request, error: Exception) -> Response:
    _LOG.error("web.failed", exc_info=error)
    return internal()


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=CLIENT_CLOSED_REQUEST)


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    fallback = ProblemKind.BAD_REQUEST if error.status_code < 500 else ProblemKind.INTERNAL
    return problem(
        error.status_code,
        kind=_BY_STATUS.get(error.status_code, fallback),
        detail=error.detail or HTTPStatus(error.status_code).phrase,
        headers=error.headers,
    )


def _unavailable(kind: ProblemKind, detail: str) -> Response:
    return problem(503, kind=kind, detail=detail, headers={"Retry-After": str(RETRY_AFTER_S)})
