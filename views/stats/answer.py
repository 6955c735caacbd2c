"""Asks a question and makes the answer: rows, totals, the period compared with, the next page."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from app.core.visitor_spans import WHOLE, Cover
from app.errors import QueryError
from views.freshness import Freshness
from views.known_spans import Checksums, KnownSpans
from views.living import last_day
from views.params import FIRST_DAY, LAST_DAY, Period, Scope
from views.reading import Reader, about
from views.stats.cursor import Cursor, behind, parse, question_of
from views.stats.fields import METRICS, field
from views.stats.model import (
    And,
    Asked,
    Compare,
    CompareDays,
    Metric,
    OneOf,
    Order,
    Stats,
    StatsRow,
    Step,
)
from views.stats.planner import Keys, Plan, attribute_of, of_days, of_spans, order_of, plan
from views.visitors import layer as layer_of

#: Intervals that one series may have.
MAX_INTERVALS = 50_000
#: Values of an attribute that are put in order of their visitors: those of most sessions.
MOST_VALUES = 100_000
_MOST_SESSIONS = Order(by=Metric.SESSIONS)
_STEPS = {
    Step.MINUTE: timedelta(minutes=1),
    Step.QUARTER_HOUR: timedelta(minutes=15),
    Step.HOUR: timedelta(hours=1),
}


async def stats(
    reader: Reader,
    scope: Scope,
    asked: Asked,
    *,
    cap_ms: int,
    spans: KnownSpans | None = None,
    freshness: Freshness | None = None,
) -> Stats:
    """The answer. ``cap_ms``: how long a session can be, 0 for no bound.

    ``spans`` and ``freshness``: what the process remembers of visitors, and of what was written when.

    Raises QueryError for an unknown field, an order by what was not asked, too many intervals.
    """
    asking = _Asking(reader, cap_ms=cap_ms, spans=spans or KnownSpans(reader))
    cursor = parse(asked)
    if is_series := _is_series(asked):
        asked = replace(asked, limit=MAX_INTERVALS)
    found, as_of = await asyncio.gather(
        asking.found(scope, asked, cursor=cursor), (freshness or Freshness(reader)).as_of(scope)
    )
    following = None
    if len(found.rows) > asked.limit:
        last = found.rows[asked.limit - 1]
        following = behind(Cursor(question_of(asked), last["place"], [last[key] for key in _keys(asked)]))
    answered = [_row(one, asked) for one in found.rows[: asked.limit]]
    if is_series:
        answered = _filled(answered, asked, scope.period)
    totals = found.totals
    if asked.compare is not None:
        before = _with(scope, before_of(scope.period, asked.compare))
        counterparts = [_counterpart(row, _places(asked, scope.period, before.period)) for row in answered]
        narrowed = _like(asked, answered)
        earlier = await asking.found(before, narrowed, among=None if is_series else counterparts)
        whole = earlier if narrowed.filter is asked.filter else await asking.found(before, _in_all(asked))
        answered = _compared(answered, counterparts, [_row(one, asked) for one in earlier.rows], asked)
        totals = _against(totals, whole.totals)
    return Stats(
        **about(scope, layer=found.layer),
        as_of=as_of,
        totals=totals,
        rows=answered if asked.dimensions or asked.interval else [totals],
        next_cursor=following,
    )


def before_of(period: Period, compare: Compare | CompareDays) -> Period:
    """The days to compare with; QueryError where there are none."""
    if isinstance(compare, CompareDays):
        since, until = compare.since, compare.until
    elif compare is Compare.PREVIOUS_PERIOD:
        since, until = period.since - (period.until - period.since), period.since
    else:
        since, until = _year_before(period.since), _year_before_end(period.until)
    if not FIRST_DAY <= since < until <= LAST_DAY:
        raise QueryError(
            f"compare: {since} to {until} is no period; expected days from 1970 to 2100, in order"
        )
    return Period(since=since, until=until, zone=period.zone)


def intervals(period: Period, step: Step) -> list[str]:
    """The beginning of each interval that has a part in a period, as answers name it, in order."""
    if step.is_of_days:
        found = {_begin(period.since + timedelta(days=number), step) for number in range(_days(period))}
        return [day.isoformat() for day in sorted(found)]
    since, until = period.bounds
    length = _STEPS[step]
    if (until - since) / length > MAX_INTERVALS:
        raise QueryError(f"interval = {step}: more than {MAX_INTERVALS} of them; ask for a shorter period")
    quarter = min(length, timedelta(minutes=15))
    seen: dict[str, None] = {}
    at = since
    while at < until:
        seen[_hour(at, period) if step is Step.HOUR else f"{at:%Y-%m-%dT%H:%M:00Z}"] = None
        at += quarter
    return list(seen)


def change_of(now: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float | None]:
    """Each figure's change, relative to what it was; None where that is 0."""
    return {name: value / before[name] - 1 if before[name] else None for name, value in now.items()}


