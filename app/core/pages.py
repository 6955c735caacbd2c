"""URL -> the page as it is kept: host, path and the allow-listed part of the query."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from functools import lru_cache
from ipaddress import IPv6Address
from urllib.parse import unquote_plus

import msgspec

from app.events.enriched import Page
from app.events.rejects import Reject
from app.events.vocabulary import RejectReason, Step

#: Pages remembered. Sites have few paths; those with many are cheap enough to clean again.
CACHED = 4096

_BAD = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_URL = re.compile(r"(https?)://([^/?#]*)([^?#]*)(?:\?([^#]*))?", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_PORT = re.compile(r"[0-9]{1,5}")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_CAMPAIGN = "utm_"
_NO_HOST = "the host of the URL is not a host name"


class Address(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The parts of a web page's URL; ``port`` is empty or begins with a colon."""

    host: str
    port: str
    path: str
    query: str


def clean_page(url: str, *, allow: AbstractSet[str] = frozenset()) -> Page:
    """The page of ``url``; user, fragment, default port and other parameters than ``utm_*`` are dropped.

    ``allow`` names more parameters to keep. Raises ValueError that says why, for what is no web page's URL.
    """
    return _page(url, frozenset(allow))


def read_page(url: str, *, allow: AbstractSet[str] = frozenset()) -> Page | Reject:
    """The page of an event's ``url``, or the refusal of an event whose URL is not one of a web page."""
    try:
        return clean_page(url, allow=allow)
    except ValueError as error:
        return Reject(reason=RejectReason.INVALID_URL, step=Step.ENRICH, field="url", detail=str(error))


def read_address(url: str) -> Address:
    """The parts of ``url``, the host in lower-case ASCII; ValueError for what is no web page's URL."""
    text = url.strip(" ")
    if has_control_characters(text):
        raise ValueError("the URL has control characters in it")
    found = _URL.match(text)
    if found is None:
        raise ValueError(f"the URL begins with {text[:12]!r}; expected http:// or https://")
    scheme, authority, path, query = found.groups("")
    host, port = _host_and_port(authority.rpartition("@")[2], default=_DEFAULT_PORTS[scheme.lower()])
    return Address(
        host=host, port=port, path=path.replace(" ", "%20") or "/", query=query.replace(" ", "%20")
    )


def has_control_characters(url: str) -> bool:
    """Whether a URL has characters in it that none may have."""
    return _BAD.search(url) is not None


def query_of(url: str) -> str:
    """The query of a URL, whether or not the rest of it is valid."""
    return url.partition("#")[0].partition("?")[2]


@lru_cache(maxsize=CACHED)
def _page(url: str, allow: frozenset[str]) -> Page:
    address = read_address(url)
    kept = [pair for pair in address.query.split("&") if is_kept(pair, allow)] if address.query else []
    return Page(host=address.host + address.port, path=address.path, query="&".join(kept))


def is_kept(pair: str, allow: frozenset[str]) -> bool:
    """Whether a parameter of a query is kept with its value."""
    name = unquote_plus(pair.partition("=")[0])
    return name.lower().startswith(_CAMPAIGN) or name in allow


def _host_and_port(authority: str, *, default: int) -> tuple[str, str]:
    host, bracket, rest = authority.partition("]")
    if bracket:
        host, rest = _ipv6(host), rest or ":"
        colon, port = rest[0], rest[1:]
    else:
        host, colon, port = authority.partition(":")
        host = _name(host)
    if port and (colon != ":" or not _PORT.fullmatch(port) or not 0 < int(port) < 65_536):
        raise ValueError("the port of the URL is not a number from 1 to 65535")
    return host, f":{int(port)}" if port and int(port) != default else ""


def _name(host: str) -> str:
    """A host name in lower case, international ones in their ASCII form, without the dot of the root."""
    if not host:
        raise ValueError("the URL names no host")
    if len(host) > 254:
        raise ValueError(_NO_HOST)
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            raise ValueError(_NO_HOST) from None
    name = host.lower().removesuffix(".")
    if not _HOST.fullmatch(name):
        raise ValueError(_NO_HOST)
    return name


def _ipv6(bracketed: str) -> str:
    try:
        if not bracketed.startswith("[") or "%" in bracketed:
            raise ValueError
        return f"[{IPv6Address(bracketed[1:]).compressed}]"
    except ValueError:
        raise ValueError(_NO_HOST) from None
