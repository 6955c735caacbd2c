"""The cookies of the dashboard: none is read by a script, or sent along from a page of somebody else."""

from __future__ import annotations

import re
from enum import StrEnum

from starlette.requests import Request
from starlette.responses import Response

from web.sign_in.origin import Origin

#: What we put into them; anything else is not ours.
_VALUE = re.compile(r"[A-Za-z0-9._=-]{1,4000}")


class Cookie(StrEnum):
    """What a cookie is for; the value ends its name."""

    SESSION = ""
    SHARE = "-share"
    FORM = "-form"
    OIDC = "-oidc"


class Cookies:
    """Over TLS they are ``__Host-wua...``, which no other host and no plain page can set.

    Over HTTP ``wua-dashboard...``: ``wua`` is what visitors' ids are in, on pages of the same host.
    """

    def __init__(self, origin: Origin) -> None:
        self._origin = origin

    def get(self, request: Request, cookie: Cookie) -> str:
        """What the browser sent; empty for nothing, and for what we did not put there."""
        value = request.cookies.get(self._name(request, cookie), "")
        return value if _VALUE.fullmatch(value) else ""

    def put(
        self, response: Response, request: Request, cookie: Cookie, value: str, *, max_age_s: int | None
    ) -> None:
        """The browser keeps it for so long; None: until it is closed."""
        response.set_cookie(
            self._name(request, cookie),
            value,
            max_age=max_age_s,
            path="/",
            secure=self._origin.is_https(request),
            httponly=True,
            samesite="lax",
        )

    def clear(self, response: Response, request: Request, cookie: Cookie) -> None:
        """The browser forgets it."""
        self.put(response, request, cookie, "", max_age_s=0)

    def _name(self, request: Request, cookie: Cookie) -> str:
        return f"{'__Host-wua' if self._origin.is_https(request) else 'wua-dashboard'}{cookie}"
