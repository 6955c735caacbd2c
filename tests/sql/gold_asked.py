"""Every gold table and reading view, asked about many sites at once, in the shape of tests/oracle.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from tests.oracle import TIMINGS, Table
from tests.oracle_answers import ASKED_FOR, SUMS
from tests.oracle_receipts import QUALITY
from tests.sql.store import Store

DAYS = "since = '2026-02-01', until = '2026-05-01'"
PERIOD = f"{DAYS}, bots = [0]"
MOMENTS = "since_at = '2026-02-01 00:00:00', until_at = '2026-05-01 00:00:00', bots = [0]"
#: How views are asked about the same days that are not asked by day and by whose traffic counts.
PERIODS = {
    **dict.fromkeys(("session_totals", "hour_series", "full_hour_series", "minute_series"), MOMENTS),
    **dict.fromkeys(("bot_traffic", "ai_pages"), DAYS),
    "quality_series": MOMENTS.removesuffix(", bots = [0]"),
}
PATHS = ("/", "/cart")


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Columns that make a row's key, those that are its figures, by name, and what is joined to them."""

    keys: tuple[str, ...] = ()
    figures: Mapping[str, str]
    joined: str = ""


def _sums(*names: str) -> dict[str, str]:
    return {name: f"sum({name})" for name in names}


def _quantiles(name: str) -> str:
    merged = f"quantilesTimingMerge(0.5, 0.75, 0.9, 0.95, 0.99)({name})"
    return f"arrayFilter(value -> NOT isNaN(value), {merged})"


REVENUE = {"revenue": "toInt64(sum(revenue) * 10000)"}
SESSION_SUMS = {
    **_sums(
        "rows", "sessions", "bounces", "duration_ms", "engaged_ms", "page_views", "events", "interactions"
    ),
    **_sums("conversions", "converted_sessions"),
    **REVENUE,
}
_WINDOW = Question(
    keys=("toUnixTimestamp(bucket)", "is_bot", "event_type"),
    figures={**_sums("rows", "events"), "visitors": "uniqCombined64Merge(14)(visitors)"},
)


def _ms(name: str) -> str:
    return f"toUnixTimestamp64Milli({name})"


_SPAN = {
    **_sums("rows"),
    "first_at": f"min({_ms('first_at')})",
    "last_at": f"max({_ms('last_at')})",
}
#: Everything that is said of a session.
_SESSION = (
    *("visitor_id", "user_id", _ms("started_at"), _ms("ended_at"), "events", "duration_ms"),
    *("page_views", "conversions", "toInt64(revenue * 10000)", "is_bounce", "entry_path"),
    *("exit_path", "channel", "source", "medium", "campaign", "referrer_host", "device_class"),
    *("browser", "os", "country"),
)
GOLD = {
    "sessions_silver": Question(keys=("is_bot", *_SESSION), figures={"sessions": "sum(sign)"}),
    "daily_user_metrics": Question(
        keys=("toString(local_date)", "is_bot"),
        figures={
            **_sums("rows", "page_views", "events", "conversions", "engaged_ms"),
            **REVENUE,
            "visitors": "uniqCombined64Merge(16)(visitors)",
            "users": "uniqCombined64Merge(16)(users)",
        },
    ),
    "page_performance_metrics": Question(
        keys=("path", "toString(local_date)", "device_class", "is_bot"),
        figures={
            **_sums("rows", "page_views", "leaves", "engaged_ms", "scroll_depth"),
            "visitors": "uniqCombined64Merge(12)(visitors)",
            **{name: _quantiles(name) for name in (*TIMINGS, "cls_10000")},
        },
    ),
    "page_visitors": Question(
        keys=("span", "toString(since)", "path", "is_bot"),
        figures={
            **_sums("rows", "page_views", "leaves", "engaged_ms", "scroll_depth"),
            "visitors": "uniqCombined64Merge(12)(visitors)",
        },
    ),
    "vital_distributions": Question(
        keys=("attribute", "value", "vital", "span", "toString(since)", "is_bot"),
        figures={
            **_sums("rows", "samples", "good", "poor"),
            "quantiles": "quantilesTimingMerge(0.5, 0.75, 0.95)(quantiles)",
        },
    ),
    "visitor_aliases": Question(keys=("visitor_id", "user_id", "toUnixTimestamp(bucket)"), figures=_SPAN),
    "user_aliases": Question(keys=("previous_id", "user_id", "toString(local_date)"), figures=_SPAN),
    "bot_traffic_daily": Question(
        keys=("toString(local_date)", "bot_kind", "bot_name"), figures=_sums("rows", "events", "page_views")
    ),
    "data_quality": Question(keys=("toUnixTimestamp(bucket)",), figures=_sums(*QUALITY)),
    "events_per_minute": _WINDOW,
    "events_per_quarter_hour": _WINDOW,
    "events_per_hour": _WINDOW,
    "events_per_day": _WINDOW,
    "session_analytics": Question(
        keys=("toUnixTimestamp(bucket)", "is_bot"),
        figures={**SESSION_SUMS, "durations": "sumMap(durations)"},
    ),
    "traffic_sources_daily": Question(
        keys=("toString(local_date)", "is_bot", "channel", "source", "medium", "campaign", "referrer_host"),
        figures=SESSION_SUMS,
    ),
    "device_breakdown_daily": Question(
        keys=("toString(local_date)", "is_bot", "device_class", "browser", "os", "country"),
        figures=SESSION_SUMS,
    ),
    "page_sessions_daily": Question(
        keys=("path", "toString(local_date)", "is_bot"), figures=_sums("entries", "exits", "bounces")
    ),
    "session_attributes_daily": Question(
        keys=("attribute", "value", "toString(local_date)", "is_bot"),
        figures={**SESSION_SUMS, "durations": "sumMap(durations)"},
    ),
}

