"""Load times and web vitals: how they are spread, by what; the slowest pages; what became slower."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import date
from enum import StrEnum
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

import msgspec

from views.catalog import VIEWS
from views.event_filter import event_condition
from views.figures import ratio
from views.measures import GOLD, Measures, in_gold
from views.params import Period, Scope
from views.reading import Reader, Row, about
from views.stats import fields
from views.stats.answer import before_of
from views.stats.filters import Places
from views.stats.model import And, Compare, Filter, Step

SILVER = "silver: user_behavior_silver"
MAX_ROWS = 1000
DEFAULT_ROWS = 100
#: Fewer samples say little of a page's 75th percentile.
MIN_SAMPLES = 50
#: By how many per cent the 75th percentile has to grow to be called a regression.
MIN_CHANGE_PERCENT = 10
REGRESSION_DAYS = 7


class Vital(StrEnum):
    """What is measured: times in ms, and ``cls``, which has no unit."""

    LCP = "lcp"
    INP = "inp"
    CLS = "cls"
    FCP = "fcp"
    TTFB = "ttfb"
    LOAD = "load"

    @property
    def reported(self) -> str:
        """SQL that is true for every event that has it: ClickHouse then reads little of the others."""
        return "name = '$web_vitals'" if self is Vital.CLS else f"{self.value}_ms > 0"

    @property
    def divisor(self) -> int:
        """What a stored value is divided by."""
        return 10_000 if self is Vital.CLS else 1


class Rating(StrEnum):
    """How good a value is, by Google's thresholds."""

    GOOD = "good"
    NEEDS_IMPROVEMENT = "needs_improvement"
    POOR = "poor"


#: The greatest value that is good, and the greatest that is not poor, as stored: https://web.dev/articles/vitals,
#: https://web.dev/articles/fcp, https://web.dev/articles/ttfb. There is none for the load time.
THRESHOLDS = {
    Vital.LCP: (2500, 4000),
    Vital.INP: (200, 500),
    Vital.CLS: (1000, 2500),
    Vital.FCP: (1800, 3000),
    Vital.TTFB: (800, 1800),
}


class PerformanceField(StrEnum):
    """What measures can be broken down by: attributes of the event, which gold calls the same."""

    PAGE = "page"
    DEVICE_CLASS = "device_class"
    COUNTRY = "country"
    CONNECTION = "connection"

    @property
    def column(self) -> str:
        """SQL: the value of it."""
        if self is PerformanceField.CONNECTION:
            told = fields.text_of("properties", f"'{self.value}'")
            return f"if(name = '$web_vitals', {told}, '')"
        return "path" if self is PerformanceField.PAGE else self.value


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """How a measure is spread: percentiles in ms (CLS: no unit), and the share of samples by rating.

    ``rating`` is that of ``p75``. The load time has no thresholds, so no shares and no rating. Percentiles
    are those of ClickHouse's quantileTiming: exact up to 5,670 samples, or 1,024 ms, else within 16 ms; and
    30,000 for all that is more.
    """

    samples: int
    p50: float
    p75: float
    p95: float
    good: float | None
    needs_improvement: float | None
    poor: float | None
    rating: Rating | None


class PerformanceRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row: where on the time axis (``at``), of which dimensions, and what was measured there."""

    vitals: dict[Vital, Distribution]
    at: str | None = None
    dimensions: dict[PerformanceField, str] = {}


class Performance(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured in a period: in all, and by dimensions and intervals, most samples first.

    A measure counts at the time and the page of its event. Where nothing was measured there is no row.
    """

    site_id: str
    since: date
    until: date
    timezone: str
    layer: str
    totals: dict[Vital, Distribution]
    rows: list[PerformanceRow]


class SlowPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page, and how its measure is spread."""

    page: str
    measured: Distribution


class SlowPages(msgspec.Struct, frozen=True, kw_only=True):
    """The pages with at least ``min_samples`` measures, the slowest 75th percentile first."""

    site_id: str
    since: date
    until: date
    timezone: str
    layer: str
    vital: Vital
    min_samples: int
    pages: list[SlowPage]


class Regression(msgspec.Struct, frozen=True, kw_only=True):
    """A page whose 75th percentile grew. ``change`` is relative to before; none where that was 0."""

    page: str
    vital: Vital
    p75: float
    p75_before: float
    change: float | None
    rating: Rating | None
    rating_before: Rating | None
    samples: int
    samples_before: int


class Regressions(msgspec.Struct, frozen=True, kw_only=True):
    """What grew against as many days before, the most first; with enough samples in both periods."""

    site_id: str
    since: date
    until: date
    timezone: str
    layer: str
    before_since: date
    before_until: date
    min_samples: int
    min_change_percent: int
    regressions: list[Regression]


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Which measures are asked about. ``filter``: by what events carry."""

    filter: Filter | None = None
    limit: int = DEFAULT_ROWS
    min_samples: int = MIN_SAMPLES


def rating(vital: Vital, value: float) -> Rating | None:
    """The rating of a stored value: a threshold is on the better side; None where there is none."""
    if vital not in THRESHOLDS:
        return None
    good, poor = THRESHOLDS[vital]
    if value <= good:
        return Rating.GOOD
    return Rating.POOR if value > poor else Rating.NEEDS_IMPROVEMENT


async def performance(
    reader: Reader,
    scope: Scope,
    asked: Measured,
    *,
    by: Sequence[PerformanceField] = (),
    interval: Step | None = None,
) -> Performance:
    """How everything measured is spread, in all and by dimensions and intervals."""
    places = Places({**scope.by_day, "zone": scope.period.zone.key})
    measures = _measures(asked, places, scope.period, by=by, interval=interval, database=reader.database)
    every = in_gold(places, scope.period, database=reader.database) if measures.layer == GOLD else measures
    keys = {f"d{number}": measures.value or one.column for number, one in enumerate(by)}
    if interval is not None:
        at = fields.bucket(interval, at="event_at", day=measures.day, zone="{zone:String}")
        keys = {"at": at, **keys}
    is_by_time = [*keys] == ["at"]
    statements = [] if is_by_time else [_spread({}, every, places, limit=1)]
    if keys:
        statements.append(_spread(keys, measures, places, limit=asked.limit))
    every_vital, *rows = await asyncio.gather(*(reader.ask(sql, places.bound) for sql in statements))
    if is_by_time:
        rows = [_by_time([row for row in every_vital if row["at"]])[: asked.limit]]
        every_vital = [row for row in every_vital if not row["at"]]
    return Performance(
        **about(scope, layer=measures.layer),
        totals=_vitals(map(_sums_of, every_vital)),
        rows=[
            PerformanceRow(
                at=row.get("at"),
                dimensions={one: row[f"d{number}"] for number, one in enumerate(by)},
                vitals=_vitals(row["vitals"]),
            )
            for row in chain(*rows)
        ],
    )


async def slow_pages(reader: Reader, scope: Scope, asked: Measured, *, vital: Vital) -> SlowPages:
    """The slowest pages by one measure."""
    places = Places(scope.by_day)
    by = [PerformanceField.PAGE]
    measures = _measures(asked, places, scope.period, by=by, database=reader.database)
    page, reported = measures.value or by[0].column, "1" if measures.layer == GOLD else vital.reported
    sql = (
        f"SELECT {page} AS page, {measures.sums} FROM {measures.rows} "  # noqa: S608
        f"AND vital = {places.put(vital.value, 'String')} AND {reported} "
        f"GROUP BY page HAVING samples >= {places.put(asked.min_samples, 'UInt64')} "
        f"ORDER BY quantiles[2] DESC, page LIMIT {places.put(asked.limit, 'UInt32')}"
    )
    rows = await reader.ask(sql, places.bound)
    return SlowPages(
        **about(scope, layer=measures.layer),
        vital=vital,
        min_samples=asked.min_samples,
        pages=[
            SlowPage(
                page=row["page"],
                measured=_distribution(vital, row["samples"], row["quantiles"], row["good"], row["poor"]),
            )
            for row in rows
        ],
    )


