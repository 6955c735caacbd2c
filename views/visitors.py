"""The visitors of sessions by one of their attributes: of spans that are known, of sessions on other days."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date
from typing import TypeVar

from app.core.visitor_spans import WHOLE, Cover, Span, cover, right
from views import living
from views.params import Bots, Scope
from views.reading import Reader, Row
from views.stats.filters import Places

T = TypeVar("T")

#: How long what spans there are is remembered. That they are right is looked up with each answer.
REMEMBER_S = 60.0
#: How often an answer is made anew because a span has become another meanwhile.
TRIES = 3
#: The checksums of a period's days, as they are now.
Checksums = Mapping[date, int]
#: SQL of them, over rows of session_attributes_daily without an attribute.
CHECKSUMS = "sumMap(map(local_date, checksum))"
#: The sums of nothing.
NO_SESSIONS: Row = {
    **dict.fromkeys(("visitors", "sessions", "bounces", "converted_sessions", "duration_ms"), 0),
    **dict.fromkeys(("page_views", "events", "conversions", "revenue"), 0),
    "durations": {},
    "checksums": {},
}

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

    async def answered(
        self, scope: Scope, ask: Callable[[Cover | None], Awaitable[tuple[T, Checksums]]]
    ) -> T:
        """What ``ask`` answers with spans that are right, or with None: then sessions are to be counted.

        The checksums of the days come with the answer: where a span is not right any more, it is asked again
        without it. People and bots together are counted.
        """
        known = [] if scope.bots is Bots.INCLUDE else await self._spans(scope)
        for _ in range(TRIES):
            found = cover(known, scope.period.since, scope.period.until)
            if not found.spans:
                break
            answer, now = await ask(found)
            if found.holds(now):
                return answer
            known = right(await self._spans(scope, anew=True), now)
        answer, _ = await ask(None)
        return answer

    async def _spans(self, scope: Scope, *, anew: bool = False) -> list[Span]:
        at, known = self._known.get((scope.site_id, scope.bots), (0.0, []))
        if anew or not at or time.monotonic() - at > REMEMBER_S:
            sql = _SPANS.format(database=self._reader.database)
            rows = await self._reader.ask(sql, {"site": scope.site_id, "is_bot": scope.bots.flags[0]})
            known = [Span(row["since"], row["until"], row["checksum"]) for row in rows]
            self._known[scope.site_id, scope.bots] = time.monotonic(), known
        return known


async def sums_by(
    reader: Reader, spans: KnownSpans, scope: Scope, attributes: Sequence[str]
) -> tuple[dict[str, list[Row]], str]:
    """The rows of view attribute_sums with ``visitors``, by attribute, most sessions first; and the layer.

    ``attributes`` come from the closed list; that of all sessions, ``""``, is answered besides.
    """
    every = [WHOLE, *attributes]

    async def ask(found: Cover | None) -> tuple[tuple[dict[str, list[Row]], str], Checksums]:
        sums, visitors = await asyncio.gather(
            reader.rows("attribute_sums", {**scope.by_day, "attributes": every}),
            counted(reader, scope, every, found),
        )
        made: dict[str, list[Row]] = {one: [] for one in every}
        for row in sums:
            estimated = visitors.get((row["attribute"], row["value"]), 0)
            made[row["attribute"]].append({**row, "visitors": min(estimated, row["sessions"])})
        made[WHOLE] = made[WHOLE] or [NO_SESSIONS]
        return (made, layer("gold: session_attributes_daily", found)), made[WHOLE][0]["checksums"]

    return await spans.answered(scope, ask)


async def counted(
    reader: Reader, scope: Scope, attributes: Sequence[str], found: Cover | None
) -> dict[tuple[str, str], int]:
    """Attribute and value -> distinct visitors, of the spans found and the sessions of other days."""
    places = Places(scope.by_day)
    rows = await reader.ask(
        "SELECT attribute, value, uniqCombined64Merge(16)(visitors) AS visitors "  # noqa: S608
        f"FROM {relation(attributes, found, places, database=reader.database)} GROUP BY attribute, value",
        places.bound,
    )
    return {(row["attribute"], row["value"]): row["visitors"] for row in rows}


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
