"""What browsers see of this server: its scheme and host, and whether a request comes from its own pages."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request

from app.web_settings import WebSettings
from web.limits import network_of
from web.sender import client_address, is_trusted, networks


class Origin:
    """Answers by ``web.public_url``; without one by the request, and by a proxy that is trusted."""

    def __init__(self, web: WebSettings) -> None:
        self._public = urlsplit(web.public_url)
        self._trusted = networks(web.trusted_proxies)

    def is_https(self, request: Request) -> bool:
        """Whether the browser asked over TLS."""
        if self._public.scheme:
            return self._public.scheme == "https"
        if is_trusted(_peer(request), self._trusted) and "x-forwarded-proto" in request.headers:
            return request.headers["x-forwarded-proto"].rpartition(",")[2].strip().lower() == "https"
        return request.url.scheme == "https"

    def is_foreign(self, request: Request) -> bool:
        """Whether a page of somebody else sent the request; one without any sign of it is not."""
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return True
        sent = request.headers.get("origin")
        if sent is None:
            return False
        given = urlsplit(sent)
        if self._public.scheme:
            return (given.scheme, given.netloc) != (self._public.scheme, self._public.netloc)
        # A proxy may have taken the TLS off: the scheme that we see is not the browser's.
        return given.netloc != request.url.netloc

    def network(self, request: Request) -> str:
        """Whose bucket the sender shares."""
        forwarded = request.headers.getlist("x-forwarded-for")
        return network_of(client_address(_peer(request), forwarded, trusted=self._trusted))


def _peer(request: Request) -> str:
    return request.client.host if request.client else ""
