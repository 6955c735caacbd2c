"""Before every page of the dashboard: who may see it, and what the page is told of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app import log
from app.core.accounts import Viewer
from app.errors import SinkError
from web.problems import RETRY_AFTER_S
from web.sign_in.csrf import SAFE
from web.sign_in.door import Door
from web.sign_in.next_path import asking_for
from web.sign_in.pages import told

Handler = Callable[[Request], Awaitable[Response]]

_LOG = log.get("sign_in")


class Guard:
    """``Route("/", guard(handler))``: the handler is asked by viewers alone, who are in ``viewer_of``."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def __call__(self, handler: Handler) -> Handler:
        """The handler behind the guard."""

        @wraps(handler)
        async def guarded(request: Request) -> Response:
            viewer = self._door.viewer_here(request) or await self._door.viewer(request)
            if viewer is None:
                return self._refusal(request)
            request.state.viewer = viewer
            response = await handler(request)
            # The pages are of one person, and not for whoever has the browser next.
            response.headers.setdefault("Cache-Control", "private, no-store")
            return response

        return with_store(guarded)

    def _refusal(self, request: Request) -> Response:
        if not self._door.is_on:
            return signing_in_is_off()
        if request.method in SAFE:
            return RedirectResponse(asking_for(request), status_code=303)
        return told("Not signed in", "Sign in and try again.", status=403, link=("/sign-in", "Sign in"))


def viewer_of(request: Request) -> Viewer:
    """Who looks at a guarded page: roles, sites, and what they may do."""
    viewer: Viewer = request.state.viewer
    return viewer


def csrf_token(request: Request) -> str:
    """For ``<meta name="csrf-token">``: what the page sends as X-CSRF-Token; empty where it need not."""
    return viewer_of(request).csrf


def share_token(request: Request) -> str:
    """For ``<meta name="share-token">``: what an embedded page sends as X-Share-Token; else empty."""
    return str(getattr(request.state, "share_token", ""))


def signing_in_is_off() -> Response:
    """403: the dashboard is for this machine alone."""
    return told(
        "Only this machine may look",
        "Nobody can sign in here (web.sign_in is off), so the dashboard is shown to this machine alone, at "
        "localhost, without a proxy, by a server whose web.host is a loopback address. To open it to others: "
        "set web.sign_in to local (WUA_WEB__SIGN_IN=local), start the server again, and add the first "
        "person with `wua users add NAME --role admin`.",
        status=403,
    )


def with_store(handler: Handler) -> Handler:
    """The handler; while ClickHouse is away a page that says so."""

    @wraps(handler)
    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except SinkError as error:
            _LOG.warning("sign_in.store_unavailable", error=str(error))
            return told(
                "Not possible at the moment",
                "ClickHouse, where people and sessions are kept, does not answer. Try again soon.",
                status=503,
                headers={"Retry-After": str(RETRY_AFTER_S)},
            )

    return answered
