"""The visitors of sessions by one of their attributes: of spans that are known, of sessions on other days."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import TypeVar

from app.core.visitor_spans import WHOLE, Cover, Day, Span, cover, right
from views import living
from views.params import Scope
from views.reading import Reader, Row
from views.stats.filters import Places

T = TypeVar("T")

#: How long what spans there are is remembered. That they are right is looked up for each answer.
REMEMBER_S = 60.0
#: The sums of nothing.
NO_SESSIONS: Row = {
    **dict.fromkeys(("visitors", "sessions", "bounces", "converted_sessions", "duration_ms"), 0),
    "durations": {},
}
#: How often an answer is made anew because a span has become another meanwhile.
TRIES = 3

_SPANS = """
SELECT DISTINCT since, until, checksum FROM {database}.visitor_spans
WHERE site_id = {{site:String}} AND attribute = ''
"""
_DAYS = """
SELECT local_date, sum(sessions) AS sessions, sum(checksum) AS checksum
FROM {database}.session_attributes_daily
WHERE site_id = {{site:String}} AND attribute = ''
    AND local_date >= {{since:Date}} AND local_date < {{until:Date}}
GROUP BY local_date
"""


class KnownSpans:
    """Which spans there are of each site, as far as this process knows."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._known: dict[str, tuple[float, list[Span]]] = {}

    async def answered(self, scope: Scope, ask: Callable[[Cover | None], Awaitable[T]]) -> T:
        """What ``ask`` answers with spans that are right, or with None: then sessions are to be counted.

        Spans are looked at beside the answer: where one is not right any more, it is asked again without it.
        """
        known = await self._spans(scope.site_id)
        for _ in range(TRIES):
            found = cover(known, scope.period.since, scope.period.until)
            if not found.spans:
                break
            answer, now = await asyncio.gather(ask(found), self._days(scope))
            if found.holds(now):
                return answer
            known = right(await self._spans(scope.site_id, anew=True), now)
        return await ask(None)

    async def _spans(self, site_id: str, *, anew: bool = False) -> list[Span]:
        at, known = self._known.get(site_id, (0.0, []))
        if anew or not at or time.monotonic() - at > REMEMBER_S:
            rows = await self._reader.ask(_SPANS.format(database=self._reader.database), {"site": site_id})
            known = [Span(row["since"], row["until"], row["checksum"]) for row in rows]
            self._known[site_id] = time.monotonic(), known
        return known

    async def _days(self, scope: Scope) -> dict[date, Day]:
        rows = await self._reader.ask(_DAYS.format(database=self._reader.database), scope.by_day)
        return {row["local_date"]: Day(row["sessions"], row["checksum"]) for row in rows}


async def visitors_by(
    reader: Reader, spans: KnownSpans, scope: Scope, attributes: Sequence[str]
) -> tuple[dict[str, list[Row]], str]:
    """The rows of view attribute_sums with ``visitors``, by attribute, most sessions first; the layer."""

    async def ask(found: Cover | None) -> tuple[dict[str, list[Row]], str]:
        places = Places(scope.by_day)
        sketches = relation(attributes, found, places, database=reader.database)
        sums, counted = await asyncio.gather(
            reader.rows("attribute_sums", {**scope.by_day, "attributes": [*attributes]}),
            reader.ask(
                "SELECT attribute, value, uniqCombined64Merge(16)(visitors) AS visitors "  # noqa: S608
                f"FROM {sketches} GROUP BY attribute, value",
                places.bound,
            ),
        )
        visitors = {(row["attribute"], row["value"]): row["visitors"] for row in counted}
        made: dict[str, list[Row]] = {one: [] for one in attributes}
        for row in sums:
            estimated = visitors.get((row["attribute"], row["value"]), 0)
            made[row["attribute"]].append({**row, "visitors": min(estimated, row["sessions"])})
        return made, layer("gold: session_attributes_daily", found)

    return await spans.answered(scope, ask)


def relation(attributes: Sequence[str], found: Cover | None, places: Places, *, database: str) -> str:
    """SQL: rows of ``attribute, value, visitors`` of the site, the period and its kind of traffic.

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
            f"SELECT attribute, value, visitors FROM {database}.visitor_spans "  # noqa: S608
            f"WHERE site_id = {{site:String}} AND attribute IN {among} AND since IN {since} "
            f"AND until IN {until} AND checksum IN {checksum} AND has({{bots:Array(UInt8)}}, is_bot)"
        )
    return f"({' UNION ALL '.join(parts)})"


def layer(sums: str, found: Cover | None) -> str:
    """What an answer says it comes from, beside the layer of its sums."""
    spans = [] if found is None else ["gold: visitor_spans"]
    rows = ["silver: sessions_silver"] if found is None or found.left else []
    return ", ".join([sums, *spans, *rows])


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
    sketch = "uniqCombined64State(16)(visitor_hash) AS visitors"
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