class _Found(msgspec.Struct, frozen=True):
    """What a statement gave: its rows by column, one more than asked for where there are more."""

    rows: list[dict[str, Any]]
    totals: StatsRow
    layer: str


class _Asking:
    """Runs statements of one question."""

    def __init__(self, reader: Reader, *, cap_ms: int, spans: KnownSpans) -> None:
        self._reader, self._cap_ms, self._spans = reader, cap_ms, spans

    async def found(
        self,
        scope: Scope,
        asked: Asked,
        *,
        cursor: Cursor | None = None,
        among: Sequence[Keys] | None = None,
    ) -> _Found:
        """The answer's rows, by column, and its totals; of the rows with one of the keys ``among``."""
        if of_spans(asked):
            rows, layer = await self._with_visitors(scope, asked, cursor=cursor)
        elif of_days(asked):
            rows, layer = await self._by_day(scope, asked, cursor=cursor)
        else:
            made = self._plan(scope, asked, cursor=cursor, among=among)
            rows, layer = await self._reader.ask(made.sql, made.bound), made.layer
        if rows and rows[0]["is_total"]:
            return _Found(rows[1:], _row(rows[0], _in_all(asked)), layer)
        return _Found(rows, (await self.found(scope, _in_all(asked))).totals, layer)

    def _plan(
        self, scope: Scope, asked: Asked, *, cursor: Cursor | None, among: Sequence[Keys] | None = None
    ) -> Plan:
        reach = last_day(scope.period.until, cap_ms=self._cap_ms)
        return plan(asked, scope, database=self._reader.database, reach=reach, cursor=cursor, among=among)

    async def _with_visitors(
        self, scope: Scope, asked: Asked, *, cursor: Cursor | None
    ) -> tuple[list[dict[str, Any]], str]:
        """The rows in order, the total first, and their layer: sums and visitors are asked side by side."""
        spans, attribute = self._spans, attribute_of(asked)
        is_by_visitors = order_of(asked).by == Metric.VISITORS
        # Sums know no place among visitors: of most sessions all are asked for, and put in order here.
        of_sums = asked
        if is_by_visitors:
            metrics = [*dict.fromkeys([*asked.metrics, Metric.SESSIONS])]
            of_sums = replace(asked, metrics=metrics, order=_MOST_SESSIONS, limit=MOST_VALUES)

        async def ask(known: Cover | None) -> tuple[tuple[list[dict[str, Any]], str], Checksums]:
            made = self._plan(scope, of_sums, cursor=None if is_by_visitors else cursor)
            rows, visitors = await asyncio.gather(
                self._reader.ask(made.sql, made.bound),
                spans.visitors(scope, [*dict.fromkeys((WHOLE, attribute))], known),
            )
            for row in rows:
                key = (WHOLE, "") if row["is_total"] else (attribute, row["d0"])
                row["m_visitors"] = min(visitors.get(key, 0), row["sessions"])
            return (rows, layer_of(made.layer, known)), _checksums(rows)

        rows, layer = await spans.answered(scope, ask)
        return (_by_visitors(rows, asked, cursor) if is_by_visitors else rows), layer

    async def _by_day(
        self, scope: Scope, asked: Asked, *, cursor: Cursor | None
    ) -> tuple[list[dict[str, Any]], str]:
        """The rows by day, the total first, and their layer."""
        spans = self._spans
        made = self._plan(scope, asked, cursor=cursor)

        async def sums() -> tuple[list[dict[str, Any]], Checksums]:
            rows = await self._reader.ask(made.sql, made.bound)
            return rows, _checksums(rows)

        async def ask(known: Cover | None) -> tuple[tuple[list[dict[str, Any]], str], Checksums]:
            (rows, by_day), whole = await asyncio.gather(
                spans.by_day(scope, sums()), spans.visitors(scope, [WHOLE], known)
            )
            for row in rows:
                is_total, day = row["is_total"], row["at"]
                found = whole.get((WHOLE, ""), 0) if is_total else by_day.get(date.fromisoformat(day), 0)
                row["m_visitors"] = min(found, row["sessions"])
            return (rows, layer_of(made.layer, known)), _checksums(rows)

        return await spans.answered(scope, ask)


def _checksums(rows: list[dict[str, Any]]) -> Checksums:
    """The checksums of the days, which the total has."""
    return rows[0]["checksums"] if rows and rows[0]["is_total"] else {}


