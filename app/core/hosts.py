"""host, app or campaign source -> what kind of place it is and what it is called. Look-ups in sources*.py.

The most specific row wins, so that mail.google.com is not google.com. Names are matched label by label, never
as parts of words: notwikipedia.org is not wikipedia.org, and microsoft.com has no t.co in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

import msgspec

from app.core.sources import ALIASES, HOSTS
from app.core.sources_apps import APPS
from app.core.sources_search import DOMAINS, SEARCH
from app.events.vocabulary import SourceKind


class Place(msgspec.Struct, frozen=True, gc=False):
    """What is known of a source: kind, name, and the query parameters that may carry the search term."""

    kind: SourceKind
    name: str
    terms: tuple[str, ...] = ()


_ALONE = ("", "www.", "m.")
_ADS = re.compile(r"[ _-]?ads?")


def place_of(host: str) -> Place:
    """What is known of ``host`` (lower case, no port); an unknown one is OTHER by its name less ``www.``."""
    if found := _EXACT.get(host):
        return found
    below = host
    while below:
        if found := _BELOW.get(below):
            return found
        below = below.partition(".")[2]
    return Place(SourceKind.OTHER, host.removeprefix("www."))


def is_below(host: str, hosts: AbstractSet[str]) -> bool:
    """Whether ``host`` is one of ``hosts`` or below one."""
    while host:
        if host in hosts:
            return True
        host = host.partition(".")[2]
    return False


def place_of_app(package: str) -> Place:
    """What is known of an Android app, by its package name in lower case."""
    return _APPS.get(package) or Place(SourceKind.OTHER, package)


def place_named(source: str) -> Place:
    """What is known of what a campaign calls its source: a host, a source's name, or the name of its ads."""
    if "." in source:
        return place_of(source)
    name = ALIASES.get(source, source)
    known = _BY_NAME.get(name)
    if known is None and (ads := _ADS.search(source)) and ads.end() == len(source):
        name = source[: ads.start()]
        known = _BY_NAME.get(ALIASES.get(name, name))
    return known or Place(SourceKind.OTHER, source)


def _tables() -> Iterator[tuple[Place, str]]:
    for name, (hosts, terms) in SEARCH.items():
        yield Place(SourceKind.SEARCH, name, tuple(terms.split())), hosts
    for kind, sources in HOSTS.items():
        for name, hosts in sources.items():
            yield Place(kind, name), hosts


def _rows() -> Iterator[tuple[str, Place]]:
    """Each row of the tables by its host, with one row for each country domain."""
    for place, hosts in _tables():
        for host in hosts.split():
            stem = host.removesuffix(".*")
            if stem == host:
                yield host, place
            else:
                brand = stem.removeprefix("=").rpartition(".")[2]
                yield from ((f"{stem}.{domain}", place) for domain in DOMAINS[brand].split())


_ROWS = tuple(_rows())
_EXACT = {
    prefix + host.removeprefix("="): place
    for host, place in _ROWS
    if host.startswith("=")
    for prefix in _ALONE
}
_BELOW = {host: place for host, place in _ROWS if not host.startswith("=")}
_BY_NAME = {place.name: place for place, _ in _tables()}
_APPS = {
    package: _BY_NAME.get(name, Place(kind, name))
    for kind, sources in APPS.items()
    for name, packages in sources.items()
    for package in packages.split()
}
#: Every parameter that may carry a search term.
TERMS = frozenset(term for place, _ in _tables() for term in place.terms)
