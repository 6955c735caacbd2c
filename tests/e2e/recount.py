"""Sent events -> what bronze, the ledger and each gold must hold; and what they do hold.

The recount sorts and counts; it shares no code with the product but the wire contract. A gold that is not
here fails the comparison: whoever adds one adds its recount.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import msgspec

from app.events.wire import WebEvent
from tests.e2e.deployment import Deployment
from tests.factories import DAY, HOUR, MINUTE

GAP_MS = 30 * MINUTE
QUARTER = 15 * MINUTE
#: What sessions are told apart by, each by itself.
ATTRIBUTES = ("channel", "source", "campaign", "country", "device_class", "browser", "os")
#: What is counted: (measure, *dimensions) -> how much.
Counts = Counter[tuple[Any, ...]]


@dataclass(kw_only=True)
class Visit:
    """A session, by the pauses between the events of a visitor."""

    site_id: str
    started_at: int
    page_views: int = 0
    events: int = 0
    attribute: str = ""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One thing that the browser measured, as one of a day or a week, under an attribute of its event."""

    event: WebEvent
    vital: str
    attribute: str
    days: int


#: What is counted one by one; an event with days: as one of so many.
Counted = WebEvent | Visit | Measure | tuple[int, WebEvent]


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How a table's rows are told apart and what is summed, in Python and in SQL."""

    of: Callable[[Any], tuple[Any, ...]]
    columns: tuple[str, ...]
    measures: tuple[str, ...]


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()


def _begin(days: int, event: WebEvent) -> str:
    """The day of the event, or the Monday of its week."""
    day = datetime.fromtimestamp(event.occurred_at / 1000, UTC).date()
    return (day - timedelta(days=day.weekday() if days == 7 else 0)).isoformat()


