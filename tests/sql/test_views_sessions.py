"""Lists of sessions, and one person."""

from __future__ import annotations

import random
import uuid
from typing import Any

import pytest

from app.errors import NotFoundError, QueryError
from tests.answering import Asked, asked, engine, migrated, ms, scope
from tests.sql.store import block, retracted, some_uuid
from views.answers import SessionItem
from views.catalog import SessionField, SessionFilter, SessionOrder
from views.params import Bots
from views.session_list import Cursor, parse_cursor

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

NOON = ms("2026-03-10T12:00Z")
HOSTILE = (
    "'",
    "\\",
    "' OR 1=1 --",
    "{value0:String}",
    "desktop'; DROP TABLE x",
    "\x00",
    "%",
    "é",
    "a" * 5000,
)


def by(field: str, value: str) -> SessionFilter:
    return SessionFilter(field=SessionField(field), value=value)


async def every_page(asked: Asked, order: SessionOrder, *, limit: int) -> list[SessionItem]:
    found: list[SessionItem] = []
    cursor = None
    while True:
        page = await asked.queries.sessions(scope(), order=order, limit=limit, cursor=cursor)
        found += page.sessions
        if page.next_cursor is None:
            return found
        assert len(page.sessions) == limit
        cursor = parse_cursor(page.next_cursor, order=order)


@pytest.mark.parametrize("order", list(SessionOrder))
async def test_pages_hold_each_session_once_in_order(asked: Asked, order: SessionOrder) -> None:
    """Many sessions share their place in the order."""
    dice = random.Random(3)
    asked.sessions(
        *(
            {
                "session_id": some_uuid(),
                "at": NOON + dice.randrange(5),
                "duration_ms": dice.randrange(4),
                "page_views": dice.randrange(1, 4),
            }
            for _ in range(40)
        )
    )
    found = await every_page(asked, order, limit=7)
    place = {
        SessionOrder.LATEST: lambda one: -one.started_at.timestamp(),
        SessionOrder.OLDEST: lambda one: one.started_at.timestamp(),
        SessionOrder.LONGEST: lambda one: -one.duration_s,
        SessionOrder.MOST_PAGE_VIEWS: lambda one: -one.page_views,
    }[order]
    assert len({one.session_id for one in found}) == 40
    assert [one.session_id for one in found] == [
        one.session_id for one in sorted(found, key=lambda one: (place(one), one.session_id))
    ]


async def test_a_session_that_comes_in_between_moves_no_page(asked: Asked) -> None:
    asked.sessions(*({"session_id": some_uuid(), "at": NOON + number} for number in range(4)))
    first = await asked.queries.sessions(scope(), limit=2)
    asked.sessions({"session_id": some_uuid(), "at": NOON + 60_000})
    cursor = parse_cursor(str(first.next_cursor), order=SessionOrder.LATEST)
    second = await asked.queries.sessions(scope(), limit=2, cursor=cursor)
    offsets = [round(one.started_at.timestamp() * 1000) - NOON for one in (*first.sessions, *second.sessions)]
    assert (offsets, second.next_cursor) == ([3, 2, 1, 0], None)


@pytest.mark.parametrize("merged", [False, True])
async def test_a_session_is_listed_once_in_the_version_that_lives(asked: Asked, merged: bool) -> None:
    ids = [str(uuid.UUID(int=number)) for number in (50, 51)]
    (first, dead) = asked.sessions(
        {"session_id": ids[0], "exit_path": "/one", "user_id": ""}, {"session_id": ids[1]}
    )
    (second,) = asked.sessions({"session_id": ids[0], "version": 2, "exit_path": "/two"})
    asked.sessions(
        {"session_id": ids[0], "version": 3, "exit_path": "/three", "user_id": "u1", "revenue": 1.5}
    )
    asked.insert([retracted(second, block()), retracted(first, block()), retracted(dead, block())])
    if merged:
        asked.store.merge()
    (one,) = (await asked.queries.sessions(scope())).sessions
    assert (one.session_id, one.exit_path, one.user_id, one.revenue) == (ids[0], "/three", "u1", 1.5)


async def test_a_session_that_became_a_bots_is_listed_with_the_bots(asked: Asked) -> None:
    first = asked.sessions({})
    asked.sessions({"version": 2, "is_bot": 1})
    asked.insert([retracted(row, block()) for row in first])
    counts = [len((await asked.queries.sessions(scope(bots=bots))).sessions) for bots in Bots]
    assert dict(zip(Bots, counts, strict=True)) == {Bots.EXCLUDE: 0, Bots.INCLUDE: 1, Bots.ONLY: 1}


@pytest.mark.parametrize("field", list(SessionField))
async def test_every_field_can_be_filtered_by(asked: Asked, field: SessionField) -> None:
    asked.sessions({"session_id": some_uuid(), field.value: "this"}, {"session_id": some_uuid()})
    found = await asked.queries.sessions(scope(), filters=[by(field, "this")])
    assert [getattr(one, field) for one in found.sessions] == ["this"]


async def test_every_filter_must_hold(asked: Asked) -> None:
    asked.sessions(
        {"session_id": some_uuid(), "channel": "Email", "country": "DE"},
        {"session_id": some_uuid(), "channel": "Email", "country": "FR"},
        {"session_id": some_uuid(), "channel": "Direct", "country": "FR"},
    )
    found = await asked.queries.sessions(scope(), filters=[by("channel", "Email"), by("country", "FR")])
    assert [(one.channel, one.country) for one in found.sessions] == [("Email", "FR")]


