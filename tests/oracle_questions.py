"""What the questions of docs/SQL.md come to, counted in plain Python over the visits themselves.

It shares no code with the product, and knows nothing of signs, merges or sketches: a visit is one session.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from tests.oracle_stats import Did, Visit

Rows = list[tuple[Any, ...]]


class Happened(msgspec.Struct, frozen=True):
    """An event of a visit, at its own time."""

    visit: Visit
    did: Did
    at: int
    day: date
    local: datetime


class Seen:
    """The visits of a site as its questions see them: people's, and of days in [since, until)."""

    def __init__(self, visits: list[Visit], *, zone: ZoneInfo, since: date, until: date) -> None:
        self.since, self.until = since, until
        self._zone = zone
        self.ever = [one for visit in visits if not visit.is_bot for one in self._happened(visit)]
        self.events = [one for one in self.ever if since <= one.day < until]
        self.views = [one for one in self.events if one.did.kind == "page_view"]
        self.programs = [
            one for v in visits if v.is_bot for one in self._happened(v) if since <= one.day < until
        ]
        self.visits = [visit for visit in visits if not visit.is_bot and since <= self.day(visit) < until]

    def day(self, visit: Visit) -> date:
        return datetime.fromtimestamp(visit.at / 1000, self._zone).date()

    def _happened(self, visit: Visit) -> list[Happened]:
        found = []
        for number, did in enumerate(visit.did):
            at = visit.at + number * 1000
            local = datetime.fromtimestamp(at / 1000, self._zone)
            found.append(Happened(visit, did, at, local.date(), local))
        return found


def grouped(things: Iterable[Any], key: Callable[[Any], Any]) -> list[tuple[Any, list[Any]]]:
    """Groups in the order of their keys."""
    groups = defaultdict(list)
    for thing in things:
        groups[key(thing)].append(thing)
    return sorted(groups.items())


def people(events: Iterable[Happened]) -> int:
    return len({one.visit.visitor for one in events})


def money(dids: Iterable[Did]) -> float:
    return sum(round(did.revenue * 10_000) for did in dids) / 10_000


def deeds(visits: Iterable[Visit]) -> list[Did]:
    return [did for visit in visits for did in visit.did]


def share(visits: list[Visit], holds: Callable[[Visit], bool]) -> float:
    return sum(map(holds, visits)) / len(visits)


def bounced(visit: Visit) -> bool:
    return visit.is_bounce


def converted(visit: Visit) -> bool:
    return any(did.is_conversion for did in visit.did)


def fact(name: str) -> Callable[[Visit], str]:
    return lambda visit: visit.facts[name]


def pages(visit: Visit) -> list[str]:
    return [did.path for did in visit.did if did.kind == "page_view"]


def viewed(dids: Iterable[Did]) -> int:
    return sum(did.kind == "page_view" for did in dids)


def first(count: int, rows: Iterable[tuple[Any, ...]], *, by: int) -> Rows:
    """The greatest by one column, then the least by the others in their order."""
    return sorted(rows, key=lambda row: (-row[by], row))[:count]


def days(seen: Seen) -> Rows:
    return [
        (day, people(of), viewed(one.did for one in of), len(of))
        for day, of in grouped(seen.events, lambda one: one.day)
    ]


def weeks(seen: Seen) -> Rows:
    by_week = grouped(seen.events, lambda one: one.day - timedelta(days=one.day.weekday()))
    return [
        (week, sum(one.did.is_conversion for one in of), money(one.did for one in of)) for week, of in by_week
    ]


def channels(seen: Seen) -> Rows:
    rows = [
        (
            channel,
            len(of),
            share(of, bounced),
            sum(visit.duration_ms for visit in of) / len(of) / 1000,
            share(of, converted),
        )
        for channel, of in grouped(seen.visits, fact("channel"))
    ]
    return first(99, rows, by=1)


def devices(seen: Seen) -> Rows:
    kinds = grouped(seen.visits, lambda visit: (visit.facts["device_class"], visit.facts["browser"]))
    return [(*kind, len(of), viewed(deeds(of)) / len(of)) for kind, of in kinds]


