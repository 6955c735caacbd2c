"""Around every request: an id, one log line, metrics, security headers, a limit for bodies. Pure ASGI."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Collection

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import log
from app.metrics import WebMetrics
from web.batch_note import BatchNote
from web.bodies import declared_bytes, too_large
from web.problems import internal

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
#: The route of a request that none matched, and the method of one that no route has.
UNMATCHED = "unmatched"
OTHER = "other"
#: Of every route but the collector's, which counts by itself.
MAX_BODY_BYTES = 64 * 1024

_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LOG = log.get("web")


class Observe:
    """Gives each request an id, answers for unexpected errors, and says in one line what came of it.

    The line and the metrics name the route's template, never the path, the query or who asked. Of a request
    that brought events it is ``collector.batch``, and says how many of which sites; without ``tell_batches``
    there is none of these, and one for each batch that failed.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: WebMetrics,
        tell_batches: bool = True,
        elapsed_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._tell_batches = tell_batches
        self._elapsed_s = elapsed_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, watching what is answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        began_s = self._elapsed_s()
        watched = _Watched(send, request_id)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, watched)
            except Exception:
                _LOG.exception("web.failed")
                if watched.status:
                    # It is too late to say so: the server must cut the connection.
                    raise
                await internal()(scope, receive, watched)
            finally:
                self._tell(scope, watched, took_s=self._elapsed_s() - began_s)

    def _tell(self, scope: Scope, watched: _Watched, *, took_s: float) -> None:
        route = getattr(scope.get("route"), "path", UNMATCHED)
        method = scope["method"] if scope["method"] in METHODS else OTHER
        self._metrics.requests.labels(method, route, watched.status).inc()
        self._metrics.request_seconds.labels(route).observe(took_s)
        failed = watched.status >= 500
        batch: BatchNote | None = scope["state"].get("batch")
        if batch and not failed and not self._tell_batches:
            return
        write = _LOG.warning if failed else _LOG.info
        write(
            "collector.batch" if batch else "web.answered",
            method=method,
            route=route,
            status=watched.status,
            took_ms=round(took_s * 1000, 1),
            bytes=watched.bytes_sent,
            **(batch.told() if batch else {}),
        )


class _Watched:
    """A ``send`` that remembers the status (0: none yet) and counts the body."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.status = 0
        self.bytes_sent = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)["X-Request-ID"] = self._request_id
        elif message["type"] == "http.response.body":
            self.bytes_sent += len(message.get("body", b""))
        await self._send(message)


class SecurityHeaders:
    """Adds the headers against what no page asked for; a route may set its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and complete the answer's headers."""

        async def completed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, completed)


class BodyLimit:
    """Refuses a body over ``max_bytes`` when a route reads it; those at ``except_paths`` count themselves."""

    def __init__(
        self, app: ASGIApp, *, except_paths: Collection[str], max_bytes: int = MAX_BODY_BYTES
    ) -> None:
        self._app = app
        self._except_paths = frozenset(except_paths)
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting what is read of its body."""
        if scope["type"] != "http" or scope["path"] in self._except_paths:
            await self._app(scope, receive, send)
            return
        read = 0
        declared = declared_bytes(Headers(scope=scope).get("content-length"))

        async def counted() -> Message:
            nonlocal read
            if declared > self._max_bytes:
                raise too_large(self._max_bytes)
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._max_bytes:
                raise too_large(self._max_bytes)
            return message

        await self._app(scope, counted, send)


def _request_id(scope: Scope) -> str:
    """The id that a proxy gave the request, if it is harmless, else a new one."""
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _SAFE_ID.fullmatch(given) else uuid.uuid4().hex