_SUMMED = {name: name for name in SUMS} | {"revenue": "toInt64(revenue * 10000)", "visitors": "visitors"}
_POINT = {name: name for name in ("visitors", "page_views", "events")}
_AT = "toUnixTimestamp(parseDateTimeBestEffort(at))"


VIEWS = {
    "site_totals": Question(
        figures={name: name for name in ("visitors", "users", "page_views", "events", "conversions")}
        | {"revenue": "toInt64(revenue * 10000)"}
    ),
    "session_totals": Question(
        figures={
            name: name
            for name in (
                "sessions",
                "bounces",
                "converted_sessions",
                "duration_ms",
                "engaged_ms",
                "page_views",
                "durations",
            )
        }
    ),
    "traffic_sources": Question(keys=("channel", "source"), figures=_SUMMED),
    "channel_visitors": Question(keys=("channel",), figures={"visitors": "visitors"}),
    "devices": Question(keys=("device_class", "browser", "os"), figures=_SUMMED),
    "device_class_visitors": Question(keys=("device_class",), figures={"visitors": "visitors"}),
    "daily_series": Question(keys=("at",), figures=_POINT),
    "hour_series": Question(keys=(_AT,), figures=_POINT),
    "full_hour_series": Question(keys=(_AT,), figures=_POINT),
    "minute_series": Question(keys=(_AT,), figures=_POINT),
    "living_sessions": Question(keys=_SESSION, figures={"sessions": "count()"}),
    "top_pages": Question(
        keys=("path",), figures={name: name for name in ("page_views", "visitors", "engaged_ms")}
    ),
    "bot_traffic": Question(keys=("kind", "name"), figures={name: name for name in ("events", "page_views")}),
    "ai_pages": Question(keys=("path",), figures={name: name for name in ("crawled", "fetched", "referred")}),
    "quality_series": Question(keys=(_AT,), figures={name: name for name in QUALITY}),
    "page_sessions": Question(
        keys=("place",), figures={name: name for name in ("entries", "exits", "bounces")}
    ),
    "person_totals": Question(
        keys=("place",),
        figures={name: name for name in ("events", "page_views", "conversions", "engaged_ms", "visitors")}
        | {"revenue": "toInt64(revenue * 10000)"}
        | {name: _ms(name) for name in ("first_seen_at", "last_seen_at")},
    ),
    "person_sessions": Question(
        keys=("place", "visitor_id", _ms("started_at"), "duration_ms", "page_views"),
        figures={"sessions": "count()"},
    ),
    "person_events": Question(
        keys=(
            "place",
            "e.visitor_id",
            _ms("event_at"),
            "event_type",
            _ms("s.started_at"),
            _ms("s.ended_at"),
            "s.events",
        ),
        figures={"events": "count()"},
        joined=" AS e LEFT JOIN {db}.living_sessions(site = '<site>', "
        "since = '2026-02-01', until = '2026-05-01', bots = [0, 1]) AS s ON s.session_id = e.session_id",
    ),
}