def quarters(seen: Seen) -> Rows:
    by_quarter = grouped(seen.events, lambda one: datetime.fromtimestamp(one.at // 900_000 * 900, UTC))
    return first(5, [(quarter, len(of)) for quarter, of in by_quarter], by=1)


def longest(seen: Seen) -> Rows:
    ordered = sorted(seen.visits, key=lambda visit: (-visit.duration_ms, visit.id))
    return [(one.id, one.visitor, one.duration_ms / 1000, viewed(one.did)) for one in ordered[:5]]


def middle(seen: Seen) -> Rows:
    ordered = sorted(visit.duration_ms for visit in seen.visits)
    return [tuple(ordered[int(level * len(ordered))] for level in (0.5, 0.9))]


def conversions(seen: Seen) -> Rows:
    found = [one for one in seen.events if one.did.is_conversion]
    return [
        (name, len(of), people(of), money(one.did for one in of))
        for name, of in grouped(found, lambda one: one.did.name)
    ]


def plans(seen: Seen) -> Rows:
    return sorted(Counter(plan for one in seen.events if (plan := one.did.properties.get("plan"))).items())


def of_converting(seen: Seen) -> Rows:
    found = Counter(path for visit in seen.visits if converted(visit) for path in set(pages(visit)))
    return first(99, found.items(), by=1)


def newcomers(seen: Seen) -> Rows:
    began = {visitor: min(one.day for one in of) for visitor, of in grouped(seen.ever, by_visitor)}
    return sorted(Counter(day for day in began.values() if seen.since <= day < seen.until).items())


def by_visitor(one: Happened) -> str:
    return one.visit.visitor


def funnel(seen: Seen) -> Rows:
    saw = went = 0
    for _, views in grouped(seen.views, by_visitor):
        fronts = [view.at for view in views if view.did.path == "/"]
        prices = [view.at for view in views if view.did.path == "/pricing"]
        saw += bool(fronts)
        went += any(0 <= price - front <= 86_400_000 for front in fronts for price in prices)
    return [(saw, went)]


def followed(seen: Seen) -> Rows:
    pairs = Counter(pair for visit in seen.visits for pair in pairwise(pages(visit)))
    return first(5, [(*pair, times) for pair, times in pairs.items()], by=2)


ANSWERS: dict[int, Callable[[Seen], Rows]] = {
    1: days,
    2: lambda seen: [(people(seen.events),)],
    3: weeks,
    4: lambda seen: first(
        5, [(path, len(of), people(of)) for path, of in grouped(seen.views, lambda one: one.did.path)], by=1
    ),
    5: lambda seen: [(day, len(of), share(of, bounced)) for day, of in grouped(seen.visits, seen.day)],
    6: channels,
    7: lambda seen: [
        (campaign, len(of), money(deeds(of)))
        for campaign, of in grouped(seen.visits, fact("campaign"))
        if campaign
    ],
    8: devices,
    9: lambda seen: [
        (country, len(of), len(of) / len(seen.visits))
        for country, of in grouped(seen.visits, fact("country"))
    ],
    10: lambda seen: [
        (
            len(seen.programs),
            len(seen.programs) + len(seen.events),
            len(seen.programs) / (len(seen.programs) + len(seen.events)),
        )
    ],
    11: quarters,
    12: lambda seen: [
        (len(seen.visits), viewed(deeds(seen.visits)), sum(did.engaged_ms for did in deeds(seen.visits)))
    ],
    13: lambda seen: [
        (channel, len({visit.visitor for visit in of}))
        for channel, of in grouped(seen.visits, fact("channel"))
    ],
    14: longest,
    15: lambda seen: first(
        99,
        [(path, len(of), share(of, bounced)) for path, of in grouped(seen.visits, fact("entry_path"))],
        by=1,
    ),
    16: middle,
    17: lambda seen: sorted(Counter(one.local.hour for one in seen.events).items()),
    18: lambda seen: [
        (weekday, len(of), people(of))
        for weekday, of in grouped(seen.views, lambda one: one.day.isoweekday())
    ],
    19: conversions,
    20: plans,
    21: of_converting,
    22: lambda seen: [
        (channel, len(of))
        for channel, of in grouped(
            [visit for visit in seen.visits if "/pricing" in pages(visit)], fact("channel")
        )
    ],
    23: newcomers,
    24: funnel,
    25: followed,
}
