"""What a link to the dashboard may show, and where it may be embedded."""

from __future__ import annotations

import re
from collections.abc import Sequence

MAX_LABEL = 100
MAX_FILTER = 2000
MAX_ANCESTORS = 20
_PAGE = re.compile(r"/(?:[A-Za-z0-9_-]+/?){0,8}")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
#: An origin as browsers write it: what else a policy could hold would be another directive of it.
_ORIGIN = re.compile(rf"https?://(?:\*\.)?{_LABEL}(?:\.{_LABEL})*(?::[0-9]{{1,5}})?")


def page_fault(page: str) -> str:
    """Why no link can open at this path; empty where it can."""
    if _PAGE.fullmatch(page):
        return ""
    return f"page = {page[:64]!r}: expected a path of the dashboard, such as /pages"


def ancestors_fault(origins: Sequence[str]) -> str:
    """Why these cannot be the origins that embed a link; empty where they can."""
    if len(origins) > MAX_ANCESTORS:
        return f"frame_ancestors: at most {MAX_ANCESTORS}"
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            return f"frame_ancestors = {origin[:64]!r}: expected an origin such as https://www.example.com"
    return ""
