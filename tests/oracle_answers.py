"""What the reading views must answer about people (not bots), by the same recount as tests/oracle.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.oracle import (
    BOTS,
    CONVERSIONS,
    MINUTE,
    Seen,
    Session,
    SiteRules,
    Table,
    durations,
    event_type,
    facts,
    local_date,
    page_views,
    session_sums,
    sessions,
    span,
    tally,
    visitors,
)
from tests.oracle_people import People
from tests.oracle_receipts import local_hour

SUMS = ("sessions", "bounces", "converted_sessions", "duration_ms", "page_views", "conversions", "revenue")
#: Visitors and users that are asked for.
ASKED_FOR = ("a", "b", "u")


def answers(accepted: Sequence[Seen], rules: SiteRules) -> dict[str, Table]:
    """The rows of each view of a site, by name of the view."""
    every = sessions(accepted, rules)
    seen = [one for one in accepted if not one.is_bot]
    found = [one for one in every if not one.is_bot]
    holders = {event: one for one in every for event in one.ids}
    people = People(accepted)
    theirs = [(asked, one) for asked in ASKED_FOR for one in people.events_of(asked, seen)]
    visits = [(asked, one) for asked in ASKED_FOR for one in people.sessions_of(asked, found)]
    return {
        "site_totals": tally(seen, by=lambda _: (), figures=_site),
        "session_totals": tally(found, by=lambda _: (), figures=_sessions),
        "traffic_sources": tally(
            found, by=lambda one: (one.traffic.channel, one.traffic.source), figures=_breakdown
        ),
        "channel_visitors": tally(found, by=lambda one: (one.traffic.channel,), figures=_visitors),
        "devices": tally(
            found,
            by=lambda one: (one.device.device_class, one.device.browser, one.device.os),
            figures=_breakdown,
        ),
        "device_class_visitors": tally(found, by=lambda one: (one.device.device_class,), figures=_visitors),
        "daily_series": tally(seen, by=lambda one: (local_date(one.at, rules),), figures=_point),
        "full_hour_series": tally(seen, by=lambda one: (one.at // (60 * MINUTE) * 3600,), figures=_point),
        "hour_series": tally(seen, by=lambda one: (local_hour(one.at, rules),), figures=_point),
        "minute_series": tally(seen, by=lambda one: (one.at // MINUTE * 60,), figures=_point),
        "living_sessions": tally(found, by=facts, figures=lambda some: {"sessions": len(some)}),
        "top_pages": {
            key: figures
            for key, figures in tally(seen, by=lambda one: (one.path,), figures=_page).items()
            if figures["page_views"]
        },
        "bot_traffic": tally(
            [one for one in accepted if one.bot],
            by=lambda one: BOTS[one.bot],
            figures=lambda some: _some(_site(some), ("events", "page_views")),
        ),
        "ai_pages": _ai_pages(accepted, found),
        "page_sessions": _page_sessions(found),
        "person_totals": tally(
            theirs, by=lambda one: (one[0],), figures=lambda some: _person([seen for _, seen in some])
        ),
        "person_sessions": tally(
            visits,
            by=lambda one: (
                one[0],
                one[1].visitor,
                one[1].started_at,
                one[1].duration_ms,
                one[1].page_views,
            ),
            figures=lambda some: {"sessions": len(some)},
        ),
        "person_events": tally(
            theirs,
            by=lambda one: (
                one[0],
                one[1].visitor,
                one[1].at,
                event_type(one[1]),
                *span(holders[one[1].id]),
            ),
            figures=lambda some: {"events": len(some)},
        ),
    }


def _site(some: list[Seen]) -> dict[str, Any]:
    return {
        "visitors": visitors(some),
        "users": len({one.user for one in some} - {""}),
        "page_views": page_views(some),
        "events": len(some),
        "conversions": sum(one.kind in CONVERSIONS for one in some),
        "revenue": sum(one.revenue for one in some),
    }


def _sessions(some: list[Session]) -> dict[str, Any]:
    names = ("sessions", "bounces", "converted_sessions", "duration_ms", "engaged_ms", "page_views")
    return {**_some(session_sums(some), names), "durations": durations(some)}


def _breakdown(some: list[Session]) -> dict[str, Any]:
    return {**_some(session_sums(some), SUMS), "visitors": visitors(some)}


def _visitors(some: list[Session]) -> dict[str, Any]:
    return {"visitors": visitors(some)}


def _point(some: list[Seen]) -> dict[str, Any]:
    return _some(_site(some), ("visitors", "page_views", "events"))


def _page(some: list[Seen]) -> dict[str, Any]:
    views = [one for one in some if one.kind == "page_view"]
    engaged_ms = sum(one.engaged_ms for one in some)
    return {"page_views": len(views), "visitors": visitors(views), "engaged_ms": engaged_ms}


def _person(some: list[Seen]) -> dict[str, Any]:
    names = ("events", "page_views", "conversions", "revenue")
    first, last = some[0].at, some[-1].at
    engaged_ms = sum(one.engaged_ms for one in some)
    return {
        **_some(_site(some), names),
        "visitors": visitors(some),
        "engaged_ms": engaged_ms,
        "first_seen_at": first,
        "last_seen_at": last,
    }


def _page_sessions(found: Sequence[Session]) -> Table:
    viewed = [one for one in found if one.page_views]
    return {
        (path,): {
            "entries": sum(one.entry_path == path for one in viewed),
            "exits": sum(one.exit_path == path for one in viewed),
            "bounces": sum(one.entry_path == path and one.is_bounce for one in viewed),
        }
        for path in {path for one in viewed for path in (one.entry_path, one.exit_path)}
    }


def _ai_pages(accepted: Sequence[Seen], found: Sequence[Session]) -> Table:
    viewed = [seen for seen in accepted if seen.kind == "page_view"]
    referred = [one for one in found if one.page_views and one.traffic.channel == "AI Assistants"]
    pages = {
        (path,): {
            "crawled": sum((seen.path, seen.bot) == (path, "crawler") for seen in viewed),
            "fetched": sum((seen.path, seen.bot) == (path, "fetcher") for seen in viewed),
            "referred": sum(one.entry_path == path for one in referred),
        }
        for path in {seen.path for seen in viewed}
    }
    return {page: figures for page, figures in pages.items() if any(figures.values())}


def _some(figures: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: figures[name] for name in names}