@pytest.mark.parametrize("value", HOSTILE)
async def test_a_filters_value_is_only_a_value(asked: Asked, value: str) -> None:
    asked.sessions({"session_id": some_uuid()}, {"session_id": some_uuid(), "campaign": value})
    found = await asked.queries.sessions(scope(), filters=[by("campaign", value), by("campaign", value)])
    assert [one.campaign for one in found.sessions] == [value]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "50",
        "latest:1:x",
        "latest:1",
        "oldest:5:00000000-0000-0000-0000-000000000001",
        "latest:9999999999999999999:00000000-0000-0000-0000-000000000001",
        "latest:1:00000000-0000-0000-0000-000000000001 ",
        "latest:1) OR (1:00000000-0000-0000-0000-000000000001",
        "latest:\u0661:00000000-0000-0000-0000-000000000001",
        "x" * 10_000,
    ],
)
async def test_a_cursor_that_no_answer_gave_for_this_order_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match=r"^cursor = ") as refused:
        parse_cursor(text, order=SessionOrder.LATEST)
    assert len(str(refused.value)) < 250


async def test_a_cursor_is_read_as_it_was_written() -> None:
    cursor = Cursor(order=SessionOrder.LONGEST, key=-5, session_id=str(uuid.UUID(int=9)))
    assert parse_cursor(str(cursor), order=SessionOrder.LONGEST) == cursor


async def test_a_person_is_found_by_user_id_and_by_visitor_id(asked: Asked) -> None:
    seen: list[dict[str, Any]] = [
        {"visitor_id": "v1", "path": "/a"},
        {"visitor_id": "v1", "path": "/a", "user_id": "u1"},
        {"visitor_id": "v2", "path": "/b", "user_id": "u1", "revenue": 9.5, "is_conversion": 1},
        {"visitor_id": "v2", "event_type": "click", "user_id": "u1", "path": "/clicks"},
        {"visitor_id": "v3"},
        {"visitor_id": "v1", "user_id": "u1", "site_id": "saas"},
        {"visitor_id": "v1", "user_id": "u1", "at": ms("2026-04-02T00:00Z")},
    ]
    asked.events(*({"at": NOON + number * 1000, **row} for number, row in enumerate(seen)))
    asked.sessions(
        {"session_id": some_uuid(), "visitor_id": "v1", "user_id": "u1", "at": NOON},
        {"session_id": some_uuid(), "visitor_id": "v2", "user_id": "u1", "at": NOON + 5, "conversions": 1},
        {"session_id": some_uuid(), "visitor_id": "v3"},
    )
    user = await asked.queries.user_behavior(scope(), user_id="u1")
    assert (user.events, user.page_views, user.conversions, user.revenue) == (4, 3, 1, 9.5)
    assert (user.visitors, user.session_count) == (2, 2)
    assert [one.conversions for one in user.sessions] == [1, 0]
    assert [(page.path, page.page_views) for page in user.pages] == [("/a", 2), ("/b", 1)]
    assert [event.path for event in user.timeline] == ["/clicks", "/b", "/a", "/a"]
    assert user.first_seen_at.timestamp() * 1000 == NOON
    assert await asked.queries.user_behavior(scope(), user_id="v1") == user
    assert (await asked.queries.user_behavior(scope(), user_id="v3")).events == 1


async def test_an_event_of_a_session_that_merged_belongs_to_its_heir(asked: Asked) -> None:
    dead, heir = some_uuid(), some_uuid()
    asked.events({"session_id": dead, "at": NOON}, {"session_id": heir, "at": NOON + 1})
    stated = asked.sessions({"session_id": dead}, {"session_id": heir})
    asked.insert([retracted(stated[0], block(), merged_into=heir)])
    found = await asked.queries.user_behavior(scope(), user_id="v1")
    assert [event.session_id for event in found.timeline] == [heir, heir]
    assert [one.session_id for one in found.sessions] == [heir]


async def test_a_persons_session_is_told_in_the_version_that_lives(asked: Asked) -> None:
    """The first version knew no user: taking it back takes nothing from the second."""
    asked.events({"user_id": "u1"})
    first = asked.sessions({"page_views": 1})
    asked.sessions({"version": 2, "page_views": 5, "user_id": "u1", "duration_ms": 1500})
    asked.insert([retracted(row, block()) for row in first])
    for person in ("u1", "v1"):
        (one,) = (await asked.queries.user_behavior(scope(), user_id=person)).sessions
        assert (one.page_views, one.duration_s) == (5, 1.5)


@pytest.mark.parametrize("person", ["nobody", "' OR 1=1 --", "v1' --", "V1", "v", "\x00"])
async def test_a_person_without_events_is_not_found_and_named(asked: Asked, person: str) -> None:
    asked.events({"visitor_id": "v1"})
    with pytest.raises(NotFoundError, match="no event of user or visitor"):
        await asked.queries.user_behavior(scope(), user_id=person)


async def test_nobody_is_asked_for_by_the_empty_user_id(asked: Asked) -> None:
    asked.events({"visitor_id": "v1", "user_id": ""})
    with pytest.raises(QueryError, match="the user id is empty"):
        await asked.queries.user_behavior(scope(), user_id="")


async def test_bots_are_left_out_of_a_person_where_asked(asked: Asked) -> None:
    asked.events({"is_bot": 1}, {"is_bot": 0}, {"is_bot": 1})
    asked.sessions({"is_bot": 1})
    told = [await asked.queries.user_behavior(scope(bots=bots), user_id="v1") for bots in Bots]
    assert [(one.events, one.session_count, len(one.timeline)) for one in told] == [
        (1, 0, 1),
        (3, 1, 3),
        (2, 1, 2),
    ]