async def regressions(
    reader: Reader, scope: Scope, asked: Measured, *, min_change_percent: int = MIN_CHANGE_PERCENT
) -> Regressions:
    """What became slower than it was in as many days before."""
    before = before_of(scope.period, Compare.PREVIOUS_PERIOD)
    places = Places({**scope.by_day, "since": before.since})
    by = [PerformanceField.PAGE]
    measures = _measures(asked, places, before, scope.period, by=by, database=reader.database)
    page = measures.value or by[0].column
    is_now = f"{measures.day} >= {places.put(scope.period.since, 'Date')}"
    least, percent = places.put(asked.min_samples, "UInt64"), places.put(min_change_percent, "UInt32")
    sql = (
        f"SELECT {page} AS page, vital, {measures.samples_if(is_now)} AS samples, "  # noqa: S608
        f"{measures.samples_if(f'NOT {is_now}')} AS samples_before, "
        f"{measures.p75_if(is_now)} AS p75, {measures.p75_if(f'NOT {is_now}')} AS p75_before "
        f"FROM {measures.rows} GROUP BY page, vital "
        f"HAVING samples >= {least} AND samples_before >= {least} "
        f"AND p75 * 100 > p75_before * (100 + {percent}) "
        f"ORDER BY if(p75_before = 0, inf, p75 / p75_before) DESC, page, vital "
        f"LIMIT {places.put(asked.limit, 'UInt32')}"
    )
    rows = await reader.ask(sql, places.bound)
    return Regressions(
        **about(scope, layer=measures.layer),
        before_since=before.since,
        before_until=before.until,
        min_samples=asked.min_samples,
        min_change_percent=min_change_percent,
        regressions=[_regression(row) for row in rows],
    )


def _limit_of(which: int) -> str:
    """SQL: a threshold of each measure; for one without, what no value is compared with in the end."""
    names = ", ".join(f"'{vital}'" for vital in THRESHOLDS)
    limits = ", ".join(str(both[which]) for both in THRESHOLDS.values())
    return f"transform(vital, [{names}], [{limits}], 0)"


def _measures(
    asked: Measured,
    places: Places,
    *periods: Period,
    database: str,
    by: Sequence[PerformanceField] = (),
    interval: Step | None = None,
) -> Measures:
    """The measures that pass: of gold, where it can tell. ``places`` has the days of all periods."""
    is_unfiltered = asked.filter in (None, And(filters=[]))
    if is_unfiltered and len(by) <= 1 and (interval is None or interval.is_of_days):
        attribute, by_day = "".join(by), interval in (Step.DAY, Step.MONTH)
        return in_gold(places, *periods, attribute=attribute, by_day=by_day, database=database)
    passing = event_condition(asked.filter, places, database=database)
    return Measures(
        layer=SILVER,
        rows=f"{VIEWS['vitals'].inlined(database)} WHERE {passing}",
        day="local_date",
        count="1",
        good=f"value <= {_limit_of(0)}",
        poor=f"value > {_limit_of(1)}",
        quantiles=("quantilesTiming", "value"),
    )


def _spread(keys: dict[str, str], measures: Measures, places: Places, *, limit: int) -> str:
    """A row for each key with all of its measures; by time, and most samples first.

    Without a key, or by time alone, a row for each measure, which is quicker; by time those of all first.
    """
    named = "".join(f"{sql} AS {name}, " for name, sql in keys.items())
    if not keys.keys() - {"at"}:
        groups = "GROUPING SETS ((at, vital), (vital)) ORDER BY at" if keys else "vital"
        return (
            f"SELECT {named}vital, {measures.sums} FROM {measures.rows} "  # noqa: S608
            f"GROUP BY {groups} LIMIT {places.put((limit + 1) * len(Vital), 'UInt32')}"
        )
    names = ", ".join(keys)
    order = ["at"] if "at" in keys else []
    order += ["sum(samples) DESC", *(name for name in keys if name != "at")]
    grouped = f"GROUP BY {names} ORDER BY {', '.join(order)}" if keys else ""
    return (
        f"SELECT {names}{', ' if keys else ''}"  # noqa: S608
        f"groupArray((vital, samples, quantiles, good, poor)) AS vitals FROM ("
        f"SELECT {named}vital, {measures.sums} FROM {measures.rows} "
        f"GROUP BY {', '.join([*keys, 'vital'])}) {grouped} "
        f"LIMIT {places.put(limit, 'UInt32')}"
    )


def _by_time(rows: Sequence[Row]) -> list[Row]:
    """A row for each time with all of its measures."""
    times = groupby(rows, key=itemgetter("at"))
    return [{"at": at, "vitals": [_sums_of(row) for row in those]} for at, those in times]


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
