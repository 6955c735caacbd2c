"""GET /wua.js, /wua-vitals.js, /wua-links.js: the browser script, for pages of any origin."""

from __future__ import annotations

from pathlib import Path

from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

FILES = ("wua.js", "wua-vitals.js", "wua-links.js")
#: A new release is everywhere within the hour; then, for a day, the old one serves while the new is fetched.
HEADERS = {
    "Cache-Control": "public, max-age=3600, stale-while-revalidate=86400",
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


def routes(directory: Path) -> list[Route]:
    """The routes of the built files in ``directory``; each answers conditional requests."""
    files = StaticFiles(directory=directory)

    async def script(request: Request) -> Response:
        response = await files.get_response(request.url.path.removeprefix("/"), request.scope)
        response.headers.update(HEADERS)
        return response

    return [Route(f"/{name}", script, middleware=[Middleware(GZipMiddleware)]) for name in FILES]
