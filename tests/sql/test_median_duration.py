"""The median duration: near the exact one, the same from sums, sessions and events, and after retractions."""

from __future__ import annotations

import random
import statistics

import msgspec
import pytest

from tests.answering import Asked, asked, began, engine, migrated, ms, scope
from tests.sql.store import block, retracted, session, some_uuid
from views.stats import model

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

T = ms("2026-03-10T12:00Z")
MEDIAN = "median_session_duration_s"


async def median(asked: Asked, **question: object) -> tuple[float, str]:
    found = await asked.queries.stats(
        scope(), msgspec.convert({"metrics": [MEDIAN], **question}, model.Asked)
    )
    return found.totals.metrics[MEDIAN], found.layer


def lasting(asked: Asked, *durations: int) -> list[str]:
    """Sessions that last so long, in ms, each with one event; their ids."""
    ids = [some_uuid() for _ in durations]
    asked.sessions(
        *({"session_id": one, "at": T, "duration_ms": ms_} for one, ms_ in zip(ids, durations, strict=True))
    )
    asked.events(*({"session_id": one, "at": T} for one in ids))
    return ids


@pytest.mark.parametrize("count", [1, 2, 9, 200])
async def test_it_is_near_the_exact_one_whichever_table_answers(asked: Asked, count: int) -> None:
    dice = random.Random(count)
    durations = [round(10 ** dice.uniform(0, 8)) for _ in range(count)]
    lasting(asked, *durations)
    exact = statistics.median_low(durations) / 1000
    quarters, layer = await median(asked)
    assert (quarters, layer) == (pytest.approx(exact, rel=0.045), "gold: session_analytics")
    views = {"op": "is", "field": "path", "value": "/a"}
    assert await median(asked, filter=views) == (quarters, "silver: session_events")
    with_visitors = "gold: session_attributes_daily, silver: sessions_silver"
    assert await median(asked, metrics=[MEDIAN, "visitors"]) == (quarters, with_visitors)
    for more in ({"interval": "minute"}, {"dimensions": ["channel"]}):
        assert await median(asked, **more) == (quarters, "silver: sessions_silver")


async def test_what_was_taken_back_is_not_in_it(asked: Asked) -> None:
    lasting(asked, 1000, 1000, 1000)
    within = block()
    long = [
        session(within, **began({"at": T, "session_id": some_uuid(), "duration_ms": 900_000}))
        for _ in range(7)
    ]
    asked.insert(long)
    for more in ({}, {"dimensions": ["channel"]}):
        assert (await median(asked, **more))[0] == pytest.approx(900, rel=0.045)
    asked.insert([retracted(one, within) for one in long])
    for more in ({}, {"dimensions": ["channel"]}):
        assert (await median(asked, **more))[0] == pytest.approx(1, rel=0.045)


@pytest.mark.parametrize(("durations", "seconds"), [((), 0), ((0, 0, 60_000), 0), ((0, 60_000, 60_000), 60)])
async def test_no_session_and_no_time_are_0(asked: Asked, durations: tuple[int, ...], seconds: float) -> None:
    if durations:
        lasting(asked, *durations)
    assert (await median(asked))[0] == pytest.approx(seconds, rel=0.045)


async def test_rows_can_be_ordered_by_it_and_compared(asked: Asked) -> None:
    for name, at, length in (
        ("Email", T, 5000),
        ("Direct", T, 90_000),
        ("Direct", T - 31 * 86_400_000, 9000),
    ):
        asked.sessions({"session_id": some_uuid(), "at": at, "channel": name, "duration_ms": length})
    question = {"metrics": [MEDIAN], "dimensions": ["channel"], "compare": "previous_period"}
    found = await asked.queries.stats(scope(), msgspec.convert(question, model.Asked))
    assert [row.dimensions["channel"] for row in found.rows] == ["Direct", "Email"]
    assert found.rows[0].before == {MEDIAN: pytest.approx(9, rel=0.045)}
    assert found.rows[1].change == {MEDIAN: None}
