"""What is measured, what can be asked about it, and what is answered."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import msgspec

from views.stats import fields
from views.stats.model import Filter

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
