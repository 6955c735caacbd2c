"""The spans of a site whose visitors are known, and what this process remembers of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import TypeVar

import msgspec

from app import log
from app.core.visitor_spans import WHOLE, Cover, Span, cover, right
from views import living
from views.params import Bots, Scope
from views.reading import Reader
from views.remembered import keep
from views.stats.filters import Places

T = TypeVar("T")

#: How long what spans there are is remembered. That they are right is looked up with each answer.
REMEMBER_S = 60.0
#: How many answers of spans alone are remembered, and of how many values at most.
MOST_UNITED, MOST_VALUES = 64, 4096
#: How often an answer is made anew because a span has become another meanwhile.
TRIES = 3
#: The checksums of a period's days, as they are now.
Checksums = Mapping[date, int]
#: Attribute and value -> distinct visitors.
Counts = Mapping[tuple[str, str], int]


class DayVisitors(msgspec.Struct, frozen=True):
    """The distinct visitors of a day, and the checksum of the sessions that they were told from."""

    checksum: int | None
    visitors: int


NOBODY = DayVisitors(None, 0)

_SPANS = """
SELECT since, until, argMax(checksum, made_at) AS checksum FROM {database}.visitor_spans
WHERE site_id = {{site:String}} AND attribute = '' AND is_bot = {{is_bot:UInt8}}
    AND made_at > now() - INTERVAL 60 DAY
GROUP BY since, until
"""


class KnownSpans:
    """Which spans there are of each site, as far as this process knows."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._known: dict[tuple[str, Bots], tuple[float, list[Span]]] = {}
        self._looks: dict[tuple[str, Bots], asyncio.Task[list[Span]]] = {}
        self._united: dict[tuple[object, ...], Counts] = {}
        self._of_days: dict[tuple[str, Bots], dict[date, DayVisitors]] = {}

    async def answered(
        self, scope: Scope, ask: Callable[[Cover | None], Awaitable[tuple[T, Checksums]]]
    ) -> T:
        """What ``ask`` answers with spans that are right, or with None: then sessions are to be counted.

        The checksums of the days come with the answer: where a span is not right any more, it is asked again
        without it. People and bots together are counted.
        """
        known = [] if scope.bots is Bots.INCLUDE else await self._spans(scope)
        for _ in range(TRIES):
            spans = [one for one in known if not one.is_day]
            found = cover(spans, scope.period.since, scope.period.until)
            if not found.spans:
                break
            answer, now = await ask(found)
            if found.holds(now):
                return answer
            known = right(await self._spans(scope, anew=True), now)
        answer, _ = await ask(None)
        return answer

    async def visitors(self, scope: Scope, attributes: Sequence[str], found: Cover | None) -> Counts:
        """The distinct visitors of the spans found and the sessions of other days.

        What spans alone tell is remembered: they are named by what they were made of, and are united once.
        """
        key = (scope.site_id, scope.bots, *attributes, found)
        if key in self._united:
            return self._united[key]
        places = Places(scope.by_day)
        rows = await self._reader.ask(
            "SELECT attribute, value, uniqCombined64Merge(16)(visitors) AS visitors, "  # noqa: S608
            "sum(is_span) AS spans "
            f"FROM {_relation(attributes, found, places, database=self._reader.database)} "
            "GROUP BY attribute, value",
            places.bound,
        )
        counts = {(row["attribute"], row["value"]): row["visitors"] for row in rows}
        there = sum(row["spans"] for row in rows if row["attribute"] == WHOLE)
        if found is not None and there < len(found.spans):
            # An erasure took them: they are made anew. Until then sessions are counted.
            self._known.pop((scope.site_id, scope.bots), None)
            return await self.visitors(scope, attributes, None)
        if found is not None and not found.left and len(counts) <= MOST_VALUES:
            keep(self._united, key, counts, most=MOST_UNITED)
        return counts

    async def by_day(self, scope: Scope, sums: Awaitable[tuple[T, Checksums]]) -> tuple[T, dict[date, int]]:
        """The sums, which come with the checksums of the days, and each day's distinct visitors.

        A day that is not known, or has become another, is counted. People and bots together are counted.
        """
        since, until = scope.period.since, scope.period.until
        spans = [] if scope.bots is Bots.INCLUDE else await self._spans(scope)
        known = [one for one in spans if one.is_day and since <= one.since < until]
        days = {one.since for one in known}
        every = (since + timedelta(days=number) for number in range((until - since).days))
        (answer, now), told, counted = await asyncio.gather(
            sums,
            self._told(scope, known),
            self._counted(scope, [day for day in every if day not in days]),
        )
        wrong = [day for day in sorted(days & now.keys()) if told.get(day, NOBODY).checksum != now[day]]
        counted.update(await self._counted(scope, wrong))
        return answer, {**{day: one.visitors for day, one in told.items() if day in days}, **counted}

    async def _told(self, scope: Scope, spans: Sequence[Span]) -> Mapping[date, DayVisitors]:
        """The visitors of days that are known, remembered from when they were read."""
        remembered = self._of_days.setdefault((scope.site_id, scope.bots), {})
        unread = [one for one in spans if remembered.get(one.since, NOBODY).checksum != one.checksum]
        if unread:
            days = {one.since: one.checksum for one in unread}
            places = Places(scope.by_day)
            rows = await self._reader.ask(
                "SELECT since, checksum, finalizeAggregation(visitors) AS visitors "  # noqa: S608
                f"FROM {self._reader.database}.visitor_spans WHERE site_id = {{site:String}} "
                "AND attribute = '' AND until = since + 1 AND has({bots:Array(UInt8)}, is_bot) "
                f"AND since IN {places.put(list(days), 'Array(Date)')}",
                places.bound,
            )
            for row in rows:
                if days[row["since"]] == row["checksum"]:
                    remembered[row["since"]] = DayVisitors(row["checksum"], row["visitors"])
        return remembered

    async def _counted(self, scope: Scope, days: Sequence[date]) -> dict[date, int]:
        if not days:
            return {}
        places = Places(scope.by_day)
        database = self._reader.database
        within = f"{living.WITHIN} AND local_date IN {places.put([*days], 'Array(Date)')}"
        stands = living.standing(within, database=database)
        rows = await self._reader.ask(
            "SELECT local_date, uniqCombined64(16)(visitor_hash) AS visitors "  # noqa: S608
            f"FROM {database}.sessions_silver WHERE {within} AND {stands} GROUP BY local_date",
            places.bound,
        )
        return {row["local_date"]: row["visitors"] for row in rows}

    async def _spans(self, scope: Scope, *, anew: bool = False) -> list[Span]:
        """The spans there were a while ago; nobody but the first waits for a look.

        One that came since is only not used yet, and one that is not right any more is seen by its checksum.
        """
        key = (scope.site_id, scope.bots)
        at, known = self._known.get(key, (0.0, None))
        if anew or known is None:
            return await self._look(scope)
        if time.monotonic() - at > REMEMBER_S and key not in self._looks:
            look = self._looks[key] = asyncio.create_task(self._look(scope))
            look.add_done_callback(lambda done: self._looked(key, done))
        return known

    async def _look(self, scope: Scope) -> list[Span]:
        sql = _SPANS.format(database=self._reader.database)
        rows = await self._reader.ask(sql, {"site": scope.site_id, "is_bot": scope.bots.flags[0]})
        known = [Span(row["since"], row["until"], row["checksum"]) for row in rows]
        self._known[scope.site_id, scope.bots] = time.monotonic(), known
        return known

    def _looked(self, key: tuple[str, Bots], look: asyncio.Task[list[Span]]) -> None:
        del self._looks[key]
        if not look.cancelled() and (error := look.exception()) is not None:
            # The next question looks again.
            log.get("visitor-spans").warning("visitor_spans.not_looked_up", trouble=str(error))


