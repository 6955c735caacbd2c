"""Hours are remembered by their sums: what comes between two answers is in the next, the rest is not read."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.answering import Asked, asked, engine, listened, migrated, ms, scope
from tests.sql.store import some_uuid
from views.answers import Series
from views.catalog import Interval
from views.params import Bots, Scope

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

AT = "2026-03-05T10:20Z"


def events(asked: Asked, *ats: str, site: str = "shop", **facts: Any) -> None:
    asked.events(
        *(
            {"site_id": site, "at": ms(at), "visitor_id": some_uuid(), "event_id": some_uuid(), **facts}
            for at in ats
        )
    )


def some(asked: Asked, *, site: str = "shop") -> None:
    dice = random.Random(7)
    ats = (
        f"2026-03-{dice.randrange(4, 8):02}T{dice.randrange(24):02}:{dice.randrange(60):02}Z"
        for _ in range(150)
    )
    events(asked, *ats, site=site)


async def hours(asked: Asked, within: Scope | None = None) -> Series:
    """The answer, which is that of a process that remembers nothing."""
    within = within or scope()
    found = await asked.queries.series(within, interval=Interval.HOUR)
    assert found == await asked.funnels().series(within, interval=Interval.HOUR)
    return found


@pytest.mark.parametrize("site", ["shop", "isle", "peak"])
async def test_an_event_is_in_the_next_answer(asked: Asked, site: str) -> None:
    some(asked, site=site)
    before = await hours(asked, scope(site))
    assert await hours(asked, scope(site)) == before
    for facts in ({"event_type": "page_view"}, {"event_type": "custom_event", "name": "signup"}):
        events(asked, AT, site=site, **facts)
        after = await hours(asked, scope(site))
        assert sum(point.visitors for point in after.points) == 1 + sum(
            point.visitors for point in before.points
        )
        before = after


async def test_only_hours_that_changed_are_merged(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    some(asked)
    await hours(asked)
    events(asked, AT)
    statements = listened(asked, monkeypatch)
    await asked.queries.series(scope(), interval=Interval.HOUR)
    await asked.queries.series(scope(), interval=Interval.HOUR)
    first, changed, again = statements
    assert "missing" not in first + again
    assert "missing" in changed


async def test_sites_and_kinds_of_traffic_are_told_apart_and_periods_share_hours(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    for facts in ({"site": "shop"}, {"site": "utc"}, {"site": "shop", "is_bot": 1}):
        events(asked, AT, **facts)
    for within in (scope(), scope("utc"), scope(bots=Bots.ONLY), scope(bots=Bots.INCLUDE)):
        assert len((await hours(asked, within)).points) == 1
    statements = listened(asked, monkeypatch)
    found = await asked.queries.series(scope(since="2026-03-05"), interval=Interval.HOUR)
    assert [point.visitors for point in found.points] == [1]
    assert len(statements) == 1


async def test_of_nothing_there_is_nothing(asked: Asked) -> None:
    assert (await hours(asked)).points == []
