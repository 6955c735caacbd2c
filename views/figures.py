"""Rows of views -> the figures of answers. Pure; each ratio is defined here once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from views.answers import PersonEvent, PersonPage, PersonSession, Quantiles, SessionItem


def ratio(part: float, whole: float) -> float:
    """``part / whole``; 0 where there is nothing to divide by."""
    return float(part) / float(whole) if whole else 0.0


def figures(row: Mapping[str, Any]) -> dict[str, Any]:
    """The session figures of a breakdown's row."""
    sessions = row["sessions"]
    return {
        "visitors": row["visitors"],
        "sessions": sessions,
        "bounce_rate": ratio(row["bounces"], sessions),
        "session_duration_s": ratio(row["duration_ms"], sessions) / 1000,
        "conversion_rate": ratio(row["converted_sessions"], sessions),
        "page_views": row["page_views"],
        "conversions": row["conversions"],
        "revenue": float(row["revenue"]),
    }


QUALITY = (
    "received",
    "accepted",
    "rejected",
    "duplicates",
    "invalid",
    "untimely",
    "incomplete",
    "flawless",
)


def quality(*rows: Mapping[str, Any]) -> dict[str, Any]:
    """What became of the received events of all rows; each measure is the share that lacks such a fault."""
    total = {name: sum(row[name] for row in rows) for name in QUALITY}

    def without(faulty: int) -> float:
        return 1 - ratio(faulty, total["received"])

    return {
        **{name: total[name] for name in ("received", "accepted", "rejected", "duplicates")},
        "completeness": without(total["incomplete"]),
        "validity": without(total["invalid"]),
        "timeliness": without(total["untimely"]),
        "uniqueness": without(total["duplicates"]),
        "score": without(total["received"] - total["flawless"]),
    }


def median_of(durations: Mapping[int, int]) -> float:
    """The median in ms of a map of logarithmic buckets (migrations/0006): the middle of its bucket."""
    total = sum(durations.values())
    reached = 0
    for bucket in sorted(durations):
        reached += durations[bucket]
        if total and 2 * reached >= total:
            return 2.0 ** ((bucket - 0.5) / 8) if bucket else 0.0
    return 0.0


def quantiles(values: Sequence[float], *, divisor: float = 1) -> Quantiles:
    """The levels 0.5, 0.75, 0.9, 0.95, 0.99; ClickHouse gives NaN where nothing was measured."""
    p50, p75, p90, p95, p99 = (None if value != value else value / divisor for value in values)  # noqa: PLR0124
    return Quantiles(p50=p50, p75=p75, p90=p90, p95=p95, p99=p99)


def page_pattern(page: str) -> str:
    """A page pattern (``*``: any run of characters) as an anchored regular expression of RE2."""
    return "^" + ".*".join(map(re.escape, page.split("*"))) + "$"


def session_item(row: Mapping[str, Any]) -> SessionItem:
    """One session of a list."""
    values = _session(row) | {"is_bot": bool(row["is_bot"]), "revenue": float(row["revenue"])}
    return SessionItem(**values)


def person_session(row: Mapping[str, Any]) -> PersonSession:
    """One session of a person."""
    return PersonSession(**_session(row))


def person_page(row: Mapping[str, Any]) -> PersonPage:
    """One page of a person."""
    return PersonPage(
        path=row["path"],
        page_views=row["page_views"],
        engaged_s=row["engaged_ms"] / 1000,
        last_seen_at=row["last_seen_at"],
    )


def person_event(row: Mapping[str, Any]) -> PersonEvent:
    """One event of a timeline."""
    return PersonEvent(
        at=row["event_at"],
        visitor_id=row["visitor_id"],
        user_id=row["user_id"],
        event_type=row["event_type"],
        name=row["name"],
        session_id=row["session_id"],
        path=row["path"],
        title=row["title"],
    )


def _session(row: Mapping[str, Any]) -> dict[str, Any]:
    values = {**row, "duration_s": row["duration_ms"] / 1000, "is_bounce": bool(row["is_bounce"])}
    del values["duration_ms"]
    return values
