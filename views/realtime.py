"""What goes on now: who is here, the last half hour by minute, its pages, sources, countries."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec

from views import living
from views.answers import Point
from views.params import FIRST_DAY, LAST_DAY, Bots
from views.reading import Reader, Row
from views.stats import fields
from views.stats.model import Step

#: Who did something within so many minutes is here now.
NOW_MINUTES = 5
MINUTES = 30
MAX_ROWS, DEFAULT_ROWS = 100, 10
#: What sessions are told apart by.
_OF_SESSIONS = ("channel", "source", "country")

#: Sessions that an event of the last half hour can be of.
_BEGAN = "site_id = {site:String} AND local_date >= {began:Date} AND local_date <= {last:Date}"
_EVENTS = """
SELECT visitor_id, session_hash, event_at, event_type, path FROM {database}.user_behavior_silver
WHERE site_id = {{site:String}} AND local_date >= {{first:Date}} AND local_date <= {{last:Date}}
    AND event_at >= {{since_at:DateTime64(3, 'UTC')}} AND event_at < {{until_at:DateTime64(3, 'UTC')}}
    AND has({{bots:Array(UInt8)}}, is_bot)
"""
_MINUTES = """
SELECT {at} AS at, uniqExact(visitor_id) AS visitors,
    uniqExactIf(visitor_id, event_at >= {{here_at:DateTime64(3, 'UTC')}}) AS here,
    countIf(event_type = 'page_view') AS page_views, count() AS events, grouping(at) AS is_total
FROM ({events}) GROUP BY GROUPING SETS ((at), ()) ORDER BY is_total, at
"""
_PAGES = """
SELECT path, count() AS page_views, uniqExact(visitor_id) AS visitors
FROM ({events}) WHERE event_type = 'page_view'
GROUP BY path ORDER BY visitors DESC, page_views DESC, path LIMIT {{most:UInt32}}
"""
_SESSIONS = """
SELECT of.1 AS kind, of.2 AS value, uniqExact(visitor_id) AS visitors, count() AS sessions,
    row_number() OVER (PARTITION BY kind ORDER BY visitors DESC, sessions DESC, value) AS place
FROM (
    SELECT visitor_id, arrayJoin([{told}]) AS of FROM ({began})
    WHERE number IN (SELECT {number} FROM ({events}))
)
GROUP BY of
"""


class RealtimePage(msgspec.Struct, frozen=True, kw_only=True):
    """A page that is viewed."""

    path: str
    page_views: int
    visitors: int


class RealtimeRow(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions with an event in the last half hour whose channel, source or country is this."""

    value: str
    visitors: int
    sessions: int


class Realtime(msgspec.Struct, frozen=True, kw_only=True):
    """Events that happened in the 30 minutes up to ``at``, the minute that runs among them, by event time.

    ``here``: visitors with an event in the last 5 minutes. ``minutes`` has every minute; the lists have most
    visitors first.
    """

    site_id: str
    timezone: str
    layer: str
    at: str
    here: int
    visitors: int
    page_views: int
    events: int
    minutes: list[Point]
    pages: list[RealtimePage]
    channels: list[RealtimeRow]
    sources: list[RealtimeRow]
    countries: list[RealtimeRow]


class RealtimeAsked(msgspec.Struct, frozen=True, kw_only=True):
    """A site, and when it is there."""

    site_id: str
    timezone: str
    now_ms: int
    bots: Bots = Bots.EXCLUDE
    limit: int = DEFAULT_ROWS


async def realtime(reader: Reader, asked: RealtimeAsked, *, cap_ms: int) -> Realtime:
    """What goes on. ``cap_ms``: how long a session can be, 0 for no bound."""
    now = datetime.fromtimestamp(asked.now_ms / 1000, UTC)
    until = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    since = until - timedelta(minutes=MINUTES)
    day = timedelta(days=1)
    bound = {
        "site": asked.site_id,
        "bots": asked.bots.flags,
        "since_at": since.replace(tzinfo=None),
        "until_at": until.replace(tzinfo=None),
        "here_at": (now - timedelta(minutes=NOW_MINUTES)).replace(tzinfo=None),
        # A day in UTC reaches over one more of the site's on either side.
        "first": max(FIRST_DAY, since.date() - day),
        "last": min(LAST_DAY, until.date() + day),
        "began": living.first_day(max(FIRST_DAY, since.date() - day), cap_ms=cap_ms),
        "most": asked.limit,
    }
    minutes, pages, sessions = await asyncio.gather(
        *(reader.ask(sql, bound) for sql in _statements(reader.database))
    )
    known = {row["at"]: row for row in minutes if not row["is_total"]}
    # Of no event there is no total either.
    total = minutes[-1] if minutes else dict.fromkeys(("here", "visitors", "page_views", "events"), 0)
    return Realtime(
        site_id=asked.site_id,
        timezone=asked.timezone,
        layer="silver: user_behavior_silver",
        at=f"{now:%Y-%m-%dT%H:%M:%SZ}",
        here=total["here"],
        visitors=total["visitors"],
        page_views=total["page_views"],
        events=total["events"],
        minutes=[_point(known, since + timedelta(minutes=number)) for number in range(MINUTES)],
        pages=[RealtimePage(**row) for row in pages],
        channels=_rows(sessions, "channel"),
        sources=_rows(sessions, "source"),
        countries=_rows(sessions, "country"),
    )


def _statements(database: str) -> tuple[str, str, str]:
    """By minute and in all; by page; by what sessions are of, with the place of each among its kind."""
    events = _EVENTS.format(database=database)
    at = fields.bucket(Step.MINUTE, at="event_at", day="", zone="")
    began = living.sessions(_OF_SESSIONS, database=database, within=_BEGAN)
    told = ", ".join(f"('{name}', toString({name}))" for name in _OF_SESSIONS)
    number = living.number(database=database)
    by_session = _SESSIONS.format(told=told, began=began, events=events, number=number)
    return (
        _MINUTES.format(at=at, events=events),
        _PAGES.format(events=events),
        f"SELECT * FROM ({by_session}) WHERE place <= {{most:UInt32}} ORDER BY kind, place",  # noqa: S608
    )


def _point(known: dict[str, Row], begin: datetime) -> Point:
    at = f"{begin:%Y-%m-%dT%H:%M:00Z}"
    row = known.get(at, {})
    return Point(at=at, **{name: row.get(name, 0) for name in ("visitors", "page_views", "events")})


def _rows(found: list[Row], kind: str) -> list[RealtimeRow]:
    return [
        RealtimeRow(value=row["value"], visitors=row["visitors"], sessions=row["sessions"])
        for row in found
        if row["kind"] == kind
    ]