def _by_visitors(rows: list[dict[str, Any]], asked: Asked, cursor: Cursor | None) -> list[dict[str, Any]]:
    """The total, then the rows by their visitors from behind the cursor on: one more than asked for."""
    sign = -1 if order_of(asked).is_descending else 1

    def place(row: dict[str, Any]) -> tuple[float, list[str]]:
        return sign * row["place"], [row[key] for key in _keys(asked)]

    totals = [row for row in rows if row["is_total"]]
    others = [{**row, "place": float(row["m_visitors"])} for row in rows if not row["is_total"]]
    if cursor is not None:
        behind = (sign * float(cursor.place), cursor.keys)
        others = [row for row in others if place(row) > behind]
    return totals + sorted(others, key=place)[: asked.limit + 1]


def _keys(asked: Asked) -> list[str]:
    ats = ["at"] if asked.interval is not None else []
    return [*ats, *(f"d{number}" for number in range(len(asked.dimensions)))]


def _in_all(asked: Asked) -> Asked:
    """The same without what it is broken down by; from the same rows, so that a field needed stays needed."""
    return replace(asked, dimensions=[], interval=None, order=None, compare=None, cursor=None, limit=1)


def _like(asked: Asked, rows: list[StatsRow]) -> Asked:
    """The question for the rows of an answer alone, whichever their place in another period."""
    # Of whom nothing was said no filter by what was said lets pass, but they have a row.
    narrowing = [name for name in asked.dimensions if not field(name).is_of_users]
    theirs = [OneOf(field=name, values=sorted({row.dimensions[name] for row in rows})) for name in narrowing]
    narrowed = And(filters=[*([asked.filter] if asked.filter is not None else []), *theirs])
    return replace(
        asked, filter=narrowed if theirs else asked.filter, compare=None, cursor=None, limit=MAX_INTERVALS
    )


def _with(scope: Scope, period: Period) -> Scope:
    return replace(scope, period=period)


def _row(row: dict[str, Any], asked: Asked) -> StatsRow:
    return StatsRow(
        at=row["at"] if asked.interval is not None else None,
        dimensions={name: row[f"d{number}"] for number, name in enumerate(asked.dimensions)},
        metrics={one.value: METRICS[one].told(f"m_{one.value}", row) for one in asked.metrics},
    )


def _is_series(asked: Asked) -> bool:
    """Whether it is a series and nothing else: it comes whole, with every interval."""
    return asked.interval is not None and not asked.dimensions and asked.order is None


def _filled(rows: list[StatsRow], asked: Asked, period: Period) -> list[StatsRow]:
    known = {row.at: row for row in rows}
    empty = {one.value: 0.0 for one in asked.metrics}
    every = intervals(period, asked.interval or Step.DAY)
    return [known.get(at) or StatsRow(at=at, metrics=empty) for at in every]


def _places(asked: Asked, period: Period, before: Period) -> dict[str, str]:
    """Which interval of the other period is in the place of each; one that is longer has more of them."""
    if asked.interval is None:
        return {}
    return dict(zip(intervals(period, asked.interval), intervals(before, asked.interval), strict=False))


def _counterpart(row: StatsRow, places: Mapping[str, str]) -> Keys:
    """The keys of the same dimensions in the same place of the other period; none has an empty interval."""
    return (*([] if row.at is None else [places.get(row.at, "")]), *row.dimensions.values())


def _compared(
    rows: list[StatsRow], counterparts: list[Keys], earlier: list[StatsRow], asked: Asked
) -> list[StatsRow]:
    """Each row beside its counterpart."""
    known = {(*([] if row.at is None else [row.at]), *row.dimensions.values()): row for row in earlier}
    nothing = StatsRow(metrics={one.value: 0.0 for one in asked.metrics})
    return [_against(row, known.get(keys, nothing)) for row, keys in zip(rows, counterparts, strict=True)]


def _against(row: StatsRow, before: StatsRow) -> StatsRow:
    change = change_of(row.metrics, before.metrics)
    return replace(row, before=before.metrics, change=change)


def _days(period: Period) -> int:
    return (period.until - period.since).days


def _begin(day: date, step: Step) -> date:
    if step is Step.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if step is Step.MONTH else day


def _hour(at: datetime, period: Period) -> str:
    """The beginning of the hour of the site's clock that ``at`` is in, in UTC."""
    begin = at - timedelta(minutes=at.astimezone(period.zone).minute)
    return f"{begin:%Y-%m-%dT%H:%M:00Z}"


def _year_before(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)


def _year_before_end(until: date) -> date:
    """The same of a day that is left out: before 29 February is up to the end of February."""
    try:
        return until.replace(year=until.year - 1)
    except ValueError:
        return date(until.year - 1, 3, 1)
