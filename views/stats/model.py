"""What is asked: metrics, by dimensions and intervals, of the sessions or events that pass a filter."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, TypeAlias

import msgspec

MAX_METRICS = 20
MAX_DIMENSIONS = 5
MAX_ROWS = 10_000
#: Of a cursor: what a body has room for.
MAX_CURSOR = 48 * 1024
DEFAULT_ROWS = 100

#: A column of sessions or of events, ``property.<name>`` of an event, or ``user.<name>`` of ``$identify``.
FieldName = Annotated[str, msgspec.Meta(min_length=1, max_length=160)]
Value = Annotated[str, msgspec.Meta(max_length=2048)]


class _Node(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="op"):
    """A part of a filter; ``op`` says which."""


class And(_Node, frozen=True, tag="and"):
    """All of them hold; of none: true."""

    filters: Annotated[list[Filter], msgspec.Meta(max_length=50)]


class Or(_Node, frozen=True, tag="or"):
    """One of them holds at least; of none: false."""

    filters: Annotated[list[Filter], msgspec.Meta(max_length=50)]


class Not(_Node, frozen=True, tag="not"):
    """It does not hold."""

    filter: Filter


class Is(_Node, frozen=True, tag="is"):
    """The field is the value."""

    field: FieldName
    value: Value


class IsNot(_Node, frozen=True, tag="is_not"):
    """The field is something else than the value."""

    field: FieldName
    value: Value


class Contains(_Node, frozen=True, tag="contains"):
    """The value is part of the field; upper and lower case differ."""

    field: FieldName
    value: Value


class Matches(_Node, frozen=True, tag="matches"):
    """The field has a part that the regular expression (RE2) matches."""

    field: FieldName
    value: Value


class OneOf(_Node, frozen=True, tag="one_of"):
    """The field is one of the values."""

    field: FieldName
    values: Annotated[list[Value], msgspec.Meta(max_length=1000)]


Filter: TypeAlias = And | Or | Not | Is | IsNot | Contains | Matches | OneOf
Comparison: TypeAlias = Is | IsNot | Contains | Matches | OneOf


class Metric(StrEnum):
    """What can be counted. Each is defined once, in ``views/stats/fields.py``."""

    VISITORS = "visitors"
    SESSIONS = "sessions"
    PAGE_VIEWS = "page_views"
    EVENTS = "events"
    CONVERSIONS = "conversions"
    CONVERTED_SESSIONS = "converted_sessions"
    REVENUE = "revenue"
    BOUNCE_RATE = "bounce_rate"
    SESSION_DURATION_S = "session_duration_s"
    MEDIAN_SESSION_DURATION_S = "median_session_duration_s"
    CONVERSION_RATE = "conversion_rate"
    PAGES_PER_SESSION = "pages_per_session"
    ENGAGED_S_PER_SESSION = "engaged_s_per_session"
    REVENUE_PER_SESSION = "revenue_per_session"


class Step(StrEnum):
    """Length of the intervals of a series, in the site's time zone; a session counts where it began."""

    MINUTE = "minute"
    QUARTER_HOUR = "quarter_hour"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    @property
    def is_of_days(self) -> bool:
        """Whether an interval is made of whole days."""
        return self in (Step.DAY, Step.WEEK, Step.MONTH)


class Compare(StrEnum):
    """Which period is compared with: as many days before it, or the same days a year ago."""

    PREVIOUS_PERIOD = "previous_period"
    PREVIOUS_YEAR = "previous_year"


class CompareDays(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Days to compare with: ``from`` is in them, ``to`` is not."""

    since: date = msgspec.field(name="from")
    until: date = msgspec.field(name="to")


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows by a metric, a dimension or ``at``; equal ones by their dimensions."""

    by: FieldName
    is_descending: bool = True


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question, apart from site, period and bots."""

    metrics: Annotated[list[Metric], msgspec.Meta(min_length=1, max_length=MAX_METRICS)]
    dimensions: Annotated[list[FieldName], msgspec.Meta(max_length=MAX_DIMENSIONS)] = []
    interval: Step | None = None
    filter: Filter | None = None
    compare: Compare | CompareDays | None = None
    order: Order | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_ROWS)] = DEFAULT_ROWS
    cursor: Annotated[str, msgspec.Meta(max_length=MAX_CURSOR)] | None = None


class StatsRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row: where on the time axis (``at``) and of which dimensions, and its figures.

    ``before``: the same of the period compared with. ``change``: relative to it, none where that is 0.
    """

    metrics: dict[str, float]
    at: str | None = None
    dimensions: dict[str, str] = {}
    before: dict[str, float] | None = None
    change: dict[str, float | None] | None = None


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """An answer. ``layer``: the tables it comes from; ``as_of``: when the period's latest event was written.

    That is looked up once a second: the answer is as fresh, or fresher.
    ``totals`` are of all rows, those beyond ``limit`` too. Everything of a session counts where it began.
    """

    site_id: str
    since: date
    until: date
    timezone: str
    layer: str
    as_of: str | None
    totals: StatsRow
    rows: list[StatsRow]
    next_cursor: str | None = None
