"""Which web pages may post events: the collector is called from other origins, nothing else here is."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.settings import Settings
from app.site_settings import SiteSettings
from web.problems import ProblemKind, problem

METHODS = "POST, OPTIONS"
#: A day; browsers cut it to what they allow (two hours in Chromium).
PREFLIGHT_MAX_AGE_S = 86_400
ANY = "*"


class Origins:
    """Which origins may post events of a site: those on its own list, else those of ``web.cors_origins``.

    A page of the server's own origin may always post, and so may what names no origin: that is no page.
    """

    def __init__(self, settings: Settings) -> None:
        self._of_all = _normal(settings.web.cors_origins)
        self._default = self._listed(settings.default_site)
        self._by_site = {site_id: self._listed(site) for site_id, site in settings.sites.items()}
        #: Of whichever site: more cannot be said before the body is read, and a preflight has none.
        self.of_any_site = frozenset[str]().union(*(self._by_site.values() or [self._default]))

    def allow(self, origin: str, *, host: str, site_id: str) -> bool:
        """Whether a page of ``origin`` may post events of the site to this server, which is at ``host``."""
        return is_on(self._by_site.get(site_id, self._default), origin, host=host)

    def _listed(self, site: SiteSettings) -> frozenset[str]:
        return self._of_all if site.origins is None else _normal(site.origins)


class Cors:
    """Answers preflights, marks answers as readable, and refuses origins that may post for no site.

    No cookies are used, so none are allowed.
    """

    def __init__(self, app: ASGIApp, *, origins: AbstractSet[str]) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        headers = Headers(scope=scope)
        origin = headers.get("origin", "")
        if not is_on(self._origins, origin, host=headers.get("host", "")):
            refusal = problem(
                403,
                kind=ProblemKind.FORBIDDEN_ORIGIN,
                detail="pages of this origin may not post events; see web.cors_origins and `origins`",
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


def is_on(origins: AbstractSet[str], origin: str, *, host: str) -> bool:
    """Whether an origin is on a list, or is that of the server at ``host``, or is none."""
    if not origin or ANY in origins or origin.lower() in origins:
        return True
    return _netloc(origin) == host.lower()


def _normal(origins: Sequence[str]) -> frozenset[str]:
    return frozenset(origin.rstrip("/").lower() for origin in origins)


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None
