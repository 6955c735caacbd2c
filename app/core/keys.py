"""Secrets that open a site to servers: of each only the digest is kept."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable


def digest_of(secret: str) -> str:
    """The SHA-256 of a secret in hex. Without salt or stretching: ours are 256 random bits, on no list."""
    return hashlib.sha256(secret.encode()).hexdigest()


def is_among(digest: str, digests: Iterable[str]) -> bool:
    """Whether it is one of ``digests``; takes equally long whichever it is, and wherever they differ."""
    return sum(hmac.compare_digest(digest, one) for one in digests) > 0
