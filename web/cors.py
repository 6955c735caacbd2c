"""Which web pages may post events: the collector is called from other origins, nothing else here is."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.problems import ProblemKind, problem

METHODS = "POST, OPTIONS"
#: A day; browsers cut it to what they allow (two hours in Chromium).
PREFLIGHT_MAX_AGE_S = 86_400
ANY = "*"


class Cors:
    """Answers preflights, marks answers as readable, and refuses origins that are not on the list.

    A page of the server's own origin may always post. No cookies are used, so none are allowed.
    """

    def __init__(self, app: ASGIApp, *, origins: Sequence[str]) -> None:
        self._app = app
        self._origins = frozenset(origin.rstrip("/").lower() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        headers = Headers(scope=scope)
        origin = headers.get("origin", "")
        if not self._is_allowed(origin, host=headers.get("host", "")):
            refusal = problem(
                403,
                kind=ProblemKind.FORBIDDEN_ORIGIN,
                detail="pages of this origin may not post events; see web.cors_origins",
                headers={"Vary": "Origin"},
            )
            await refusal(scope, receive, send)
            return
        marks = self._marks(origin)
        if scope["method"] == "OPTIONS":
            await Response(status_code=204, headers={"Allow": METHODS, **_PREFLIGHT, **marks})(
                scope, receive, send
            )
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(marks)
            await send(message)

        await self._app(scope, receive, marked)

    def _is_allowed(self, origin: str, *, host: str) -> bool:
        if not origin or ANY in self._origins or origin.lower() in self._origins:
            return True
        return _netloc(origin) == host.lower()

    def _marks(self, origin: str) -> dict[str, str]:
        allowed = ANY if ANY in self._origins else origin
        marks = {} if allowed == ANY else {"Vary": "Origin"}
        if allowed:
            marks["Access-Control-Allow-Origin"] = allowed
            marks["Access-Control-Expose-Headers"] = "Retry-After, X-Request-ID"
        return marks


_PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Content-Type, Content-Encoding",
    "Access-Control-Max-Age": str(PREFLIGHT_MAX_AGE_S),
}


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None
