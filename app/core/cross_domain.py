"""A visitor who follows a link to another domain of the same owner -> a token that takes the id along."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

import msgspec

#: How long a token holds.
MAX_AGE_MS = 120_000
#: How far the clocks of two collectors may be apart.
MAX_AHEAD_MS = 5_000
SIGNATURE_BYTES = 16
#: Of a visitor id that may stand in an address.
ID_PATTERN = r"[A-Za-z0-9_-]{1,128}"

_TOKEN = re.compile(rf"({ID_PATTERN})\.([0-9]{{1,15}})\.([A-Za-z0-9_-]{{22}})")


class Follower(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a token holds for: the browser with this user agent, on pages of this site."""

    site_id: str
    user_agent: str


def sign(visitor_id: str, follower: Follower, *, now_ms: int, key: bytes) -> str:
    """``<visitor>.<time in ms>.<signature>``, of an id that fits ID_PATTERN."""
    return f"{visitor_id}.{now_ms}.{_signature(visitor_id, str(now_ms), follower, key)}"


def read(token: str, follower: Follower, *, now_ms: int, key: bytes) -> str:
    """The visitor id of a token that ``sign`` made for this follower within two minutes; else empty."""
    found = _TOKEN.fullmatch(token)
    if found is None:
        return ""
    visitor_id, signed_at, signature = found.groups()
    is_ours = hmac.compare_digest(signature, _signature(visitor_id, signed_at, follower, key))
    is_fresh = -MAX_AHEAD_MS <= now_ms - int(signed_at) <= MAX_AGE_MS
    return visitor_id if is_ours and is_fresh else ""


def _signature(visitor_id: str, signed_at: str, follower: Follower, key: bytes) -> str:
    seed = "\0".join([follower.site_id, visitor_id, signed_at, follower.user_agent])
    digest = hmac.new(key, seed.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:SIGNATURE_BYTES]).rstrip(b"=").decode()
