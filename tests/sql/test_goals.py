"""Goals against a recount in Python, and at their borders."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from app.currency_settings import CurrencySettings
from app.errors import QueryError
from tests.answering import Asked, asked, engine, migrated, ms, scope
from tests.sql.store import some_uuid
from views.goals import GoalAsked, GoalConversions, GoalDefinition, goal_conversions
from views.params import Bots
from views.reading import Reader

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

T = ms("2026-03-10T12:00Z")
DAY = 86_400_000
CHANNELS = ("Direct", "Email", "Paid Search")


async def reached(
    asked: Asked,
    goal: dict[str, Any],
    *,
    currencies: dict[str, Any] | None = None,
    of: Any = None,
    **changes: Any,
) -> GoalConversions:
    return await goal_conversions(
        Reader(asked.pool, database=asked.store.database),
        of or scope(),
        goal_id="it",
        goal=msgspec.convert({"title": "Goal", **goal}, GoalDefinition),
        asked=GoalAsked(**changes),
        currencies=CurrencySettings(**(currencies or {})),
        cap_ms=DAY,
    )


def bought(session: str, at: int = T, **changes: Any) -> dict[str, Any]:
    kind = {"event_type": "custom_event", "name": "$purchase", "path": "/thanks"}
    return {**kind, "session_id": session, "at": at, **changes}


async def test_every_figure_is_as_recounted(asked: Asked) -> None:
    dice = random.Random(7)
    sessions = [
        {
            "session_id": some_uuid(),
            "visitor_id": f"v{dice.randrange(25)}",
            "channel": dice.choice(CHANNELS),
            "at": T + number * 60_000,
        }
        for number in range(60)
    ]
    asked.sessions(*sessions)
    events = [
        bought(
            session["session_id"],
            session["at"] + 5,
            visitor_id=session["visitor_id"],
            revenue=dice.choice((0, 10.25, 3.5)),
            currency="EUR",
        )
        for session in sessions
        for _ in range(dice.randrange(3))
    ]
    pages = [{"session_id": one["session_id"], "visitor_id": one["visitor_id"]} for one in sessions]
    asked.events(*events, *pages)
    found = await reached(asked, {"event": "$purchase"}, breakdown="channel")
    rows = {row.value: row for row in found.breakdown}
    assert rows.keys() == set(CHANNELS)
    for row, theirs in [(found.total, sessions)] + [
        (rows[channel], [one for one in sessions if one["channel"] == channel]) for channel in CHANNELS
    ]:
        ids = {one["session_id"] for one in theirs}
        mine = [event for event in events if event["session_id"] in ids]
        paid = [event["revenue"] for event in mine if event["revenue"]]
        assert (row.sessions, row.conversions) == (len(theirs), len(mine))
        assert row.visitors == len({one["visitor_id"] for one in theirs})
        assert row.converted_sessions == len({event["session_id"] for event in mine})
        assert row.converted_visitors == len({event["visitor_id"] for event in mine})
        assert row.conversion_rate == row.converted_sessions / row.sessions
        assert row.visitor_conversion_rate == row.converted_visitors / row.visitors
        assert (row.revenue, row.orders) == (sum(paid), len(paid))
        assert row.average_order_value == pytest.approx(sum(paid) / len(paid))
        assert row.converted_visitors <= row.converted_sessions <= row.conversions
    for name in ("sessions", "conversions", "converted_sessions", "orders", "revenue"):
        assert sum(getattr(row, name) for row in rows.values()) == getattr(found.total, name)
    top = await reached(asked, {"event": "$purchase"}, breakdown="channel", limit=1)
    assert [row.value for row in top.breakdown] == [found.breakdown[0].value]


async def test_of_nothing_there_is_nothing(asked: Asked) -> None:
    found = await reached(asked, {"page": "/thanks"}, breakdown="channel")
    assert (found.total.sessions, found.total.conversion_rate, found.breakdown) == (0, 0.0, [])
    assert (found.total.average_order_value, found.total.unconverted, found.currency) == (None, {}, "")


@pytest.mark.parametrize(
    ("goal", "conversions"),
    [
        ({"page": "/thanks/1"}, 1),
        ({"page": "/thanks/*"}, 2),
        ({"page_matches": "^/thanks/[0-9]$"}, 1),
        ({"event": "$purchase"}, 1),
        ({"page": "/thanks/*", "filter": {"op": "is", "field": "property.plan", "value": "pro"}}, 1),
        ({"filter": {"op": "is", "field": "event_type", "value": "click"}}, 1),
        ({"page": "/Thanks/1"}, 0),
    ],
)
async def test_a_goal_is_a_page_or_a_name_and_what_else_it_has_to_be(
    asked: Asked, goal: dict[str, Any], conversions: int
) -> None:
    session = some_uuid()
    asked.sessions({"session_id": session})
    asked.events(
        {"session_id": session, "path": "/thanks/1"},
        {"session_id": session, "path": "/thanks/x", "properties": '{"plan":"pro"}'},
        {"session_id": session, "path": "/thanks/2", "event_type": "click"},
        bought(session),
    )
    found = await reached(asked, goal)
    assert (found.total.conversions, found.total.converted_sessions) == (conversions, min(conversions, 1))


async def test_all_counts_where_the_session_began_and_lives(asked: Asked) -> None:
    """One begins in March and buys in April; another was taken back; a third has merged into the first."""
    at = ms("2026-03-31T21:59Z")
    living, dead, gone = some_uuid(), some_uuid(), some_uuid()
    asked.sessions(
        {"session_id": living, "at": at},
        {"session_id": gone, "visitor_id": "v2", "at": at},
        {"session_id": dead, "at": at},
    )
    asked.sessions(
        {"session_id": dead, "at": at, "sign": -1, "version": 1, "merged_into": living},
        {"session_id": gone, "visitor_id": "v2", "at": at, "sign": -1, "version": 1},
    )
    asked.events(
        bought(living, at + 7_200_000, revenue=5),
        bought(dead, at + 60_000, revenue=2),
        bought(gone, at + 60_000, visitor_id="v2", revenue=100),
    )
    found = (await reached(asked, {"event": "$purchase"})).total
    assert (found.sessions, found.conversions, found.converted_sessions, found.revenue) == (1, 2, 1, 7.0)
    after = await reached(asked, {"event": "$purchase"}, of=scope(since="2026-04-01", until="2026-05-01"))
    assert (after.total.sessions, after.total.conversions) == (0, 0)


async def test_bots_are_told_by_their_session(asked: Asked) -> None:
    session = some_uuid()
    asked.sessions({"session_id": session, "is_bot": 1})
    asked.events(bought(session))
    counts = [
        (await reached(asked, {"event": "$purchase"}, of=scope(bots=bots))).total.conversions for bots in Bots
    ]
    assert counts == [0, 1, 1]


async def test_currencies_are_converted_by_day_and_what_has_no_rate_is_told_apart(asked: Asked) -> None:
    session = some_uuid()
    asked.sessions({"session_id": session})
    paid = [("USD", 8), ("JPY", 100), ("EUR", 1), ("", 1), ("GBP", 7), ("GBP", 2)]
    asked.events(
        *(bought(session, T + n, revenue=sum_, currency=code) for n, (code, sum_) in enumerate(paid)),
        bought(session, T + 12 * 3_600_000 - 1, revenue=8, currency="USD"),
    )
    rates = {"USD": {"2026-03-10": "0.5", "2026-03-11": "0.1"}, "JPY": Decimal("0.01")}
    found = await reached(asked, {"event": "$purchase"}, currencies={"base": "EUR", "rates": rates})
    # In Berlin the last is on the 11th.
    assert (found.currency, found.total.revenue) == ("EUR", 4 + 1 + 1 + 1 + 0.8)
    assert (found.total.orders, found.total.unconverted) == (5, {"GBP": 9.0})
    assert found.total.average_order_value == pytest.approx(7.8 / 5)
    none = await reached(asked, {"event": "$purchase"})
    apart = {"EUR": 1.0, "GBP": 9.0, "JPY": 100.0, "USD": 16.0}
    assert (none.currency, none.total.revenue, none.total.unconverted) == ("", 1.0, apart)


async def test_a_rate_from_a_later_day_on_is_none_before(asked: Asked) -> None:
    session = some_uuid()
    asked.sessions({"session_id": session})
    asked.events(bought(session, revenue=8, currency="USD"))
    rates = {"base": "EUR", "rates": {"USD": {"2026-03-11": 1}}}
    found = (await reached(asked, {"event": "$purchase"}, currencies=rates)).total
    assert (found.revenue, found.unconverted, found.orders) == (0.0, {"USD": 8.0}, 0)


async def test_the_only_currency_is_that_of_the_answer(asked: Asked) -> None:
    session = some_uuid()
    asked.sessions({"session_id": session})
    asked.events(
        bought(session, revenue=8, currency="USD"), bought(session, T + 1, revenue=-3, currency="USD")
    )
    found = await reached(asked, {"event": "$purchase"})
    assert (found.currency, found.total.revenue, found.total.unconverted) == ("USD", 5.0, {})
    assert found.total.orders == 1


async def test_a_goal_with_a_value_is_worth_it_each_time(asked: Asked) -> None:
    session = some_uuid()
    asked.sessions({"session_id": session})
    asked.events(bought(session, revenue=8, currency="USD"), bought(session, T + 1))
    found = await reached(asked, {"event": "$purchase", "value": 2.35, "currency": "EUR"})
    assert (found.currency, found.total.revenue, found.total.orders) == ("EUR", 4.7, 2)


async def test_sessions_and_users_can_be_filtered_by_and_nothing_else(asked: Asked) -> None:
    first, second = some_uuid(), some_uuid()
    asked.sessions({"session_id": first, "channel": "Email"}, {"session_id": second, "visitor_id": "v2"})
    said = {"event_type": "custom_event", "name": "$identify", "properties": '{"plan":"pro"}'}
    asked.events(bought(first), bought(second, visitor_id="v2"), {**said, "visitor_id": "v2"})

    async def counted(condition: dict[str, Any]) -> int:
        asking = msgspec.convert({"filter": condition}, GoalAsked)
        return (await reached(asked, {"event": "$purchase"}, filter=asking.filter)).total.conversions

    assert await counted({"op": "is", "field": "channel", "value": "Email"}) == 1
    assert await counted({"op": "is", "field": "user.plan", "value": "pro"}) == 1
    assert await counted({"op": "is_not", "field": "visitor_id", "value": "v2"}) == 1
    assert await counted({"op": "and", "filters": []}) == 2
    with pytest.raises(QueryError, match="'path' is no field of sessions and users"):
        await counted({"op": "is", "field": "path", "value": "/"})
    for field in ("path", "property.plan", "user.plan", "channel; DROP TABLE x", ""):
        with pytest.raises(QueryError, match="breakdown = "):
            await reached(asked, {"event": "$purchase"}, breakdown=field)
