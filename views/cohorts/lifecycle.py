"""Intervals in which visitors were active -> new, returning, resurrected and dormant ones."""

from __future__ import annotations

from views.cohorts.calendar import Cadence, Intervals, since
from views.cohorts.model import By, Lifecycle, LifecycleRow
from views.cohorts.occurrences import over
from views.happenings import Happening
from views.params import FIRST_DAY, Scope
from views.reading import Reader, about


async def lifecycle(
    reader: Reader, scope: Scope, *, interval: Cadence, activity: Happening, by: By, cap_ms: int
) -> Lifecycle:
    """A row for each interval. A visitor is active in one in which a session with the activity began."""
    intervals = Intervals.of(scope.period, interval)
    whole = intervals.whole(scope)
    found = await over(
        reader,
        since(whole, FIRST_DAY),
        lambda stored: _STATEMENT.format(number=interval.sql, active=stored.of(activity)),
        cap_ms=cap_ms,
        by=by,
    )
    by_number = {row["n"]: row for row in found}
    known = sum(row["new"] for row in found if row["n"] < intervals.first)
    rows = []
    for number, at in zip(range(intervals.first, intervals.last + 1), intervals.names, strict=True):
        row = by_number.get(number, _NOBODY)
        back = row["returning"] + row["resurrected"]
        rows.append(
            LifecycleRow(
                at=at,
                active=row["new"] + back,
                new=row["new"],
                returning=row["returning"],
                resurrected=row["resurrected"],
                dormant=known - back,
                newly_dormant=row["newly_dormant"],
            )
        )
        known += row["new"]
    return Lifecycle(**about(whole, layer="silver"), interval=interval, rows=rows)


_NOBODY = {"new": 0, "returning": 0, "resurrected": 0, "newly_dormant": 0}

#: ``active``: views/cohorts/occurrences.py; each of a visitor's intervals is one of the first three.
_STATEMENT = """
SELECT
    one.1 AS n,
    countIf(one.2 = 'new') AS new,
    countIf(one.2 = 'returning') AS returning,
    countIf(one.2 = 'resurrected') AS resurrected,
    countIf(one.2 = 'dormant') AS newly_dormant
FROM (
    SELECT arrayJoin(arrayConcat(
        arrayMap(
            (n, i) -> (n, multiIf(i = 1, 'new', n - ns[i - 1] = 1, 'returning', 'resurrected')),
            ns,
            arrayEnumerate(ns)
        ),
        arrayMap(n -> (n + 1, 'dormant'), arrayFilter(n -> NOT has(ns, n + 1), ns))
    )) AS one
    FROM (
        SELECT arraySort(groupUniqArray(toInt64({number}))) AS ns
        FROM ({active})
        GROUP BY actor
    )
)
GROUP BY n
ORDER BY n
"""
