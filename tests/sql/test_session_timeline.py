"""One session and its events: in order, with those of sessions that merged into it, and nobody else's."""

from __future__ import annotations

import pytest

from app.errors import NotFoundError
from app.events.vocabulary import BotReason
from tests.answering import Asked, asked, engine, migrated, ms, scope
from tests.sql.store import block, retracted, some_uuid
from views import session_timeline
from views.params import Bots

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

#: 23:59:30 in Berlin.
LATE = ms("2026-03-10T22:59:30Z")


async def test_a_sessions_events_are_told_in_order_over_midnight(asked: Asked) -> None:
    mine, other = some_uuid(), some_uuid()
    asked.events(
        {"session_id": mine, "at": LATE + 60_000, "path": "/b", "engaged_ms": 1500, "scroll_depth": 40},
        {"session_id": mine, "at": LATE, "path": "/a", "title": "A"},
        {"session_id": other, "at": LATE + 1, "path": "/not-mine"},
        {"session_id": mine, "site_id": "saas", "at": LATE, "path": "/not-here"},
        {
            "session_id": mine,
            "at": LATE + 90_000,
            "event_type": "custom_event",
            "name": "$purchase",
            "is_conversion": 1,
            "goal": "purchase",
            "revenue": 19.5,
        },
    )
    asked.sessions(
        {"session_id": mine, "at": LATE, "duration_ms": 90_000, "events": 3}, {"session_id": other}
    )
    found = await asked.queries.session(scope(), session_id=mine)
    assert [(one.at.timestamp() * 1000 - LATE, one.path) for one in found.events[:2]] == [
        (0, "/a"),
        (60_000, "/b"),
    ]
    (first, second, last) = found.events
    assert (first.title, second.engaged_s, second.scroll_depth) == ("A", 1.5, 40)
    assert (last.name, last.goal, last.is_conversion, last.revenue) == ("$purchase", "purchase", True, 19.5)
    assert (found.session.session_id, found.session.events, found.is_cut) == (mine, 3, False)


async def test_events_of_a_session_that_merged_are_its_heirs(asked: Asked) -> None:
    dead, heir = some_uuid(), some_uuid()
    asked.events(
        {"session_id": heir, "at": LATE + 1, "path": "/2"}, {"session_id": dead, "at": LATE, "path": "/1"}
    )
    stated = asked.sessions({"session_id": dead, "at": LATE}, {"session_id": heir, "at": LATE})
    asked.insert([retracted(stated[0], block(), merged_into=heir)])
    found = await asked.queries.session(scope(), session_id=heir)
    assert [one.path for one in found.events] == ["/1", "/2"]
    with pytest.raises(NotFoundError, match="may have merged into another"):
        await asked.queries.session(scope(), session_id=dead)


async def test_a_session_of_other_days_or_traffic_is_not_found(asked: Asked) -> None:
    session_id = some_uuid()
    asked.sessions({"session_id": session_id, "at": LATE, "is_bot": 1})
    asked.events({"session_id": session_id, "at": LATE, "is_bot": 1, "bot_reasons": BotReason.WEBDRIVER})
    found = await asked.queries.session(scope(bots=Bots.INCLUDE), session_id=session_id)
    assert [one.bot_reasons for one in found.events] == [["webdriver"]]
    with pytest.raises(NotFoundError, match="bots: exclude"):
        await asked.queries.session(scope(), session_id=session_id)
    february = scope(since="2026-02-01", until="2026-03-01", bots=Bots.INCLUDE)
    with pytest.raises(NotFoundError, match="2026-02-01"):
        await asked.queries.session(february, session_id=session_id)


async def test_a_session_with_more_events_than_are_told_says_so(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_timeline, "MOST", 2)
    session_id = some_uuid()
    asked.events(*({"session_id": session_id, "at": LATE + number} for number in range(3)))
    asked.sessions({"session_id": session_id, "at": LATE})
    found = await asked.queries.session(scope(), session_id=session_id)
    assert (len(found.events), found.is_cut) == (2, True)
