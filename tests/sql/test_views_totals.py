"""Overview, breakdowns and series against a recount in Python of the same rows."""

from __future__ import annotations

import random
import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.events.rows import SessionRow
from tests.answering import ZONES, Asked, asked, engine, local_day, migrated, ms, scope
from tests.sql.store import block, event, retracted, some_uuid
from views.catalog import Interval
from views.params import Bots, Scope

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

CHANNELS = (("Direct", ""), ("Organic Search", "google"), ("Organic Search", "bing"), ("Email", "news"))
DEVICES = (("desktop", "Firefox", "Linux"), ("desktop", "Chrome", "Windows"), ("mobile", "Safari", "iOS"))


def some_events(dice: random.Random, *, site: str, count: int) -> list[dict[str, Any]]:
    """Events around a month's borders and within it, by few visitors, some of them bots."""
    return [
        {
            "site_id": site,
            "at": ms("2026-02-27T00:00Z") + dice.randrange(36 * 86_400_000),
            "visitor_id": f"v{dice.randrange(25)}",
            "event_type": dice.choice(["page_view", "page_view", "click", "custom_event"]),
            "is_bot": int(dice.random() < 0.2),
            "is_conversion": int(dice.random() < 0.1),
            "revenue": dice.choice([0, 0, 0, 19.99, 0.1, 1234.5]),
        }
        for _ in range(count)
    ]


def some_session(dice: random.Random, *, site: str) -> dict[str, Any]:
    channel, source = dice.choice(CHANNELS)
    device_class, browser, system = dice.choice(DEVICES)
    views = dice.randrange(1, 6)
    return {
        "site_id": site,
        "at": ms("2026-02-27T00:00Z") + dice.randrange(36 * 86_400_000),
        "session_id": some_uuid(),
        "visitor_id": f"v{dice.randrange(25)}",
        "duration_ms": dice.choice([0, 800, 9_000, 61_000, 600_000, 7_200_000]),
        "page_views": views,
        "events": views + 2,
        "is_bounce": int(views == 1),
        "is_bot": int(dice.random() < 0.2),
        "conversions": int(dice.random() < 0.2),
        "revenue": dice.choice([0, 0, 49.9]),
        "channel": channel,
        "source": source,
        "device_class": device_class,
        "browser": browser,
        "os": system,
    }


