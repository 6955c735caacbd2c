"""Accepted events and their sessions -> every gold table, counted anew: a function for each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec

from tests.oracle import (
    BOTS,
    CONVERSIONS,
    MINUTE,
    TIMINGS,
    Seen,
    Session,
    SiteRules,
    Table,
    durations,
    event_type,
    facts,
    local_date,
    page_views,
    quantiles,
    session_sums,
    tally,
    visitors,
)

#: The greatest values that are good, and that are not poor; CLS times 10,000.
GOOGLES = {
    "lcp": (2500, 4000),
    "inp": (200, 500),
    "cls": (1000, 2500),
    "fcp": (1800, 3000),
    "ttfb": (800, 1800),
}


def gold(accepted: Sequence[Seen], found: Sequence[Session], rules: SiteRules) -> dict[str, Table]:
    """Every gold table, and the sessions themselves: ``found`` are those of the accepted events."""
    return {
        "sessions_silver": tally(
            found, by=lambda one: (one.is_bot, *facts(one)), figures=lambda some: {"sessions": len(some)}
        ),
        "daily_user_metrics": tally(
            accepted, by=lambda seen: (local_date(seen.at, rules), seen.is_bot), figures=_daily
        ),
        "page_performance_metrics": tally(
            accepted,
            by=lambda seen: (seen.path, local_date(seen.at, rules), seen.device.device_class, seen.is_bot),
            figures=_page,
        ),
        "page_visitors": tally(
            [(seen, span) for seen in accepted for span in _spans(seen, rules)],
            by=lambda one: (*one[1], one[0].path, one[0].is_bot),
            figures=lambda some: _visited([seen for seen, _ in some]),
        ),
        "vital_distributions": tally(
            [
                (value, *told, name, *span, seen.is_bot)
                for seen in accepted
                for name, value in _measured(seen)
                for told in _measured_by(seen)
                for span in _spans(seen, rules)
            ],
            by=lambda one: one[1:],
            figures=lambda some: _rated(some[0][3], [value for value, *_ in some]),
        ),
        "bot_traffic_daily": tally(
            [seen for seen in accepted if seen.bot],
            by=lambda seen: (local_date(seen.at, rules), *BOTS[seen.bot]),
            figures=lambda some: {"rows": len(some), "events": len(some), "page_views": page_views(some)},
        ),
        "events_per_minute": windows(accepted, MINUTE),
        "events_per_quarter_hour": windows(accepted, 15 * MINUTE),
        "events_per_hour": windows(accepted, 60 * MINUTE),
        "events_per_day": windows(accepted, 24 * 60 * MINUTE),
        "session_analytics": tally(
            found,
            by=lambda one: (one.started_at // (15 * MINUTE) * 15 * 60, one.is_bot),
            figures=lambda some: {**session_sums(some), "durations": durations(some)},
        ),
        "traffic_sources_daily": tally(
            found,
            by=lambda one: (one.local_date, one.is_bot, *msgspec.structs.astuple(one.traffic)),
            figures=session_sums,
        ),
        "device_breakdown_daily": tally(
            found,
            by=lambda one: (one.local_date, one.is_bot, *msgspec.structs.astuple(one.device)),
            figures=session_sums,
        ),
        "session_attributes_daily": tally(
            [(one, *told) for one in found for told in _told(one)],
            by=lambda one: (*one[1:], one[0].local_date, one[0].is_bot),
            figures=lambda some: {
                **session_sums([one for one, *_ in some]),
                "durations": {} if some[0][1] else durations([one for one, *_ in some]),
            },
        ),
        "page_sessions_daily": tally(
            [(one, path) for one in found if one.page_views for path in {one.entry_path, one.exit_path}],
            by=lambda one: (one[1], one[0].local_date, one[0].is_bot),
            figures=lambda some: {
                "entries": sum(one.entry_path == path for one, path in some),
                "exits": sum(one.exit_path == path for one, path in some),
                "bounces": sum(one.entry_path == path and one.is_bounce for one, path in some),
            },
        ),
    }


def _told(one: Session) -> list[tuple[str, str]]:
    """Attribute and value, and once neither."""
    known = {**msgspec.structs.asdict(one.traffic), **msgspec.structs.asdict(one.device)}
    names = ("channel", "source", "campaign", "country", "device_class", "browser", "os")
    return [("", ""), *((name, known[name]) for name in names)]


def windows(accepted: Iterable[Seen], width_ms: int) -> Table:
    """Tumbling windows of UTC by type of event; the key has their begin in seconds."""
    return tally(
        accepted,
        by=lambda seen: (seen.at // width_ms * width_ms // 1000, seen.is_bot, event_type(seen)),
        figures=lambda some: {"rows": len(some), "events": len(some), "visitors": visitors(some)},
    )


def _daily(some: list[Seen]) -> dict[str, Any]:
    return {
        "rows": len(some),
        "visitors": visitors(some),
        "users": len({seen.user for seen in some} - {""}),
        "page_views": page_views(some),
        "events": len(some),
        "conversions": sum(seen.kind in CONVERSIONS for seen in some),
        "revenue": sum(seen.revenue for seen in some),
        "engaged_ms": sum(seen.engaged_ms for seen in some),
    }


def _spans(seen: Seen, rules: SiteRules) -> list[tuple[int, str]]:
    """The day of an event, and the week."""
    day = date.fromisoformat(local_date(seen.at, rules))
    return [(1, day.isoformat()), (7, (day - timedelta(days=day.weekday())).isoformat())]


def _visited(some: list[Seen]) -> dict[str, Any]:
    views = [seen for seen in some if seen.kind == "page_view"]
    leaves = [seen for seen in some if seen.kind == "$page_leave"]
    return {
        "rows": len(some),
        "page_views": len(views),
        "visitors": visitors(views),
        "leaves": len(leaves),
        "engaged_ms": sum(seen.engaged_ms for seen in leaves),
        "scroll_depth": sum(seen.scroll_depth for seen in leaves),
    }


def _measured(seen: Seen) -> list[tuple[str, int]]:
    """What the browser measured; a time of 0 is none, a shift of 0 is one."""
    times = [(name, seen.timings.get(f"{name}_ms", 0)) for name in ("lcp", "inp", "fcp", "ttfb", "load")]
    shifts = [("cls", value) for name, value in seen.timings.items() if name == "cls_10000"]
    return [*((name, value) for name, value in times if value), *shifts]


def _measured_by(seen: Seen) -> list[tuple[str, str]]:
    """Attribute and value, and once neither."""
    device = seen.device
    known = {"page": seen.path, "device_class": device.device_class, "country": device.country}
    return [("", ""), *known.items(), ("connection", seen.connection)]


def _rated(name: str, values: list[int]) -> dict[str, Any]:
    good, poor = GOOGLES.get(name, (-1, math.inf))
    return {
        "rows": len(values),
        "samples": len(values),
        "good": sum(value <= good for value in values),
        "poor": sum(value > poor for value in values),
        "quantiles": quantiles(values, (0.5, 0.75, 0.95)),
    }


def _page(some: list[Seen]) -> dict[str, Any]:
    return {
        **_visited(some),
        **{
            name: quantiles([seen.timings[name] for seen in some if seen.timings.get(name)])
            for name in TIMINGS
        },
        "cls_10000": quantiles(
            [seen.timings.get("cls_10000", 0) for seen in some if seen.kind == "$web_vitals"]
        ),
    }
