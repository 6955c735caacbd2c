"""Whether a request that changes something comes from a page of ours."""

from __future__ import annotations

import hmac
import secrets

from starlette.requests import Request
from starlette.responses import Response

from app.core.accounts import Viewer
from web.problems import ProblemKind, problem
from web.sign_in.cookies import Cookie
from web.sign_in.door import TOKEN_BYTES, Door, csrf_of

HEADER = "x-csrf-token"
SAFE = frozenset({"GET", "HEAD"})


def refusal(request: Request, viewer: Viewer, door: Door) -> Response | None:
    """403 where the viewer's cookie may have been sent along by a page of somebody else."""
    if not viewer.csrf or request.method in SAFE:
        return None
    sent = request.headers.get(HEADER, "")
    if not door.origin.is_foreign(request) and is_right(sent, viewer.csrf):
        return None
    return problem(
        403,
        kind=ProblemKind.FOREIGN_REQUEST,
        detail="who is known by a cookie sends the page's csrf-token as X-CSRF-Token, from a page of this "
        "server; behind a proxy set web.public_url to what browsers see",
    )


def is_right(sent: str, expected: str) -> bool:
    """Whether the token is the one that is expected."""
    return hmac.compare_digest(sent.encode(), expected.encode())


def form_secret(request: Request, door: Door) -> str:
    """The secret of the forms that a stranger sees; a new one where the browser has none yet."""
    return door.cookies.get(request, Cookie.FORM) or secrets.token_urlsafe(TOKEN_BYTES)


def is_own_form(request: Request, sent: str, door: Door) -> bool:
    """Whether a stranger's form is one that this browser was given."""
    secret = door.cookies.get(request, Cookie.FORM)
    return bool(secret) and not door.origin.is_foreign(request) and is_right(sent, csrf_of(secret))
