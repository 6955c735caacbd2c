"""What operators alone may do where no key is needed: payloads hold personal data, sending back writes."""

from __future__ import annotations

import hmac
from ipaddress import ip_address

from starlette.requests import Request
from starlette.responses import Response

from web.problems import ProblemKind, problem

#: A proxy on this machine makes everybody look like a neighbour.
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def refusal(request: Request, *, key: str) -> Response | None:
    """Why the request may not do what operators alone may, or None where it may.

    With a key: it must be sent as ``Authorization: Bearer KEY``. Without one: only this machine may ask, by
    its own name, not through a proxy and not from another site's page.
    """
    if key:
        is_right = hmac.compare_digest(bearer_of(request).encode(), key.encode())
        return None if is_right else _unauthorized()
    return None if _is_from_here(request) else _forbidden()


def bearer_of(request: Request) -> str:
    """What is sent as ``Authorization: Bearer ...``; empty where nothing is."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return given.strip() if scheme.lower() == "bearer" else ""


def is_local(request: Request) -> bool:
    """Whether this machine asks, by its own name and not through a proxy; by which page is not asked."""
    if any(name in request.headers for name in FORWARDED) or request.url.hostname not in LOCAL_NAMES:
        return False
    return request.client is not None and _is_loopback(request.client.host)


def _is_from_here(request: Request) -> bool:
    # A page of another site in the operator's browser is on this machine as well.
    if request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        return False
    origin = request.headers.get("origin")
    if origin is not None and origin != f"{request.url.scheme}://{request.url.netloc}":
        return False
    return is_local(request)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _unauthorized() -> Response:
    return problem(
        401,
        kind=ProblemKind.ADMIN_ONLY,
        detail="send the key of web.admin_key as `Authorization: Bearer KEY`",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _forbidden() -> Response:
    return problem(
        403,
        kind=ProblemKind.ADMIN_ONLY,
        detail="no web.admin_key is set, so only this machine may ask, at localhost and without a proxy; set "
        "WUA_WEB__ADMIN_KEY for the web server and send it as `Authorization: Bearer KEY`",
    )
