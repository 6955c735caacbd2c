"""A user id or visitor id -> what that person has done."""

from __future__ import annotations

from app.errors import NotFoundError, QueryError
from views.answers import UserBehavior
from views.figures import person_event, person_page, person_session
from views.params import Scope
from views.reading import Reader, about

TIMELINE_EVENTS = 200
SESSIONS = 100
PAGES = 50


async def user_behavior(reader: Reader, scope: Scope, *, user_id: str) -> UserBehavior:
    """Totals, latest sessions, most viewed pages, latest events; NotFoundError for one never seen."""
    if not user_id:
        # Every visitor who never signed in has the empty user id.
        raise QueryError("the user id is empty; expected a user id or a visitor id")
    bound = {**scope.by_day, "person": user_id}
    totals = await reader.one("person_totals", bound)
    if not totals["events"]:
        raise NotFoundError(f"no event of user or visitor {user_id[:128]!r} {scope}; try a longer period")
    (counted,) = await reader.select("person_sessions", bound, columns="count() AS sessions")
    sessions = await reader.rows("person_sessions", bound, limit=SESSIONS)
    pages = await reader.rows("person_pages", bound, limit=PAGES)
    events = await reader.rows("person_events", bound, limit=TIMELINE_EVENTS)
    return UserBehavior(
        **about(scope, layer="silver"),
        user_id=user_id,
        visitors=totals["visitors"],
        session_count=counted["sessions"],
        events=totals["events"],
        page_views=totals["page_views"],
        conversions=totals["conversions"],
        revenue=float(totals["revenue"]),
        engaged_s=totals["engaged_ms"] / 1000,
        first_seen_at=totals["first_seen_at"],
        last_seen_at=totals["last_seen_at"],
        sessions=[person_session(row) for row in sessions],
        pages=[person_page(row) for row in pages],
        timeline=[person_event(row) for row in events],
    )
