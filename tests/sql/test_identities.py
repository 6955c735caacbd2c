"""Identities hold over whatever a stream stated, and each finds what breaks it."""

from __future__ import annotations

import random
from datetime import date
from zoneinfo import ZoneInfo

import msgspec
import pytest

from tests.answering import ZONES, Asked, asked, engine, migrated, ms, scope
from tests.visits import some_visit, tell
from views.stats.identities import Identity, identities

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

DAYS = ("2026-03-25", "2026-04-02")


def told(asked: Asked, site: str, *, count: int = 200) -> None:
    dice = random.Random(site)
    since, until = (ms(f"{day}T00:00Z") for day in DAYS)
    tell(asked, [some_visit(dice, since=since, until=until) for _ in range(count)], dice, site=site)


async def found(asked: Asked, site: str) -> list[Identity]:
    return [one async for one in identities(asked.queries.stats, scope(site, "2026-03-24", "2026-04-04"))]


@pytest.mark.parametrize("site", ZONES)
async def test_every_identity_holds(asked: Asked, site: str) -> None:
    told(asked, site)
    checked = await found(asked, site)
    assert len(checked) > 15
    assert {one.difference for one in checked} == {""}
    assert date.fromisoformat(DAYS[0]) > scope(site, "2026-03-24", "2026-04-04").period.since
    assert ZoneInfo(ZONES[site])


async def test_they_hold_of_nothing_and_of_one_event(asked: Asked) -> None:
    assert {one.difference for one in await found(asked, "shop")} == {""}
    told(asked, "shop", count=1)
    assert {one.difference for one in await found(asked, "shop")} == {""}


async def test_days_of_another_zone_differ_and_it_is_said_why(asked: Asked) -> None:
    told(asked, "peak")
    moved = scope("peak", "2026-03-24", "2026-04-04")
    period = msgspec.structs.replace(moved.period, zone=ZoneInfo("America/New_York"))
    moved = msgspec.structs.replace(moved, period=period)
    wrong = [one async for one in identities(asked.queries.stats, moved) if one.difference]
    (days,) = [one.difference for one in wrong if one.identity.endswith("sessions_silver, by day")]
    assert "gold is asked for days of America/New_York, silver keeps those of" in days


@pytest.mark.parametrize(
    ("table", "broken"),
    [
        ("traffic_sources_daily", "gold: traffic_sources_daily = silver"),
        ("device_breakdown_daily", "gold: device_breakdown_daily = silver"),
        ("session_analytics", "gold: session_analytics = silver"),
        ("user_behavior_silver", "path contains nothing"),
    ],
)
async def test_what_a_table_lost_or_doubled_is_found(asked: Asked, table: str, broken: str) -> None:
    told(asked, "shop")
    columns = asked.store.ask(f"SELECT * FROM {{db}}.{table} WHERE site_id = 'shop' AND is_bot = 0 LIMIT 3")
    assert columns
    asked.store.run(
        f"INSERT INTO {{db}}.{table} SELECT * FROM {{db}}.{table} "
        "WHERE site_id = 'shop' AND is_bot = 0 LIMIT 3"
    )
    wrong = {one.identity: one.difference for one in await found(asked, "shop") if one.difference}
    assert any(broken in name for name in wrong)
    assert not any("visitors <= sessions" in name for name in wrong)
    assert all(difference for difference in wrong.values())


async def test_sessions_that_lack_their_visitors_are_found(asked: Asked) -> None:
    told(asked, "shop", count=50)

    async def with_more_visitors(*question: object) -> object:
        answer = await asked.queries.stats(*question)  # type: ignore[arg-type]
        more = {**answer.totals.metrics, "visitors": answer.totals.metrics["sessions"] + 1}
        return msgspec.structs.replace(answer, totals=msgspec.structs.replace(answer.totals, metrics=more))

    period = scope("shop", "2026-03-24", "2026-04-04")
    checked = [one async for one in identities(with_more_visitors, period)]  # type: ignore[arg-type]
    wrong = [one.identity for one in checked if one.difference]
    assert "visitors <= sessions <= events, in all" in wrong
