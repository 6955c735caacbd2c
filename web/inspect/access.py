"""Whether a request to the worker's pages carries the admin key: as a bearer, or as a browser's password."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from http import HTTPStatus

from web.inspect.refusals import RefusalError

REALM = "Web User Analytics, worker"


def require_key(headers: Mapping[str, str], *, key: str, as_json: bool) -> None:
    """Refuse a request without the key, where one is set; a browser is made to ask for it."""
    if not key or hmac.compare_digest(given_key(headers).encode(), key.encode()):
        return
    asks = "Bearer" if as_json else f'Basic realm="{REALM}", charset="UTF-8"'
    raise RefusalError(
        HTTPStatus.UNAUTHORIZED,
        "a key is needed: that of web.admin_key (WUA_WEB__ADMIN_KEY of the worker), as the password in a "
        "browser, with any user name; programs send it as `Authorization: Bearer KEY`",
        headers={"WWW-Authenticate": asks},
    )


def given_key(headers: Mapping[str, str]) -> str:
    """The key that is sent: ``Authorization: Bearer KEY``, or the password of ``Basic``; else empty."""
    scheme, _, given = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        pair = base64.b64decode(given.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return pair.partition(":")[2]
