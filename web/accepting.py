"""The Accept header -> which of the types on offer is wanted most (RFC 9110, 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence

JSON = "application/json"
CSV = "text/csv"
ARROW = "application/vnd.apache.arrow.stream"

_RANGE = re.compile(r"\s*([\w!#$&^.+*-]+)/([\w!#$&^.+*-]+)\s*")
_QUALITY = re.compile(r"\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*", re.IGNORECASE)


def chosen(accept: str, offered: Sequence[str]) -> str | None:
    """The offered type with the greatest q, the first of equal ones; None where none is accepted.

    The most specific range that a type is in gives its q. An empty header accepts everything; what cannot be
    read in one is passed over.
    """
    if not accept.strip():
        return offered[0]
    ranges = [known for part in accept.split(",") if (known := _read(part)) is not None]
    best = max(offered, key=lambda media: _wanted(media, ranges))
    return best if _wanted(best, ranges) > 0 else None


def _read(part: str) -> tuple[str, float] | None:
    name, *parameters = part.split(";")
    found = _RANGE.fullmatch(name)
    if found is None:
        return None
    quality = 1.0
    for parameter in parameters:
        if told := _QUALITY.fullmatch(parameter):
            quality = float(told[1])
    return f"{found[1]}/{found[2]}".lower(), quality


def _wanted(media: str, ranges: Sequence[tuple[str, float]]) -> float:
    kind = media.partition("/")[0]
    for name in (media, f"{kind}/*", "*/*"):
        qualities = [quality for known, quality in ranges if known == name]
        if qualities:
            return max(qualities)
    return 0.0