def _relation(attributes: Sequence[str], found: Cover | None, places: Places, *, database: str) -> str:
    """SQL: rows of ``attribute, value, visitors, is_span`` of the site, the period and its kind of traffic.

    ``attributes`` come from the closed list; ``""`` is every session. Several sketches may be of one value.
    """
    parts = []
    if found is None or found.left:
        parts.append(_of_sessions(attributes, _within(found, places), database=database))
    if found is not None:
        since, until, checksum = (
            places.put([getattr(one, name) for one in found.spans], f"Array({kind})")
            for name, kind in (("since", "Date"), ("until", "Date"), ("checksum", "Int64"))
        )
        among = places.put(list(attributes), "Array(String)")
        parts.append(
            f"SELECT attribute, value, visitors, 1 AS is_span FROM {database}.visitor_spans "  # noqa: S608
            f"WHERE site_id = {{site:String}} AND attribute IN {among} AND since IN {since} "
            f"AND until IN {until} AND checksum IN {checksum} AND has({{bots:Array(UInt8)}}, is_bot)"
        )
    return f"({' UNION ALL '.join(parts)})"


def _within(found: Cover | None, places: Places) -> str:
    """SQL: whether a session row is one that has to be counted."""
    if found is None:
        return living.WITHIN
    days = (
        f"local_date >= {places.put(since, 'Date')} AND local_date < {places.put(until, 'Date')}"
        for since, until in found.left
    )
    return f"{living.WITHIN} AND ({' OR '.join(days)})"


def _of_sessions(attributes: Sequence[str], within: str, *, database: str) -> str:
    rows = f"{database}.sessions_silver WHERE {within} AND {living.standing(within, database=database)}"
    sketch = "uniqCombined64State(16)(visitor_hash) AS visitors, 0 AS is_span"
    named = [one for one in attributes if one != WHOLE]
    # What is not grouped by has an empty value, as what stands for every session.
    attribute = "".join(f"grouping({one}) = 0, '{one}', " for one in named)
    value = "".join(f"grouping({one}) = 0, toString({one}), " for one in named)
    if not named:
        return f"SELECT '' AS attribute, '' AS value, {sketch} FROM {rows}"  # noqa: S608
    sets = ", ".join(f"({one if one != WHOLE else ''})" for one in attributes)
    return (
        f"SELECT multiIf({attribute}'') AS attribute, multiIf({value}'') AS value, {sketch} "  # noqa: S608
        f"FROM {rows} GROUP BY GROUPING SETS ({sets})"
    )
