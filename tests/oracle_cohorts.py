"""Who came back, by a walk over visits. Shares no code with the product."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta

from tests.timelines import Hit, Visit

Chosen = Callable[[Visit, Hit], bool]


def begin(day: date, interval: str) -> date:
    """The first day of the day's interval."""
    if interval == "month":
        return date(day.year, day.month, 1)
    return day - timedelta(days=day.isocalendar().weekday - 1) if interval == "week" else day


def following(day: date, interval: str) -> date:
    """The first day of the next interval."""
    at = begin(day, interval)
    while begin(at, interval) == begin(day, interval):
        at += timedelta(days=1)
    return at


def intervals(since: date, until: date, interval: str) -> list[date]:
    """The first day of each interval that has a day from ``since`` to before ``until``."""
    found = [begin(since, interval)]
    while following(found[-1], interval) < until:
        found.append(following(found[-1], interval))
    return found


def did(visits: Iterable[Visit], chosen: Chosen) -> dict[str, list[tuple[date, int, Visit]]]:
    """What each visitor did, in order: day of the session, time, session."""
    found: dict[str, list[tuple[date, int, Visit]]] = defaultdict(list)
    for visit in visits:
        for hit in visit.hits:
            if chosen(visit, hit):
                found[visit.visitor].append((visit.day, hit.at, visit))
    return {visitor: sorted(rows, key=lambda row: row[:2]) for visitor, rows in found.items()}


def returns(
    visits: Sequence[Visit], every: Sequence[date], interval: str, *, start: Chosen, back: Chosen
) -> list[tuple[int, str, set[int]]]:
    """Of each visitor the cohort, the channel of the first session, and after how many intervals."""
    starts, backs = did(visits, start), did(visits, back)
    found = []
    for visitor, rows in starts.items():
        day, at, visit = rows[0]
        if begin(day, interval) not in every:
            continue
        cohort = every.index(begin(day, interval))
        later = {
            every.index(begin(then, interval)) - cohort
            for then, when, _ in backs.get(visitor, [])
            if (then, when) >= (day, at) and begin(then, interval) in every
        }
        found.append((cohort, visit.channel, later))
    return found


def lifecycle(
    visits: Sequence[Visit], every: Sequence[date], interval: str, active: Chosen
) -> list[Counter[str]]:
    """Visitors of each interval by what they are."""
    when = {
        visitor: {begin(day, interval) for day, _, _ in rows} for visitor, rows in did(visits, active).items()
    }
    found = []
    for at in every:
        before = begin(at - timedelta(days=1), interval)
        kinds: Counter[str] = Counter()
        for days in when.values():
            if at in days:
                kinds["active"] += 1
                is_new, was_there = min(days) == at, before in days
                kinds["new" if is_new else "returning" if was_there else "resurrected"] += 1
            elif min(days) < at:
                kinds["dormant"] += 1
                kinds["newly_dormant"] += before in days
        found.append(kinds)
    return found
