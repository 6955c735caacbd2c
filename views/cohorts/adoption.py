"""Uses of a page or event -> how visitors took it up, how often they use it, and how regularly."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

from app.errors import QueryError
from views.cohorts.calendar import Cadence, Intervals, since
from views.cohorts.model import Adoption, AdoptionRow, By, DepthRow, Spread, StickinessRow
from views.cohorts.occurrences import Occurrences, over
from views.figures import ratio
from views.happenings import Happening
from views.params import FIRST_DAY, Scope
from views.reading import Reader, Row, about

WEEK_DAYS, MONTH_DAYS = 7, 30
DAY_MS = 86_400_000
#: Days of which the users of each are told.
MAX_DAYS = 1000


async def adoption(
    reader: Reader, scope: Scope, *, interval: Cadence, feature: Happening, by: By, cap_ms: int
) -> Adoption:
    """How it was taken up. A use counts on the day on which its session began."""
    if not feature.is_named:
        raise QueryError("adoption of what? expected a page or an event")
    intervals = Intervals.of(scope.period, interval)
    whole = intervals.whole(scope)
    if (days := (whole.period.until - whole.period.since).days) > MAX_DAYS:
        raise QueryError(f"{days} days are asked for, expected {MAX_DAYS} at most; ask for a shorter period")
    asking = _Asking(reader, feature, by=by, cap_ms=cap_ms)
    by_number = {row["n"]: row for row in await asking.shares(whole, interval)}
    taken = await asking.first_uses(whole)
    daily = _stickiness(await asking.gaps(whole), whole)
    total = _row(by_number.get(None))
    return Adoption(
        **about(whole, layer="silver"),
        interval=interval,
        total=total,
        rows=[
            _row(by_number.get(number), at=at)
            for number, at in zip(range(intervals.first, intervals.last + 1), intervals.names, strict=True)
        ],
        adopters=taken["adopters"],
        days_to_first_use=_spread(taken["took_ms"], divisor=DAY_MS),
        uses_per_user=ratio(total.uses, total.users),
        uses=_spread(taken["spread"]),
        depth=[DepthRow(uses=uses, users=users) for uses, users in sorted(zip(*taken["depth"], strict=True))],
        dau_wau=ratio(sum(day.dau for day in daily), sum(day.wau for day in daily)),
        dau_mau=ratio(sum(day.dau for day in daily), sum(day.mau for day in daily)),
        stickiness=daily,
    )


class _Asking:
    """The three statements of an answer."""

    def __init__(self, reader: Reader, feature: Happening, *, by: By, cap_ms: int) -> None:
        self._reader, self._feature, self._by, self._cap_ms = reader, feature, by, cap_ms

    async def shares(self, scope: Scope, interval: Cadence) -> list[Row]:
        """Visitors, users and uses by number of the interval, and of all with None."""
        return await self._ask(scope, _SHARES.replace("{number}", interval.sql))

    async def first_uses(self, scope: Scope) -> Row:
        """Of everybody since what is stored begins: times from first visit to first use, and uses."""
        (row,) = await self._ask(since(scope, FIRST_DAY), _FIRST_USES, begins=scope.period.since)
        return row

    async def gaps(self, scope: Scope) -> list[Row]:
        """Users by day of use, and the days until the next (30 at most)."""
        return await self._ask(since(scope, scope.period.since - timedelta(days=MONTH_DAYS - 1)), _GAPS)

    async def _ask(self, scope: Scope, sql: str, **bound: Any) -> list[Row]:
        def made(within: Occurrences) -> str:
            found = sql.replace("{both}", _BOTH).replace("{uses}", within.of(self._feature))
            return found.replace("{visits}", within.of(Happening()))

        return await over(self._reader, scope, made, cap_ms=self._cap_ms, by=self._by, bound=bound)


_BOTH = """(
    SELECT actor, day, at, 0 AS is_use FROM ({visits})
    UNION ALL
    SELECT actor, day, at, 1 AS is_use FROM ({uses})
)"""
_SHARES = """
SELECT
    if(grouping(number) = 1, NULL, number) AS n,
    uniqExact(actor) AS active,
    uniqExactIf(actor, is_use) AS users,
    countIf(is_use) AS uses
FROM (SELECT *, {number} AS number FROM {both})
GROUP BY GROUPING SETS ((number), ())
"""
_FIRST_USES = """
SELECT
    countIf(is_adopter) AS adopters,
    quantilesExactInclusiveIf(0.25, 0.5, 0.75, 0.9)(use_at - first_at, is_adopter) AS took_ms,
    quantilesExactInclusiveIf(0.25, 0.5, 0.75, 0.9)(times, times > 0) AS spread,
    sumMapIf([roundDown(times, [1, 2, 3, 4, 5, 10, 20, 50, 100])], [toUInt64(1)], times > 0) AS depth
FROM (
    SELECT
        min(at) AS first_at,
        minIf(at, is_use) AS use_at,
        countIf(is_use) > 0 AND minIf(day, is_use) >= {begins:Date} AS is_adopter,
        countIf(is_use AND day >= {begins:Date}) AS times
    FROM {both}
    GROUP BY actor
)
"""
_GAPS = """
SELECT toString(one.1) AS day, one.2 AS gap, count() AS users
FROM (
    SELECT arrayJoin(arrayMap(
        (day, i) -> (day, if(i = length(days), 30, least(30, toInt32(days[i + 1]) - toInt32(day)))),
        days,
        arrayEnumerate(days)
    )) AS one
    FROM (SELECT arraySort(groupUniqArray(day)) AS days FROM ({uses}) GROUP BY actor)
)
GROUP BY day, gap
"""


def _stickiness(rows: list[Row], scope: Scope) -> list[StickinessRow]:
    """Users of each day's last 1, 7 and 30 days: the latest day of use is the one that counts."""
    counts: dict[int, Counter[date]] = {length: Counter() for length in (1, WEEK_DAYS, MONTH_DAYS)}
    for row in rows:
        first = date.fromisoformat(row["day"])
        for length, users in counts.items():
            for later in range(min(row["gap"], length)):
                users[first + timedelta(days=later)] += row["users"]
    found = []
    day = scope.period.since
    while day < scope.period.until:
        dau, wau, mau = (users[day] for users in counts.values())
        found.append(StickinessRow(at=day.isoformat(), dau=dau, wau=wau, mau=mau))
        day += timedelta(days=1)
    return found


def _row(row: Row | None, *, at: str | None = None) -> AdoptionRow:
    active, users, uses = (row[name] for name in ("active", "users", "uses")) if row else (0, 0, 0)
    return AdoptionRow(at=at, active=active, users=users, uses=uses, share=ratio(users, active))


def _spread(values: list[float], *, divisor: int = 1) -> Spread:
    p25, p50, p75, p90 = (None if value != value else value / divisor for value in values)  # noqa: PLR0124
    return Spread(p25=p25, p50=p50, p75=p75, p90=p90)
