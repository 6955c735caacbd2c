"""A request -> what it asks for. Raises QueryError that names what is wrong and what is expected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec
from starlette.requests import Request

from app.errors import QueryError
from app.events.wire import SiteId
from app.settings import Settings
from views.params import Bots, Scope, parse_period

E = TypeVar("E", bound=StrEnum)
S = TypeVar("S", bound=msgspec.Struct)

#: The query parameters that every question has.
SCOPE_PARAMETERS = ("site", "from", "to", "bots")


def scope_values(*, site: str, since: str | None, until: str | None, bots: Bots) -> dict[str, str]:
    """Fields of a body as the query parameters that they are: those that were given."""
    named = {"site": site, "from": since, "to": until, "bots": bots}
    return {name: value for name, value in named.items() if value is not None}


class ScopedBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every body that asks something has: the fields are the query parameters of the other questions."""

    site: str
    since: str | None = msgspec.field(default=None, name="from")
    until: str | None = msgspec.field(default=None, name="to")
    bots: Bots = Bots.EXCLUDE

    @property
    def values(self) -> dict[str, str]:
        """Those that were given, as query parameters."""
        return scope_values(site=self.site, since=self.since, until=self.until, bots=self.bots)


def site_of(values: Mapping[str, str]) -> str:
    """The site id that is named."""
    site_id = values.get("site") or ""
    try:
        return msgspec.convert(site_id, SiteId)
    except msgspec.ValidationError as error:
        raise QueryError(f"site = {site_id[:64]!r}: expected a site id; {error}") from error


def site_if_named(values: Mapping[str, str]) -> str | None:
    """The site id that is named; None where none is."""
    return site_of(values) if "site" in values else None


def is_of_another(values: Mapping[str, str], site_id: str) -> bool:
    """Whether a site is named, and it is not this one."""
    return site_if_named(values) not in (None, site_id)


def number_of(values: Mapping[str, str], name: str, *, default: int, most: int) -> int:
    """A whole number from 1 to ``most``."""
    text = values.get(name)
    if text is None:
        return default
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if not 1 <= number <= most:
        raise QueryError(f"{name} = {text[:40]!r}: expected a whole number from 1 to {most}")
    return number


def scope_of(values: Mapping[str, str], *, settings: Settings, now_ms: int) -> Scope:
    """The site, period and traffic that query parameters, or fields of a body, name."""
    site_id = site_of(values)
    zone = ZoneInfo(settings.site(site_id).timezone)
    period = parse_period(values.get("from"), values.get("to"), zone=zone, now_ms=now_ms)
    return Scope(site_id=site_id, period=period, bots=one_of(Bots, values, "bots", Bots.EXCLUDE))


def query_of(request: Request, *, allowed: Iterable[str] = SCOPE_PARAMETERS) -> dict[str, str]:
    """The query parameters; each once, and none but those allowed."""
    known = set(allowed)
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            expected = ", ".join(sorted(known)) or "none: the body says everything"
            raise QueryError(f"unknown parameter {name[:64]!r}; expected {expected}")
        if name in found:
            raise QueryError(f"{name} is given twice; give it once")
        found[name] = value
    return found


def one_of(kind: type[E], values: Mapping[str, str], name: str, default: E) -> E:
    """The value of a closed list."""
    found = optional(kind, values, name)
    return default if found is None else found


def optional(kind: type[E], values: Mapping[str, str], name: str) -> E | None:
    """The value of a closed list, None where it is not given."""
    text = values.get(name)
    if text is None:
        return None
    try:
        return kind(text)
    except ValueError as error:
        raise QueryError(f"{name} = {text[:64]!r}: expected one of {', '.join(kind)}") from error


async def body_of(request: Request, kind: type[S]) -> S:
    """The JSON body as a Struct."""
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise QueryError(f"the body is not as expected: {error}; see /docs") from error