def with_second_thoughts(
    asked: Asked, dice: random.Random, rows: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Write sessions, take some back, state some anew as another; returns what lives in the end."""
    stated = asked.sessions(*rows)
    living, changed, retractions = [], [], []
    for row, statement in zip(rows, stated, strict=True):
        fate = dice.random()
        if fate < 0.5:
            living.append(row)
            continue
        retractions.append(retracted(statement, block()))
        if fate < 0.85:
            fields = ("session_id", "visitor_id")
            again = some_session(dice, site=row["site_id"]) | {name: row[name] for name in fields}
            changed.append({**again, "version": 2})
            living.append(again)
    asked.sessions(*changed)
    asked.insert(retractions)
    return living


def within(rows: Sequence[dict[str, Any]], asked_for: Scope) -> list[dict[str, Any]]:
    period = asked_for.period
    return [
        row
        for row in rows
        if row["site_id"] == asked_for.site_id
        and row["is_bot"] in asked_for.bots.flags
        and period.since.isoformat() <= local_day(row["at"], row["site_id"]) < period.until.isoformat()
    ]


def recounted(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The figures of sessions."""
    count = len(rows)
    return {
        "visitors": len({row["visitor_id"] for row in rows}),
        "sessions": count,
        "bounce_rate": sum(row["is_bounce"] for row in rows) / count,
        "session_duration_s": sum(row["duration_ms"] for row in rows) / count / 1000,
        "conversion_rate": sum(row["conversions"] > 0 for row in rows) / count,
        "page_views": sum(row["page_views"] for row in rows),
        "conversions": sum(row["conversions"] for row in rows),
        "revenue": pytest.approx(sum(row["revenue"] for row in rows)),
    }


def grouped(rows: Sequence[dict[str, Any]], *by: str) -> dict[tuple[str, ...], dict[str, Any]]:
    found: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[tuple(row[name] for name in by)].append(row)
    return {key: recounted(members) for key, members in found.items()}


def told(rows: Sequence[Any], *by: str) -> dict[tuple[str, ...], dict[str, Any]]:
    names = ("visitors", "sessions", "bounce_rate", "session_duration_s", "conversion_rate")
    names += ("page_views", "conversions", "revenue")
    return {
        tuple(getattr(row, name) for name in by): {name: getattr(row, name) for name in names} for row in rows
    }


@pytest.mark.parametrize("merged", [False, True])
async def test_every_figure_is_that_of_a_recount(asked: Asked, merged: bool) -> None:
    dice = random.Random(11)
    living = []
    for site in ("shop", "saas"):
        living += with_second_thoughts(asked, dice, [some_session(dice, site=site) for _ in range(200)])
    if merged:
        asked.store.merge()
    for site in ("shop", "saas"):
        for bots in Bots:
            of = scope(site, bots=bots)
            found, kept = await asked.queries.overview(of), within(living, of)
            assert found.events == sum(row["events"] for row in kept)
            for name, expected in recounted(kept).items():
                assert getattr(found, name) == expected
            median_s = statistics.median_low(row["duration_ms"] for row in kept) / 1000
            assert found.median_session_duration_s == pytest.approx(median_s, rel=0.05)
            assert told(found.sources, "channel") == grouped(kept, "channel")
            assert told(found.devices, "device_class") == grouped(kept, "device_class")
            assert told(await asked.queries.sources(of), "channel", "source") == grouped(
                kept, "channel", "source"
            )
            kinds = ("device_class", "browser", "os")
            assert told(await asked.queries.devices(of), *kinds) == grouped(kept, *kinds)


@pytest.mark.parametrize("site", ["shop", "saas"])
@pytest.mark.parametrize("interval", list(Interval))
async def test_a_series_adds_up_to_the_period_by_the_sites_clock(
    asked: Asked, site: str, interval: Interval
) -> None:
    events = some_events(random.Random(5), site=site, count=400)
    asked.events(*events)
    of = scope(site)
    expected: dict[str, Counter[str]] = defaultdict(Counter)
    visitors: dict[str, set[str]] = defaultdict(set)
    for row in within(events, of):
        at = _interval_of(row["at"], interval, zone=ZoneInfo(ZONES[site]))
        expected[at]["events"] += 1
        expected[at]["page_views"] += row["event_type"] == "page_view"
        visitors[at].add(row["visitor_id"])
    found = await asked.queries.series(of, interval=interval)
    assert [(point.at, point.events, point.page_views, point.visitors) for point in found.points] == [
        (at, expected[at]["events"], expected[at]["page_views"], len(visitors[at])) for at in sorted(expected)
    ]
    assert found.interval == interval


def _interval_of(at_ms: int, interval: Interval, *, zone: ZoneInfo) -> str:
    at = datetime.fromtimestamp(at_ms / 1000, zone)
    match interval:
        case Interval.DAY:
            return at.date().isoformat()
        case Interval.HOUR:
            begin = at - timedelta(minutes=at.minute)
        case Interval.MINUTE:
            begin = at
    return begin.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:00Z")


async def test_a_site_without_rows_has_zeros_and_no_division(asked: Asked) -> None:
    found = await asked.queries.overview(scope())
    figures = (found.visitors, found.page_views, found.sessions, found.bounce_rate, found.revenue)
    assert figures == (0, 0, 0, 0.0, 0.0)
    assert (found.session_duration_s, found.median_session_duration_s, found.conversion_rate) == (0, 0, 0)
    assert (found.sources, found.devices) == ([], [])
    assert (await asked.queries.series(scope(), interval=Interval.DAY)).points == []
    assert await asked.queries.top_pages(scope(), limit=10) == []


async def test_one_event_is_one_of_everything(asked: Asked) -> None:
    asked.events({})
    asked.sessions({})
    found = await asked.queries.overview(scope())
    assert (found.visitors, found.page_views, found.sessions, found.bounce_rate) == (1, 1, 1, 1.0)
    assert [(row.channel, row.visitors) for row in found.sources] == [("Direct", 1)]


@pytest.mark.parametrize(
    ("site", "day", "after", "first", "last"),
    [
        ("shop", "2026-03-29", "2026-03-30", "2026-03-28T23:00Z", "2026-03-29T21:59Z"),
        ("shop", "2026-10-25", "2026-10-26", "2026-10-24T22:00Z", "2026-10-25T22:59Z"),
        ("saas", "2026-03-29", "2026-03-30", "2026-03-28T18:30Z", "2026-03-29T18:29Z"),
        ("surf", "2018-11-04", "2018-11-05", "2018-11-04T03:00Z", "2018-11-05T01:59Z"),
    ],
)
async def test_a_day_holds_its_first_and_last_minute_and_no_other(
    asked: Asked, site: str, day: str, after: str, first: str, last: str
) -> None:
    """Days on which the clock changes, a zone half an hour off, a day without midnight."""
    minutes = [ms(first) - 60_000, ms(first), ms(last), ms(last) + 60_000]
    asked.events(*({"site_id": site, "at": at, "visitor_id": str(at)} for at in minutes))
    asked.sessions(
        *({"site_id": site, "at": at, "visitor_id": str(at), "session_id": some_uuid()} for at in minutes)
    )
    of = scope(site, day, after)
    found = await asked.queries.overview(of)
    assert (found.visitors, found.page_views, found.sessions) == (2, 2, 2)
    assert sum(row.sessions for row in found.sources) == 2
    for interval in Interval:
        points = (await asked.queries.series(of, interval=interval)).points
        assert sum(point.events for point in points) == 2


async def test_a_retraction_takes_back_all_that_a_session_stated(asked: Asked) -> None:
    first: SessionRow
    (first,) = asked.sessions({"channel": "Direct", "conversions": 2, "revenue": 9.5, "duration_ms": 500})
    # The heir may arrive before the retraction: both orders give the same.
    asked.sessions({"version": 2, "channel": "Email", "device_class": "mobile", "is_bounce": 0})
    asked.insert([retracted(first, block())])
    found = await asked.queries.overview(scope())
    assert (found.sessions, found.bounce_rate, found.conversion_rate) == (1, 0.0, 0.0)
    assert [row.channel for row in found.sources] == ["Email"]
    assert [(row.device_class, row.visitors) for row in found.devices] == [("mobile", 1)]


async def test_a_visitor_who_came_twice_counts_once_in_a_channel(asked: Asked) -> None:
    asked.sessions(
        {"channel": "Organic Search", "source": "google", "session_id": some_uuid()},
        {"channel": "Organic Search", "source": "bing", "session_id": some_uuid()},
    )
    assert [(row.visitors, row.sessions) for row in await asked.queries.channels(scope())] == [(1, 2)]
    assert [row.visitors for row in await asked.queries.sources(scope())] == [1, 1]


async def test_the_ledger_is_told_by_epoch_or_for_all(asked: Asked) -> None:
    outcomes: list[tuple[int, str, str, int]] = [
        (0, "accepted", "", 0),
        (0, "accepted", "", 1),
        (0, "rejected", "too_old", 0),
        (1, "accepted", "", 0),
        (1, "rejected", "late", 0),
        (1, "rejected", "late", 0),
        (1, "duplicate", "", 0),
    ]
    for epoch, outcome, reason, is_bot in outcomes:
        of = block(epoch=epoch)
        row = {"outcome": outcome, "reason": reason, "is_bot": is_bot}
        asked.insert([event(of, **row)])
    told_by = {epoch: await asked.queries.block_totals(epoch=epoch) for epoch in (0, 1, 2, None)}
    assert {
        epoch: (one.received, one.accepted, one.rejected, one.duplicates, one.bots, one.rejected_by_reason)
        for epoch, one in told_by.items()
    } == {
        0: (3, 2, 1, 0, 1, {"too_old": 1}),
        1: (4, 1, 2, 1, 0, {"late": 2}),
        2: (0, 0, 0, 0, 0, {}),
        None: (7, 3, 3, 1, 1, {"late": 2, "too_old": 1}),
    }
