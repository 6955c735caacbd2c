"""URL -> the same with only as much of its query as is used; what else is there may be anybody's secret."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from functools import lru_cache

from app.core.clicks import CLICKS
from app.core.hosts import TERMS
from app.core.pages import has_control_characters, is_kept
from app.core.traffic import clean_value

#: URLs remembered: most are the same few.
CACHED = 4096


def short_url(url: str, *, allow: AbstractSet[str]) -> str:
    """A page's URL with ``utm_*`` and what ``allow`` names; of click ids ``=1``; without its fragment."""
    return _short_url(url, frozenset(allow)) if "?" in url or "#" in url else url


def short_referrer(url: str) -> str:
    """A referrer with the parameters that search engines ask in; without its fragment."""
    return _short_referrer(url) if "?" in url or "#" in url else url


@lru_cache(maxsize=CACHED)
def _short_url(url: str, allow: frozenset[str]) -> str:
    def kept(pair: str) -> str:
        name, _, value = pair.partition("=")
        if is_kept(pair, allow):
            return pair
        return f"{name}=1" if name.lower() in CLICKS and clean_value(value) else ""

    return _shortened(url, kept)


@lru_cache(maxsize=CACHED)
def _short_referrer(url: str) -> str:
    return _shortened(url, lambda pair: pair if pair.partition("=")[0].lower() in TERMS else "")


def _shortened(url: str, kept: Callable[[str], str]) -> str:
    if has_control_characters(url):
        # No URL, and to be refused as such: it must not become one.
        return url
    address, _, query = url.partition("#")[0].partition("?")
    left = "&".join(filter(None, map(kept, query.split("&"))))
    return f"{address}?{left}" if left else address
