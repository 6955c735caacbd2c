"""A user id or visitor id -> who that is, and what that person has done."""

from __future__ import annotations

from typing import Any

import msgspec

from app.errors import NotFoundError, QueryError
from views.answers import UserBehavior
from views.figures import person_event, person_page, person_session
from views.params import Scope
from views.reading import Reader, about

TIMELINE_EVENTS = 200
SESSIONS = 100
PAGES = 50


class PersonIds(msgspec.Struct, frozen=True, kw_only=True):
    """Every id of a person of a site.

    ``user_ids``: the one in use first; of a visitor who was never identified, the visitor id. ``spans``: per
    visitor id, from when to before when, in ms since 1970, what it does without a user id is this person's.
    """

    user_ids: list[str]
    visitor_ids: list[str]
    spans: list[list[tuple[int, int]]]

    @property
    def bound(self) -> dict[str, Any]:
        """The parameters of views about a person."""
        return {"users": self.user_ids, "visitors": self.visitor_ids, "spans": self.spans}


async def resolve(reader: Reader, *, site_id: str, person: str) -> PersonIds:
    """Who a user id or visitor id is; an id that is not known is a person of its own."""
    users = await reader.rows("person_users", {"site": site_id, "person": person})
    user_ids = [row["user_id"] for row in users]
    visitors = await reader.rows("person_visitors", {"site": site_id, "users": user_ids})
    return PersonIds(
        user_ids=user_ids,
        visitor_ids=[row["visitor_id"] for row in visitors],
        spans=[row["spans"] for row in visitors],
    )


async def user_behavior(reader: Reader, scope: Scope, *, user_id: str) -> UserBehavior:
    """Totals, latest sessions, most viewed pages, latest events; NotFoundError for one never seen."""
    if not user_id:
        # Every visitor who never signed in has the empty user id.
        raise QueryError("the user id is empty; expected a user id or a visitor id")
    person = await resolve(reader, site_id=scope.site_id, person=user_id)
    bound = {**scope.by_day, **person.bound}
    totals = await reader.one("person_totals", bound)
    if not totals["events"]:
        raise NotFoundError(f"no event of user or visitor {user_id[:128]!r} {scope}; try a longer period")
    (counted,) = await reader.select("person_sessions", bound, columns="count() AS sessions")
    sessions = await reader.rows("person_sessions", bound, limit=SESSIONS)
    pages = await reader.rows("person_pages", bound, limit=PAGES)
    events = await reader.rows("person_events", bound, limit=TIMELINE_EVENTS)
    return UserBehavior(
        **about(scope, layer="silver"),
        user_id=person.user_ids[0],
        known_as=person.user_ids,
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
