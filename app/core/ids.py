"""Ids that are derived, not drawn: the same input gives the same id at every replay."""

from __future__ import annotations

import hashlib


def derived_uuid(seed: bytes) -> str:
    """A UUID (version 8, RFC 9562) of the seed's hash."""
    digest = hashlib.blake2b(seed, digest_size=16).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-8{digest[17:20]}-{digest[20:]}"
