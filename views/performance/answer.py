"""Asks for load times and web vitals and makes the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

import msgspec

from views.figures import ratio
from views.measures import GOLD, MARKS, Measures, in_gold
from views.params import Scope
from views.performance.model import (
    MIN_CHANGE_PERCENT,
    THRESHOLDS,
    Distribution,
    Measured,
    Performance,
    PerformanceField,
    PerformanceRow,
    Regression,
    Regressions,
    SlowPage,
    SlowPages,
    Vital,
    rating,
)
from views.performance.statements import in_all, measures_of, slower, slowest, spread
from views.reading import Reader, Row, about
from views.remembered import Answers, Summed, Sums
from views.stats import fields
from views.stats.answer import before_of
from views.stats.filters import Places
from views.stats.model import Compare, Step

T = TypeVar("T")


async def performance(
    reader: Reader,
    scope: Scope,
    asked: Measured,
    *,
    by: Sequence[PerformanceField] = (),
    interval: Step | None = None,
    answers: Answers,
) -> Performance:
    """How everything measured is spread, in all and by dimensions and intervals."""
    places = Places({**scope.by_day, "zone": scope.period.zone.key})
    measures = measures_of(asked, places, scope.period, by=by, interval=interval, database=reader.database)
    at = None
    if interval is not None:
        at = fields.bucket(interval, at="event_at", day=measures.day, zone="{zone:String}")
    if by:
        return await _by_attributes(reader, scope, asked, measures, places, by=by, at=at)
    sql = in_all(measures, places, at=at, limit=asked.limit)

    async def make() -> Summed[Performance]:
        rows = await reader.ask(sql, places.bound)
        totals = [row for row in rows if not row.get("at")]
        answer = Performance(
            **about(scope, layer=measures.layer),
            totals=_vitals(map(_sums_of, totals)),
            rows=_by_time([row for row in rows if row.get("at")])[: asked.limit],
        )
        return Summed(answer=answer, sums=_marks(totals), size=len(rows))

    question = ("performance", scope, interval, asked.limit)
    return await _answered(reader, measures, places, make, answers=answers, question=question)


async def slow_pages(
    reader: Reader, scope: Scope, asked: Measured, *, vital: Vital, answers: Answers
) -> SlowPages:
    """The slowest pages by one measure."""
    places = Places(scope.by_day)
    measures = measures_of(asked, places, scope.period, by=[PerformanceField.PAGE], database=reader.database)
    of_vital = f"vital = {places.put(vital.value, 'String')}"
    if measures.layer != GOLD:
        of_vital += f" AND {vital.reported}"
    measures = msgspec.structs.replace(measures, rows=f"{measures.rows} AND {of_vital}")
    sql = slowest(measures, asked, places)

    async def make() -> Summed[SlowPages]:
        rows = await reader.ask(sql, places.bound)
        pages = [
            SlowPage(page=row["page"], measured=_distribution(*_sums_of({**row, "vital": vital})))
            for row in rows
            if row["passes"]
        ]
        answer = SlowPages(
            **about(scope, layer=measures.layer), vital=vital, min_samples=asked.min_samples, pages=pages
        )
        return Summed(answer=answer, sums=_marks_of_all(rows), size=len(rows))

    question = ("slow pages", scope, vital, asked.limit, asked.min_samples)
    return await _answered(reader, measures, places, make, answers=answers, question=question)


async def regressions(
    reader: Reader,
    scope: Scope,
    asked: Measured,
    *,
    min_change_percent: int = MIN_CHANGE_PERCENT,
    answers: Answers,
) -> Regressions:
    """What became slower than it was in as many days before."""
    before = before_of(scope.period, Compare.PREVIOUS_PERIOD)
    places = Places({**scope.by_day, "since": before.since})
    by = [PerformanceField.PAGE]
    measures = measures_of(asked, places, before, scope.period, by=by, database=reader.database)
    sql = slower(measures, asked, places, period=scope.period, percent=min_change_percent)

    async def make() -> Summed[Regressions]:
        rows = await reader.ask(sql, places.bound)
        answer = Regressions(
            **about(scope, layer=measures.layer),
            before_since=before.since,
            before_until=before.until,
            min_samples=asked.min_samples,
            min_change_percent=min_change_percent,
            regressions=[_regression(row) for row in rows if row["passes"]],
        )
        return Summed(answer=answer, sums=_marks_of_all(rows), size=len(rows))

    question = ("regressions", scope, asked.limit, asked.min_samples, min_change_percent)
    return await _answered(reader, measures, places, make, answers=answers, question=question)


async def _by_attributes(
    reader: Reader,
    scope: Scope,
    asked: Measured,
    measures: Measures,
    places: Places,
    *,
    by: Sequence[PerformanceField],
    at: str | None,
) -> Performance:
    """In all and by dimensions, which two statements tell; ``at``: SQL of the intervals."""
    keys = {} if at is None else {"at": at}
    keys |= {f"d{number}": measures.value or one.column for number, one in enumerate(by)}
    every = measures
    if measures.layer == GOLD:
        every = in_gold(places, scope.period, database=reader.database)
    totals, rows = await asyncio.gather(
        reader.ask(in_all(every, places), places.bound),
        reader.ask(spread(keys, measures, places, limit=asked.limit), places.bound),
    )
    return Performance(
        **about(scope, layer=measures.layer),
        totals=_vitals(map(_sums_of, totals)),
        rows=[
            PerformanceRow(
                at=row.get("at"),
                dimensions={one: row[f"d{number}"] for number, one in enumerate(by)},
                vitals=_vitals(row["vitals"]),
            )
            for row in rows
        ],
    )


async def _answered(
    reader: Reader,
    measures: Measures,
    places: Places,
    make: Callable[[], Awaitable[Summed[T]]],
    *,
    answers: Answers,
    question: Hashable,
) -> T:
    """What is made, or was made of the same rows; of gold alone, where sums tell."""
    if not measures.marks:
        return (await make()).answer

    async def look() -> Sums:
        return _marks(await reader.ask(measures.look, places.bound))

    return await answers.of(question, look=look, make=make)


def _marks(rows: Iterable[Mapping[str, Any]]) -> Sums:
    """What the rows' marks sum to, as ClickHouse sums them."""
    return tuple(sum(row.get(name, 0) for row in rows) % 2**64 for name in MARKS)


