"""What is asked about measures -> SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from views.catalog import VIEWS
from views.event_filter import event_condition
from views.measures import MARKS, Measures, in_gold
from views.params import Period
from views.performance.model import THRESHOLDS, Measured, PerformanceField, Vital
from views.stats.filters import Places
from views.stats.model import And, Step

SILVER = "silver: user_behavior_silver"


def measures_of(
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


def in_all(measures: Measures, places: Places, *, at: str | None = None, limit: int = 0) -> str:
    """A row for each measure; and ``limit`` times with one for each, ``at`` in order, behind those of all."""
    told = f"vital, {measures.sums}{measures.marks}"
    if at is None:
        return f"SELECT {told} FROM {measures.rows} GROUP BY vital"  # noqa: S608
    return (
        f"SELECT {at} AS at, {told} FROM {measures.rows} "  # noqa: S608
        f"GROUP BY GROUPING SETS ((at, vital), (vital)) ORDER BY at "
        f"LIMIT {places.put((limit + 1) * len(Vital), 'UInt32')}"
    )


def spread(keys: Mapping[str, str], measures: Measures, places: Places, *, limit: int) -> str:
    """A row for each key with all of its measures; by time, and most samples first."""
    named = "".join(f"{sql} AS {name}, " for name, sql in keys.items())
    names = ", ".join(keys)
    order = ["at"] if "at" in keys else []
    order += ["sum(samples) DESC", *(name for name in keys if name != "at")]
    return (
        f"SELECT {names}, groupArray((vital, samples, quantiles, good, poor)) AS vitals FROM ("  # noqa: S608
        f"SELECT {named}vital, {measures.sums} FROM {measures.rows} GROUP BY {names}, vital) "
        f"GROUP BY {names} ORDER BY {', '.join(order)} LIMIT {places.put(limit, 'UInt32')}"
    )


def slowest(measures: Measures, asked: Measured, places: Places) -> str:
    """A row for each page, of measures of one kind; ``passes`` as in ``_of_pages``."""
    pages = (
        f"SELECT {_page(measures)} AS page, {measures.sums}{measures.marks} "  # noqa: S608
        f"FROM {measures.rows} GROUP BY page"
    )
    return _of_pages(
        pages,
        measures,
        passing=f"samples >= {places.put(asked.min_samples, 'UInt64')}",
        order="quantiles[2] DESC, page",
        limit=places.put(asked.limit, "UInt32"),
    )


def slower(measures: Measures, asked: Measured, places: Places, *, period: Period, percent: int) -> str:
    """A row for each page and measure that grew in the period against the other days of ``measures``.

    ``passes`` as in ``_of_pages``.
    """
    is_now = f"{measures.day} >= {places.put(period.since, 'Date')}"
    least, growth = places.put(asked.min_samples, "UInt64"), places.put(percent, "UInt32")
    pages = (
        f"SELECT {_page(measures)} AS page, vital, {measures.samples_if(is_now)} AS samples, "  # noqa: S608
        f"{measures.samples_if(f'NOT {is_now}')} AS samples_before, "
        f"{measures.p75_if(is_now)} AS p75, {measures.p75_if(f'NOT {is_now}')} AS p75_before{measures.marks} "
        f"FROM {measures.rows} GROUP BY page, vital"
    )
    return _of_pages(
        pages,
        measures,
        passing=(
            f"samples >= {least} AND samples_before >= {least} AND p75 * 100 > p75_before * (100 + {growth})"
        ),
        order="if(p75_before = 0, inf, p75 / p75_before) DESC, page, vital",
        limit=places.put(asked.limit, "UInt32"),
    )


def _page(measures: Measures) -> str:
    return measures.value or PerformanceField.PAGE.column


def _of_pages(pages: str, measures: Measures, *, passing: str, order: str, limit: str) -> str:
    """SQL: those that pass, with the marks of all pages in each row.

    Of gold there is a row in any case, to have them; ``passes`` says which do.
    """
    stands = ""
    of_all = ""
    if measures.marks:
        of_all = "".join(f", sum({name}) OVER () AS {name}_of_all" for name in MARKS)
        of_all += ", min(page) OVER () AS first_page"
        stands = "OR page = first_page "
    return (
        f"SELECT * FROM (SELECT *, {passing} AS passes{of_all} FROM ({pages})) "  # noqa: S608
        f"WHERE passes {stands}ORDER BY passes DESC, {order} LIMIT {limit}"
    )


def _limit_of(which: int) -> str:
    """SQL: a threshold of each measure; for one without, what no value is compared with in the end."""
    names = ", ".join(f"'{vital}'" for vital in THRESHOLDS)
    limits = ", ".join(str(both[which]) for both in THRESHOLDS.values())
    return f"transform(vital, [{names}], [{limits}], 0)"
