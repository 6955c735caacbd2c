"""The fields and metrics there are, and the expression of each. Closed lists: nothing asked becomes SQL."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from app.errors import QueryError
from views.figures import ratio
from views.stats.model import Metric, Step

#: Attributes of a session: they stand in its rows, and change by retraction.
OF_SESSIONS = (
    "entry_host",
    "entry_path",
    "exit_path",
    "referrer_host",
    "channel",
    "source",
    "medium",
    "campaign",
    "term",
    "content",
    "country",
    "region",
    "city",
    "device_class",
    "browser",
    "os",
    "language",
    "visitor_id",
    "user_id",
    "is_bot",
)
#: Attributes of an event.
OF_EVENTS = ("event_type", "name", "host", "path", "title", "goal", "currency", "is_conversion")
#: What is 0 or 1, and asked for as text.
FLAGS = frozenset({"is_bot", "is_conversion"})
PROPERTY = "property."
USER = "user."
#: Attributes that tell one visitor or person from others.
OF_PEOPLE = ("visitor_id", "user_id")

#: Sums that every metric is made of.
SUMS = (
    "sessions",
    "bounces",
    "converted_sessions",
    "duration_ms",
    "engaged_ms",
    "page_views",
    "events",
    "conversions",
    "revenue",
)
#: Sessions by bucket of duration, those of migrations/0006_create_session_gold.sql; signs take back exactly.
DURATIONS = "durations"
_BUCKET = "if(r.duration_ms <= 0, 0, toUInt8(least(255, 1 + floor(8 * log2(r.duration_ms)))))"
_SIGNED = {
    DURATIONS: f"sumMap(map({_BUCKET}, toInt64(r.sign)))",
    "sessions": "sum(r.sign)",
    "bounces": "sum(r.sign * r.is_bounce)",
    "converted_sessions": "sum(r.sign * (r.converted > 0))",
    "revenue": "toFloat64(sum(r.sign * r.revenue))",
}


class Defined(msgspec.Struct, frozen=True):
    """A metric: an expression over SUMS and ``visitors``, and what it means.

    Where there is ``by``, one of SUMS, it is divided by that, and by ``divisor``.
    """

    of: str
    meaning: str
    by: str = ""
    divisor: int = 1

    @property
    def sql(self) -> str:
        """The metric; 0 where there is nothing to divide by."""
        return f"if({self.by} = 0, 0, {self.of} / {self.by} / {self.divisor})" if self.by else self.of

    def columns(self, name: str) -> list[str]:
        """SQL: what a statement has to give for ``told``; it divides nothing, which takes long to plan."""
        return [self.of, self.by] if self.by else [f"{self.of} AS {name}"]

    def told(self, name: str, row: Mapping[str, Any]) -> float:
        """The metric of a row with its ``columns``."""
        return ratio(row[self.of], row[self.by]) / self.divisor if self.by else row[name]


def _median() -> str:
    """SQL: the middle of the bucket that the session in the middle is in, of two the shorter, in seconds."""
    buckets = f"arraySort(mapKeys({DURATIONS}))"
    reached = f"arrayCumSum(arrayMap(bucket -> {DURATIONS}[bucket], {buckets}))"
    middle = f"{buckets}[arrayFirstIndex(one -> 2 * one >= sessions, {reached})]"
    return f"if(sessions = 0 OR {middle} = 0, 0, exp2(({middle} - 0.5) / 8) / 1000)"


METRICS = {
    Metric.VISITORS: Defined("visitors", "distinct visitors of the sessions; exact up to some 2,000"),
    Metric.SESSIONS: Defined("sessions", "sessions that began in the period"),
    Metric.PAGE_VIEWS: Defined("page_views", "their page views"),
    Metric.EVENTS: Defined("events", "their events of every type, page views among them"),
    Metric.CONVERSIONS: Defined("conversions", "their events that the site counts as conversions"),
    Metric.CONVERTED_SESSIONS: Defined("converted_sessions", "sessions with a conversion"),
    Metric.REVENUE: Defined("revenue", "the revenue of their events, as given"),
    Metric.BOUNCE_RATE: Defined("bounces", "bounces / sessions", by="sessions"),
    Metric.SESSION_DURATION_S: Defined(
        "duration_ms", "mean duration of the sessions, in seconds", by="sessions", divisor=1000
    ),
    Metric.MEDIAN_SESSION_DURATION_S: Defined(
        _median(), "median duration of the sessions, in seconds; at most 4.5 % off (buckets 9 % wide)"
    ),
    Metric.CONVERSION_RATE: Defined(
        "converted_sessions", "sessions with a conversion / sessions", by="sessions"
    ),
    Metric.PAGES_PER_SESSION: Defined("page_views", "page views / sessions", by="sessions"),
    Metric.ENGAGED_S_PER_SESSION: Defined(
        "engaged_ms", "engaged time / sessions, in seconds", by="sessions", divisor=1000
    ),
    Metric.REVENUE_PER_SESSION: Defined("revenue", "revenue / sessions", by="sessions"),
}


def needed(metrics: Iterable[Metric]) -> list[str]:
    """The sums that the metrics are made of, and ``sessions``, which tell whether there is a row at all."""
    named = {"sessions"}
    for one in metrics:
        named.update(re.findall(r"\w+", METRICS[one].sql))
    return [name for name in (*SUMS, DURATIONS) if name in named]


class Source(StrEnum):
    """Where an answer comes from, and the layer that the answer names."""

    QUARTERS = "session_analytics"
    ATTRIBUTE_DAYS = "session_attributes_daily"
    SOURCE_DAYS = "traffic_sources_daily"
    DEVICE_DAYS = "device_breakdown_daily"
    SESSIONS = "sessions_silver"
    EVENTS = "session_events"

    @property
    def is_gold(self) -> bool:
        """Whether its rows are sums already."""
        return self in GOLD_FIELDS or self is Source.ATTRIBUTE_DAYS

    @property
    def layer(self) -> str:
        """The layer, and the table: ``gold: session_analytics``."""
        return f"{'gold' if self.is_gold else 'silver'}: {self.value}"

    def sum_of(self, name: str) -> str:
        """The expression of one of SUMS, over the rows ``r``."""
        if self.is_gold and name == DURATIONS:
            return "sumMap(r.durations)"
        if self.is_gold:
            return f"toFloat64(sum(r.{name}))" if name == "revenue" else f"sum(r.{name})"
        return _SIGNED.get(name, f"sum(r.sign * r.{name})")


#: What each gold can be broken down and filtered by.
GOLD_FIELDS = {
    Source.QUARTERS: frozenset({"is_bot"}),
    Source.SOURCE_DAYS: frozenset({"is_bot", "channel", "source", "medium", "campaign", "referrer_host"}),
    Source.DEVICE_DAYS: frozenset({"is_bot", "device_class", "browser", "os", "country"}),
}


class Field(msgspec.Struct, frozen=True):
    """A field by its name; ``key``: the name of the property, for those that have one."""

    name: str
    key: str = ""

    @property
    def is_of_events(self) -> bool:
        """Whether events have to be read for it."""
        return self.name in OF_EVENTS or self.name.startswith(PROPERTY)

    @property
    def is_of_users(self) -> bool:
        """Whether it is what ``$identify`` said of a visitor."""
        return self.name.startswith(USER)


_KEY = re.compile(r"[^\x00-\x1f]{1,128}")


def field(name: str) -> Field:
    """The field of that name; QueryError for one that is not there."""
    if name in OF_SESSIONS or name in OF_EVENTS:
        return Field(name)
    prefix = next((one for one in (PROPERTY, USER) if name.startswith(one)), None)
    if prefix is not None and _KEY.fullmatch(key := name.removeprefix(prefix)):
        return Field(name, key)
    known = ", ".join((*OF_SESSIONS, *OF_EVENTS, f"{PROPERTY}<name>", f"{USER}<name>"))
    raise QueryError(f"unknown field {name[:64]!r}; known are {known}")


def text_of(properties: str, key: str) -> str:
    """SQL: a property as text, whatever type it is of; empty where there is none. ``key`` is SQL, too."""
    return (
        f"if(JSONType({properties}, {key}) = 'String', JSONExtractString({properties}, {key}), "
        f"JSONExtractRaw({properties}, {key}))"
    )


def bucket(step: Step, *, at: str, day: str, zone: str) -> str:
    """SQL: the beginning of an interval as text, from a time, its day in the site's zone, and the zone.

    A day as such, anything shorter as a time in UTC. Quarters and minutes begin alike in every zone. An hour
    is one of the site's clock: where that moves by half an hour, it is named by its full hour all the same.
    """
    days = {
        Step.DAY: f"toString({day})",
        Step.WEEK: f"toString(toMonday({day}))",
        Step.MONTH: f"toString(toStartOfMonth({day}))",
    }
    if step.is_of_days:
        return days[step]
    start = {
        Step.MINUTE: f"toStartOfMinute({at})",
        Step.QUARTER_HOUR: f"toStartOfFifteenMinutes({at})",
        Step.HOUR: f"toStartOfMinute({at}) - INTERVAL toMinute({at}, {zone}) MINUTE",
    }[step]
    return f"formatDateTime({start}, '%Y-%m-%dT%H:%i:00Z', 'UTC')"