def _marks_of_all(rows: Sequence[Row]) -> Sums:
    """The marks of all pages, which each row has."""
    return tuple(rows[0].get(f"{name}_of_all", 0) if rows else 0 for name in MARKS)


def _by_time(rows: Iterable[Row]) -> list[PerformanceRow]:
    """A row for each time with all of its measures."""
    times = groupby(rows, key=itemgetter("at"))
    return [PerformanceRow(at=at, vitals=_vitals(map(_sums_of, those))) for at, those in times]


def _sums_of(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("vital", "samples", "quantiles", "good", "poor"))


def _vitals(measured: Iterable[Any]) -> dict[Vital, Distribution]:
    found = {Vital(name): _distribution(Vital(name), *sums) for name, *sums in measured}
    return {vital: found[vital] for vital in Vital if vital in found}


def _distribution(
    vital: Vital, samples: int, quantiles: Sequence[float], good: int, poor: int
) -> Distribution:
    p50, p75, p95 = (value / vital.divisor for value in quantiles)
    is_rated = vital in THRESHOLDS
    return Distribution(
        samples=samples,
        p50=p50,
        p75=p75,
        p95=p95,
        good=ratio(good, samples) if is_rated else None,
        needs_improvement=ratio(samples - good - poor, samples) if is_rated else None,
        poor=ratio(poor, samples) if is_rated else None,
        rating=rating(vital, quantiles[1]),
    )


def _regression(row: dict[str, Any]) -> Regression:
    vital, now, then = Vital(row["vital"]), row["p75"], row["p75_before"]
    return Regression(
        page=row["page"],
        vital=vital,
        p75=now / vital.divisor,
        p75_before=then / vital.divisor,
        change=now / then - 1 if then else None,
        rating=rating(vital, now),
        rating_before=rating(vital, then),
        samples=row["samples"],
        samples_before=row["samples_before"],
    )
