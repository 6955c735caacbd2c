"""What the users of an experiment did, found the naive way: a list of events, gone through for each visitor.

It shares no code with the product; it is written from docs/EXPERIMENTS.md.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec

from tests.oracle_stats import Did, Visit

DAY = 86_400_000


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """An event: when, of which visit, and what."""

    at: int
    visit: str
    did: Did


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A visitor of an experiment: events from the first exposure on, and those before it."""

    variant: str
    after: list[Deed]
    before: list[Deed]


Counts = Callable[[Did], bool]
AMOUNTS: dict[str, Callable[[list[Deed], Counts], float]] = {
    "revenue": lambda deeds, counts: sum(one.did.revenue for one in deeds if counts(one.did)),
    "events": lambda deeds, counts: sum(counts(one.did) for one in deeds),
    "page_views": lambda deeds, counts: sum(one.did.kind == "page_view" and counts(one.did) for one in deeds),
    "conversions": lambda deeds, counts: sum(counts(one.did) for one in deeds),
    "engaged_s": lambda deeds, counts: sum(one.did.engaged_ms for one in deeds if counts(one.did)) / 1000,
    "sessions": lambda deeds, counts: len({one.visit for one in deeds if counts(one.did)}),
}


def users(
    visits: list[Visit], *, experiment: str, zone: ZoneInfo, since: date, until: date, before_days: int = 0
) -> tuple[list[User], int]:
    """Those who saw one variant, and how many saw several."""
    deeds: dict[str, list[Deed]] = defaultdict(list)
    for visit in visits:
        if not visit.is_bot:
            deeds[visit.visitor] += [
                Deed(at=visit.at + number * 1000, visit=visit.id, did=did)
                for number, did in enumerate(visit.did)
            ]
    found, mixed = [], 0
    for mine in deeds.values():
        shown = [
            one
            for one in mine
            if one.did.name == "$exposure"
            and one.did.properties.get("experiment") == experiment
            and one.did.properties.get("variant")
            and since <= _day(one.at, zone) < until
        ]
        if not shown:
            continue
        variants = {one.did.properties["variant"] for one in shown}
        if len(variants) > 1:
            mixed += 1
            continue
        first = min(one.at for one in shown)
        found.append(
            User(
                variant=variants.pop(),
                after=[one for one in mine if first <= one.at and _day(one.at, zone) < until],
                before=[one for one in mine if first - before_days * DAY <= one.at < first],
            )
        )
    return found, mixed


def seen(visits: list[Visit], *, zone: ZoneInfo, since: date, until: date) -> dict[str, Counter[str]]:
    """Experiment -> variant -> visitors who saw it alone; ``""``: those who saw several."""
    names = {
        did.properties["experiment"]
        for visit in visits
        for did in visit.did
        if did.name == "$exposure" and did.properties.get("experiment")
    }
    counted = {}
    for name in names:
        found, mixed = users(visits, experiment=name, zone=zone, since=since, until=until)
        if found or mixed:
            counted[name] = Counter(one.variant for one in found) + Counter({"": mixed})
    return counted


def _day(at: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(at / 1000, zone).date()
