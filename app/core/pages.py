"""URL -> the page as it is kept: host, path and the allow-listed part of the query."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

from app.events.enriched import Page

_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_HOST = re.compile(r"[^\x00-\x20/?#@\[\]:]+")
_CAMPAIGN = "utm_"
_DEFAULT_PORTS = {"http": 80, "https": 443}


def clean_page(url: str, *, allow: AbstractSet[str] = frozenset()) -> Page:
    """The page of ``url``; user, fragment, default port and other parameters than ``utm_*`` are dropped.

    ``allow`` names more parameters to keep. Raises ValueError that says why, for what is no web page's URL.
    """
    return _clean(url, frozenset(allow))


@lru_cache(maxsize=16_384)
def _clean(url: str, allow: frozenset[str]) -> Page:
    parts = split_url(url)
    kept = [pair for pair in parts.query.split("&") if _is_kept(pair.partition("=")[0], allow)]
    return Page(host=host_of(parts), path=parts.path or "/", query="&".join(kept))


def split_url(url: str) -> SplitResult:
    """The parts of a URL of a web page; raises ValueError that says why it is none."""
    text = url.strip(" ")
    if _CONTROL.search(text):
        raise ValueError("the URL has white space or control characters in it")
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"}:
        raise ValueError(f"the URL begins with {text[:12]!r}; expected http:// or https://")
    if not parts.hostname:
        raise ValueError("the URL names no host")
    return parts


def host_of(parts: SplitResult) -> str:
    """The host in lower case, with the port where it is not the default; raises ValueError for a bad one."""
    host = (parts.hostname or "").rstrip(".")
    if not host or (":" not in host and not _HOST.fullmatch(host)) or len(host) > 253:
        raise ValueError("the host of the URL is not a host name")
    port = parts.port
    if ":" in host:
        host = f"[{host}]"
    return host if port in {None, _DEFAULT_PORTS[parts.scheme]} else f"{host}:{port}"


def _is_kept(name: str, allow: frozenset[str]) -> bool:
    return name.startswith(_CAMPAIGN) or name in allow
