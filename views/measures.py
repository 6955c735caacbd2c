"""What browsers measured, as rows to be summed; those of gold, which is kept by the day and by the week."""

from __future__ import annotations

from typing import Any

import msgspec

from views.params import Period
from views.spans import DAY, spans
from views.stats.filters import Places

GOLD = "gold: vital_distributions"
#: What rows of gold sum to, with where each one stands, modulo 2^64: no measure can come, go, or be rated
#: otherwise without another sum; merges of parts change none.
MARKS = ("marked_samples", "marked_good", "marked_poor")
_MARKS = "".join(
    f", sum(g.{name.removeprefix('marked_')} * cityHash64(g.vital, g.value, g.span, g.since)) AS {name}"
    for name in MARKS
)


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """Rows, each of one measure or of many, and the SQL of what one of them says.

    ``rows`` stands behind FROM, with its conditions. ``day`` is the day of a row, or its first; ``count`` how
    many measures it is of, ``good`` and ``poor`` how many of those are; ``quantiles`` a function, and what it
    takes. ``value`` is the value of the attribute that a row is of, where it is of one. ``marks`` are columns
    with a comma before: MARKS, in gold.
    """

    layer: str
    rows: str
    day: str
    count: str
    good: str
    poor: str
    quantiles: tuple[str, str]
    value: str | None = None
    marks: str = ""

    @property
    def look(self) -> str:
        """A statement: the marks of all rows, read without what takes long."""
        return f"SELECT {self.marks.removeprefix(', ')} FROM {self.rows}"  # noqa: S608

    @property
    def sums(self) -> str:
        """SQL: the columns samples, quantiles, good, poor."""
        function, state = self.quantiles
        return (
            f"sum({self.count}) AS samples, {function}(0.5, 0.75, 0.95)({state}) AS quantiles, "
            f"sum({self.good}) AS good, sum({self.poor}) AS poor"
        )

    def samples_if(self, condition: str) -> str:
        """SQL: how many measures there are where it is true."""
        return f"sumIf({self.count}, {condition})"

    def p75_if(self, condition: str) -> str:
        """SQL: their 75th percentile."""
        function, state = self.quantiles
        return f"toFloat64({function}If(0.75)({state}, {condition})[1])"


def in_gold(
    places: Places, *periods: Period, attribute: str = "", database: str, by_day: bool = False
) -> Measures:
    """What gold says of the periods by one attribute of events, or of them all; in few pieces, or ``by_day``.

    ``places`` holds ``site`` and ``bots``. Periods do not overlap; ``by_day`` is of one.
    """
    of, within = places.put(attribute, "String"), _within(places, periods, by_day=by_day)
    return Measures(
        layer=GOLD,
        rows=(
            f"{database}.vital_distributions AS g WHERE site_id = {{site:String}} AND attribute = {of} "
            f"AND {within} AND has({{bots:Array(UInt8)}}, is_bot)"
        ),
        day="since",
        count="g.samples",
        good="g.good",
        poor="g.poor",
        quantiles=("quantilesTimingMerge", "g.quantiles"),
        value="value" if attribute else None,
        marks=_MARKS,
    )


def _within(places: Places, periods: tuple[Period, ...], *, by_day: bool) -> str:
    if by_day:
        (period,) = periods
        since, until = places.put(period.since, "Date"), places.put(period.until, "Date")
        return f"span = {DAY} AND since >= {since} AND since < {until}"
    pieces: list[Any] = [piece for period in periods for piece in spans(period.since, period.until)]
    return f"(span, since) IN {places.put(pieces, 'Array(Tuple(UInt8, Date))')}"
