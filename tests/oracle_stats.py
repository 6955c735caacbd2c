"""What any question of numbers comes to, found the naive way: keep the visits that pass, and count them.

It shares no code with the product; it is written from docs/QUERYING.md.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

#: Fields of a visit; everything else is a field of its events.
OF_VISITS = {
    "channel",
    "source",
    "campaign",
    "referrer_host",
    "country",
    "device_class",
    "browser",
    "os",
    "entry_path",
    "exit_path",
    "visitor_id",
}
RATES = {
    "bounce_rate": ("bounces", "sessions", 1),
    "session_duration_s": ("duration_ms", "sessions", 1000),
    "conversion_rate": ("converted_sessions", "sessions", 1),
    "pages_per_session": ("page_views", "sessions", 1),
    "engaged_s_per_session": ("engaged_ms", "sessions", 1000),
    "revenue_per_session": ("revenue", "sessions", 1),
}
OPERATORS: dict[str, Callable[[str, dict[str, Any]], bool]] = {
    "is": lambda value, filter: value == filter["value"],
    "is_not": lambda value, filter: value != filter["value"],
    "contains": lambda value, filter: filter["value"] in value,
    "matches": lambda value, filter: re.search(filter["value"], value) is not None,
    "one_of": lambda value, filter: value in filter["values"],
}


class Did(msgspec.Struct, frozen=True, kw_only=True):
    """An event of a visit."""

    kind: str
    path: str
    name: str = ""
    is_conversion: bool = False
    revenue: float = 0.0
    engaged_ms: int = 0
    properties: dict[str, str] = {}


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One session as it is in the end."""

    id: str
    visitor: str
    at: int
    duration_ms: int
    is_bounce: bool
    is_bot: bool
    facts: dict[str, str]
    did: list[Did]


def answer(
    visits: Iterable[Visit],
    *,
    zone: ZoneInfo,
    since: date,
    until: date,
    metrics: list[str],
    dimensions: list[str] = [],  # noqa: B006 - not changed
    interval: str | None = None,
    filter: dict[str, Any] | None = None,
    said: dict[str, dict[str, str]] | None = None,
) -> dict[tuple[str, ...], dict[str, float]]:
    """Figures by interval (where one is asked for) and dimensions. ``said``: by visitor, what a user is."""
    of_events = any(_is_of_events(name) for name in (*dimensions, *_named(filter)))
    groups: dict[tuple[str, ...], list[tuple[Visit, list[Did]]]] = defaultdict(list)
    for visit in visits:
        day = datetime.fromtimestamp(visit.at / 1000, zone).date()
        if visit.is_bot or not since <= day < until:
            continue
        ats = () if interval is None else (_interval(visit.at, interval, zone),)
        by_key: dict[tuple[str, ...], list[Did]] = defaultdict(list)
        for did in visit.did:
            if _passes(filter, visit, did, said or {}):
                by_key[(*ats, *(_told(name, visit, did, said or {}) for name in dimensions))].append(did)
        if of_events:
            for key, dids in by_key.items():
                groups[key].append((visit, dids))
        elif by_key:
            groups[next(iter(by_key))].append((visit, visit.did))
    return {key: _figures(found, metrics) for key, found in groups.items()}


def _figures(found: list[tuple[Visit, list[Did]]], metrics: list[str]) -> dict[str, float]:
    dids = [did for _, theirs in found for did in theirs]
    sums: dict[str, float] = {
        "visitors": len({visit.visitor for visit, _ in found}),
        "sessions": len({visit.id for visit, _ in found}),
        "bounces": sum(visit.is_bounce for visit, _ in found),
        "converted_sessions": sum(any(did.is_conversion for did in visit.did) for visit, _ in found),
        "duration_ms": sum(visit.duration_ms for visit, _ in found),
        "engaged_ms": sum(did.engaged_ms for did in dids),
        "page_views": sum(did.kind == "page_view" for did in dids),
        "events": len(dids),
        "conversions": sum(did.is_conversion for did in dids),
        "revenue": sum(round(did.revenue * 10_000) for did in dids) / 10_000,
    }
    sums["median_session_duration_s"] = _median_s([visit.duration_ms for visit, _ in found])
    return {
        name: sums[RATES[name][0]] / sums[RATES[name][1]] / RATES[name][2] if name in RATES else sums[name]
        for name in metrics
    }


def _median_s(durations: list[int]) -> float:
    """Of two in the middle the shorter; told as the middle, by logarithm, of a bucket 9 % wide."""
    middle = sorted(durations)[(len(durations) - 1) // 2]
    bucket = min(255, (middle**8).bit_length()) if middle > 0 else 0
    return 2.0 ** ((bucket - 0.5) / 8) / 1000 if bucket else 0.0


def _is_of_events(name: str) -> bool:
    return name not in OF_VISITS and not name.startswith("user.")


def _named(filter: dict[str, Any] | None) -> Iterator[str]:
    if filter is None:
        return
    if "field" in filter:
        yield filter["field"]
    for part in [*filter.get("filters", []), *([filter["filter"]] if "filter" in filter else [])]:
        yield from _named(part)


def _told(name: str, visit: Visit, did: Did, said: dict[str, dict[str, str]]) -> str:
    """A value as a row has it: of whom nothing was said it is empty."""
    if name.startswith("user."):
        return said.get(visit.visitor, {}).get(name.removeprefix("user."), "")
    return _value(name, visit, did)


def _value(name: str, visit: Visit, did: Did) -> str:
    if name == "visitor_id":
        return visit.visitor
    if name in OF_VISITS:
        return visit.facts[name]
    if name.startswith("property."):
        return did.properties.get(name.removeprefix("property."), "")
    flag = str(int(did.is_conversion))
    return {"path": did.path, "event_type": did.kind, "name": did.name, "is_conversion": flag}[name]


def _passes(filter: dict[str, Any] | None, visit: Visit, did: Did, said: dict[str, dict[str, str]]) -> bool:
    if filter is None:
        return True
    parts = (_passes(part, visit, did, said) for part in filter.get("filters", []))
    if filter["op"] in ("and", "or"):
        return all(parts) if filter["op"] == "and" else any(parts)
    if filter["op"] == "not":
        return not _passes(filter["filter"], visit, did, said)
    name = filter["field"]
    if not name.startswith("user."):
        return OPERATORS[filter["op"]](_value(name, visit, did), filter)
    if visit.visitor not in said:
        return bool(filter["op"] == "is_not")
    return OPERATORS[filter["op"]](said[visit.visitor].get(name.removeprefix("user."), ""), filter)


def _interval(at: int, interval: str, zone: ZoneInfo) -> str:
    local = datetime.fromtimestamp(at / 1000, zone)
    match interval:
        case "day":
            return local.date().isoformat()
        case "week":
            return (local.date() - timedelta(days=local.weekday())).isoformat()
        case "month":
            return local.date().replace(day=1).isoformat()
        case "hour":
            naive = local.replace(minute=0, second=0, microsecond=0, tzinfo=None)
            begin = naive - (local.utcoffset() or timedelta())
        case "quarter_hour":
            begin = datetime.fromtimestamp(at // 900_000 * 900, UTC)
        case _:
            begin = datetime.fromtimestamp(at // 60_000 * 60, UTC)
    return f"{begin:%Y-%m-%dT%H:%M:00Z}"