def gold_of(store: Store, sites: Sequence[str], names: Iterable[str]) -> dict[str, dict[str, Table]]:
    """Site -> gold table of those ``names`` -> its rows."""
    found: dict[str, dict[str, Table]] = {site: {name: {} for name in names} for site in sites}
    among = ", ".join(f"'{site}'" for site in sites)
    for name in names:
        question = GOLD[name]
        keys = ", ".join(("site_id", *question.keys))
        table = f"{{db}}.{name} WHERE site_id IN ({among})"
        sql = f"SELECT {keys}, {_named(question)} FROM {table} GROUP BY {keys}"
        _fill(found, name, question, store.ask(sql))
    return found


def answers_of(store: Store, zones: Mapping[str, str], names: Iterable[str]) -> dict[str, dict[str, Table]]:
    """Site -> view of those ``names`` -> its rows; ``zones`` has the time zone of each site."""
    found: dict[str, dict[str, Table]] = {site: {name: {} for name in names} for site in zones}
    people = _people(store, list(zones)) if any(name.startswith("person_") for name in names) else {}
    for name in names:
        question = VIEWS[name]
        calls = [
            call
            for site, zone in zones.items()
            for call in _calls(name, question, site, _parameters(name, zone, people.get(site, [])))
        ]
        _fill(found, name, question, store.ask(" UNION ALL ".join(calls)))
    return found


def _people(store: Store, sites: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """Site -> who is asked for there, and the parameters that the store says to ask with."""
    pairs = [(site, asked) for site in sites for asked in ASKED_FOR]
    users = store.ask(
        " UNION ALL ".join(
            f"SELECT '{site}', '{asked}', groupArray(user_id) "
            f"FROM {{db}}.person_users(site = '{site}', person = '{asked}')"
            for site, asked in pairs
        )
    )
    found: dict[str, list[tuple[str, str]]] = {site: [] for site in sites}
    for site, asked, ids, visitors, when in store.ask(
        " UNION ALL ".join(
            f"SELECT '{site}', '{asked}', {ids}, groupArray(visitor_id), groupArray(spans) "
            f"FROM {{db}}.person_visitors(site = '{site}', users = {ids})"
            for site, asked, ids in users
        )
    ):
        found[site].append((asked, f", users = {ids}, visitors = {visitors}, spans = {when}"))
    return found


def _calls(name: str, question: Question, site: str, parameters: Iterable[tuple[str, str]]) -> Iterable[str]:
    for place, more in parameters:
        period = PERIODS.get(name, PERIOD)
        columns = ", ".join((f"'{site}' AS site", *question.keys)).replace("place", f"'{place}'")
        grouped = " GROUP BY ALL" if "count()" in question.figures.values() else ""
        view = f"{{db}}.{name}(site = '{site}', {period}{more})" + question.joined.replace("<site>", site)
        yield f"SELECT {columns}, {_named(question)} FROM {view}{grouped}"


def _parameters(name: str, zone: str, people: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What a view is asked for, and as which parameters."""
    if name.startswith("person_"):
        return people
    if name == "page_sessions":
        return [(path, f", path = '{path}'") for path in PATHS]
    return [
        (
            "",
            {
                **dict.fromkeys(("hour_series", "quality_series"), f", zone = '{zone}'"),
                "top_pages": ", limit = 10",
                "ai_pages": ", limit = 10",
            }.get(name, ""),
        )
    ]


def _named(question: Question) -> str:
    return ", ".join(f"{sql} AS of_{name}" for name, sql in question.figures.items())


def _fill(
    found: dict[str, dict[str, Table]], name: str, question: Question, rows: Iterable[tuple[Any, ...]]
) -> None:
    """Rows by site and key; one of zeros alone is none: what was taken back may leave it."""
    for site, *values in rows:
        key, figures = values[: len(question.keys)], values[len(question.keys) :]
        told = {of: _plain(value) for of, value in zip(question.figures, figures, strict=True)}
        if any(told.values()):
            found[site][name][tuple(key)] = told


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: count for key, count in value.items() if count}
    return tuple(value) if isinstance(value, list | tuple) else value
