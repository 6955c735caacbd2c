"""A session's id -> the session, and its events in order."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from app.errors import NotFoundError
from app.events.vocabulary import BotReason
from views.answers import Answer, SessionItem
from views.figures import session_item
from views.params import FIRST_DAY, LAST_DAY, Scope
from views.reading import Reader, Row, about

#: Events of one session; a person has fewer, a program may have any number.
MOST = 2000
#: The day of a site's clock is at most so far from that of UTC.
_ASIDE = timedelta(days=1)


class SessionEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a session; ``engaged_s`` and ``scroll_depth`` (percent) are told on leaving a page."""

    event_id: str
    at: datetime
    event_type: str
    name: str
    host: str
    path: str
    title: str
    goal: str
    is_conversion: bool
    revenue: float
    engaged_s: float
    scroll_depth: int
    element: str
    bot_reasons: list[str]


class SessionDetail(Answer, frozen=True, kw_only=True):
    """One session in its latest version and its events, the earliest first; ``is_cut``: it has more."""

    session: SessionItem
    events: list[SessionEvent]
    is_cut: bool


async def session_timeline(reader: Reader, scope: Scope, *, session_id: str) -> SessionDetail:
    """The session that began in the period; NotFoundError where none such lives."""
    found = await reader.select(
        "living_sessions", {**scope.by_day, "session": session_id}, rest="WHERE session_id = {session:String}"
    )
    if not found:
        raise NotFoundError(
            f"no session {session_id} {scope}; it may have merged into another, or begun on other days"
        )
    session = session_item(found[0])
    rows = await reader.rows(
        "session_timeline",
        {
            "site": scope.site_id,
            "session": session_id,
            "visitor": session.visitor_id,
            "since": max(FIRST_DAY, session.started_at.date() - _ASIDE),
            "until": min(LAST_DAY, session.ended_at.date() + 2 * _ASIDE),
        },
        limit=MOST + 1,
    )
    return SessionDetail(
        **about(scope, layer="silver"),
        session=session,
        events=[_event(row) for row in rows[:MOST]],
        is_cut=len(rows) > MOST,
    )


def _event(row: Row) -> SessionEvent:
    own = {name: row[name] for name in SessionEvent.__struct_fields__ if name in row}
    read = {
        "at": row["event_at"],
        "is_conversion": bool(row["is_conversion"]),
        "revenue": float(row["revenue"]),
        "engaged_s": row["engaged_ms"] / 1000,
        "bot_reasons": BotReason(row["bot_reasons"]).labels,
    }
    return SessionEvent(**{**own, **read})