def _events_by(bucket_ms: int) -> Tally:
    return Tally(
        of=lambda e: (e.site_id, str(e.event_type), e.occurred_at // bucket_ms * bucket_ms // 1000),
        columns=("site_id", "event_type", "toUnixTimestamp(bucket)"),
        measures=("rows", "events"),
    )


def _visits_by_day() -> Tally:
    return Tally(
        of=lambda visit: (visit.site_id, _day(visit.started_at)),
        columns=("site_id", "toString(local_date)"),
        measures=("rows", "sessions", "page_views", "events"),
    )


OF_EVENTS: Mapping[str, Tally] = {
    "events_per_minute": _events_by(MINUTE),
    "events_per_quarter_hour": _events_by(QUARTER),
    "events_per_hour": _events_by(HOUR),
    "events_per_day": _events_by(DAY),
    "daily_user_metrics": Tally(
        of=lambda event: (event.site_id, _day(event.occurred_at)),
        columns=("site_id", "toString(local_date)"),
        measures=("rows", "events", "page_views"),
    ),
    "page_performance_metrics": Tally(
        of=lambda event: (event.site_id, urlsplit(event.url).path, _day(event.occurred_at)),
        columns=("site_id", "path", "toString(local_date)"),
        measures=("rows", "page_views"),
    ),
}

#: Of events, each as one of its day and as one of its week.
OF_SPANS: Mapping[str, Tally] = {
    "page_visitors": Tally(
        of=lambda one: (one[1].site_id, urlsplit(one[1].url).path, one[0], _begin(*one)),
        columns=("site_id", "path", "span", "toString(since)"),
        measures=("rows", "page_views"),
    ),
}

#: What a measure is told apart by, each by itself.
TOLD_BY = ("", "page", "device_class", "country", "connection")

#: Of measures, each as one of its day and of its week, under each attribute and under none.
OF_MEASURES: Mapping[str, Tally] = {
    "vital_distributions": Tally(
        of=lambda one: (one.event.site_id, one.attribute, one.vital, one.days, _begin(one.days, one.event)),
        columns=("site_id", "attribute", "vital", "span", "toString(since)"),
        measures=("rows", "samples"),
    ),
}


def _measures(event: WebEvent) -> list[Measure]:
    """What the browser measured: whole milliseconds above 0, and the layout shift where it is told."""
    told = msgspec.json.decode(event.properties) if event.properties else {}
    timings = {"page_view": ("load", "ttfb"), "$web_vitals": ("lcp", "inp", "fcp", "ttfb")}
    names = timings.get(event.name or str(event.event_type), ())
    vitals = [name for name in names if round(told.get(f"{name}_ms", 0))]
    if event.name == "$web_vitals" and told.get("cls") is not None:
        vitals.append("cls")
    return [
        Measure(event=event, vital=vital, attribute=attribute, days=days)
        for vital in vitals
        for attribute in TOLD_BY
        for days in (1, 7)
    ]


#: By what a user agent has in it, the first that fits: the programs of app.traffic.audience.
PROGRAMS = {
    "ChatGPT-User": "ai_fetcher",
    "GPTBot": "ai_crawler",
    "ClaudeBot": "ai_crawler",
    "Googlebot": "search_crawler",
    "bingbot": "search_crawler",
    "YandexBot": "search_crawler",
    "UptimeRobot": "monitor",
    "Lighthouse": "automation",
    "HeadlessChrome": "automation",
    "AhrefsBot": "other",
}


def _program(event: WebEvent) -> tuple[str, str] | None:
    """Kind and name of the program that sent the event; None for people."""
    for name, kind in PROGRAMS.items():
        if name in event.user_agent:
            return kind, name
    if event.webdriver:
        return "automation", ""
    return None if event.user_agent else ("other", "")


OF_BOTS: Mapping[str, Tally] = {
    "bot_traffic_daily": Tally(
        of=lambda event: (event.site_id, _day(event.occurred_at), *(_program(event) or ("", ""))),
        columns=("site_id", "toString(local_date)", "bot_kind", "bot_name"),
        measures=("rows", "events", "page_views"),
    ),
}

OF_USERS: Mapping[str, Tally] = {
    "visitor_aliases": Tally(
        of=lambda event: (
            event.site_id,
            event.visitor_id,
            event.user_id,
            event.occurred_at // HOUR * HOUR // 1000,
        ),
        columns=("site_id", "visitor_id", "user_id", "toUnixTimestamp(bucket)"),
        measures=("rows",),
    ),
}

OF_ALIASES: Mapping[str, Tally] = {
    "user_aliases": Tally(
        of=lambda event: (
            event.site_id,
            msgspec.json.decode(event.properties)["previous_id"],
            event.user_id,
            _day(event.occurred_at),
        ),
        columns=("site_id", "previous_id", "user_id", "toString(local_date)"),
        measures=("rows",),
    ),
}

OF_RECEIPTS: Mapping[str, Tally] = {
    "data_quality": Tally(
        of=lambda event: (event.site_id, event.received_at // QUARTER * QUARTER // 1000),
        columns=("site_id", "toUnixTimestamp(bucket)"),
        measures=("received",),
    ),
}

OF_VISITS: Mapping[str, Tally] = {
    "session_analytics": Tally(
        of=lambda visit: (visit.site_id, visit.started_at // QUARTER * QUARTER // 1000),
        columns=("site_id", "toUnixTimestamp(bucket)"),
        measures=("rows", "sessions", "page_views", "events"),
    ),
    "traffic_sources_daily": _visits_by_day(),
    "device_breakdown_daily": _visits_by_day(),
}

#: Of visits under each attribute, and under none.
OF_TOLD: Mapping[str, Tally] = {
    "session_attributes_daily": Tally(
        of=lambda visit: (visit.site_id, _day(visit.started_at), visit.attribute),
        columns=("site_id", "toString(local_date)", "attribute"),
        measures=("rows", "sessions", "page_views", "events"),
    ),
}

#: Of visits with a page view: each entered and left by some page.
OF_READERS: Mapping[str, Tally] = {
    "page_sessions_daily": Tally(
        of=lambda visit: (visit.site_id, _day(visit.started_at)),
        columns=("site_id", "toString(local_date)"),
        measures=("entries", "exits"),
    ),
}

GOLD_SQL = """
SELECT name FROM system.tables
WHERE database = '{db}' AND match(engine, '(Aggregating|Summing)MergeTree$')
"""

#: By event type, once by rows and once by distinct ids: a row too many differs in one, a wrong one in both.
BRONZE_SQL = """
SELECT event_type, count(), uniqExact(event_id) FROM (
    SELECT event_type, event_id FROM {db}.page_views_bronze
    UNION ALL SELECT event_type, event_id FROM {db}.click_events_bronze
    UNION ALL SELECT event_type, event_id FROM {db}.interactions_bronze
) GROUP BY event_type
"""


@dataclass(kw_only=True)
class Differences:
    """What is missing or too much, by table; empty when all is exact."""

    lost: dict[str, int] = field(default_factory=dict)
    doubled: dict[str, int] = field(default_factory=dict)


def compare(deployment: Deployment, events: Sequence[WebEvent]) -> Differences:
    """The database against a recount of everything sent."""
    wanted, got = recount(events), found(deployment)
    assert wanted.keys() == got.keys(), f"recounted {sorted(wanted)}, the database has {sorted(got)}"
    differences = Differences()
    for table, counts in wanted.items():
        # Subtraction keeps what is positive.
        if missing := _most(counts - got[table]):
            differences.lost[table] = missing
        if too_much := _most(got[table] - counts):
            differences.doubled[table] = too_much
    return differences


def _most(counts: Counts) -> int:
    """The sum of the measure that has most."""
    sums: Counter[str] = Counter()
    for (measure, *_), count in counts.items():
        sums[measure] += count
    return max(sums.values(), default=0)


def recount(events: Sequence[WebEvent]) -> dict[str, Counts]:
    """What each table must come to."""
    distinct = {event.event_id: event for event in events}.values()
    types = Counter(str(event.event_type) for event in distinct)
    identified = [event for event in distinct if event.user_id]
    aliases = [event for event in distinct if event.name == "$alias"]
    seen = visits(distinct)
    readers = [visit for visit in seen if visit.page_views]
    told = [replace(visit, attribute=name) for visit in seen for name in ("", *ATTRIBUTES)]
    return {
        "bronze": Counter({(kind, name): n for name, n in types.items() for kind in ("rows", "ids")}),
        "ledger": +Counter(
            {
                ("received",): len(events),
                ("accepted",): len(distinct),
                ("duplicates",): len(events) - len(distinct),
            }
        ),
        **{table: _tallied(distinct, tally) for table, tally in OF_EVENTS.items()},
        **{
            table: _tallied([(days, event) for event in distinct for days in (1, 7)], tally)
            for table, tally in OF_SPANS.items()
        },
        **{
            table: _tallied([one for event in distinct for one in _measures(event)], tally)
            for table, tally in OF_MEASURES.items()
        },
        **{table: _tallied(filter(_program, distinct), tally) for table, tally in OF_BOTS.items()},
        **{table: _tallied(identified, tally) for table, tally in OF_USERS.items()},
        **{table: _tallied(aliases, tally) for table, tally in OF_ALIASES.items()},
        **{table: _tallied(events, tally) for table, tally in OF_RECEIPTS.items()},
        **{table: _tallied(seen, tally) for table, tally in OF_VISITS.items()},
        **{table: _tallied(readers, tally) for table, tally in OF_READERS.items()},
        **{table: _tallied(told, tally) for table, tally in OF_TOLD.items()},
    }


def visits(events: Iterable[WebEvent]) -> list[Visit]:
    """Sessions: an event more than half an hour after the one before it begins a new one."""
    by_visitor: dict[tuple[str, str], list[WebEvent]] = defaultdict(list)
    for event in events:
        by_visitor[event.site_id, event.visitor_id].append(event)
    made = []
    for mine in by_visitor.values():
        mine.sort(key=lambda event: event.occurred_at)
        begins = [True, *(b.occurred_at - a.occurred_at > GAP_MS for a, b in pairwise(mine))]
        for event, is_first in zip(mine, begins, strict=True):
            if is_first:
                made.append(Visit(site_id=event.site_id, started_at=event.occurred_at))
            made[-1].events += 1
            made[-1].page_views += event.event_type == "page_view"
    return made


def found(deployment: Deployment) -> dict[str, Counts]:
    """What each table does come to."""
    bronze: Counts = Counter()
    for name, rows, ids in deployment.ask(BRONZE_SQL):
        bronze |= Counter({("rows", name): rows, ("ids", name): ids})
    ledger = ("received", "accepted", "duplicates")
    sums = ", ".join(f"sum({column})" for column in ledger)
    (totals,) = deployment.ask(f"SELECT {sums} FROM {{db}}.block_ledger")
    of_events = {**OF_EVENTS, **OF_SPANS, **OF_MEASURES, **OF_BOTS, **OF_USERS, **OF_ALIASES, **OF_RECEIPTS}
    tallies = {**of_events, **OF_VISITS, **OF_READERS, **OF_TOLD}
    gold = [table for (table,) in deployment.ask(GOLD_SQL)]
    unknown = set(gold) - tallies.keys()
    assert not unknown, f"no recount of {', '.join(sorted(unknown))}: add it to tests/e2e/recount.py"
    return {
        "bronze": bronze,
        "ledger": +Counter({(name,): int(n) for name, n in zip(ledger, totals, strict=True)}),
        **{table: _asked(deployment, table, tallies[table]) for table in gold},
    }


def _tallied(items: Iterable[Counted], tally: Tally) -> Counts:
    counts: Counts = Counter()
    for item in items:
        key = tally.of(item)
        for measure in tally.measures:
            counts[measure, *key] += _measured(item, measure)
    return +counts


def _measured(item: Counted, measure: str) -> int:
    if isinstance(item, tuple):
        return _measured(item[1], measure)
    if isinstance(item, WebEvent):
        return int(measure != "page_views" or item.event_type == "page_view")
    if isinstance(item, Measure):
        return 1
    return {"page_views": item.page_views, "events": item.events}.get(measure, 1)


def _asked(deployment: Deployment, table: str, tally: Tally) -> Counts:
    keys = ", ".join(tally.columns)
    sums = ", ".join(f"sum({measure})" for measure in tally.measures)
    counts: Counts = Counter()
    for row in deployment.ask(f"SELECT {keys}, {sums} FROM {{db}}.{table} GROUP BY {keys}"):
        key, values = row[: len(tally.columns)], row[len(tally.columns) :]
        for measure, value in zip(tally.measures, values, strict=True):
            counts[measure, *key] = int(value)
    # A row whose statements took each other back is no row; one below zero is a difference.
    return Counter({key: value for key, value in counts.items() if value})
