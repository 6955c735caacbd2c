"""How good the received events were, against a recount in Python of the same rows."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.answering import ZONES, Asked, asked, engine, local_day, migrated, ms, scope, timed
from tests.sql.store import block, event
from views.answers import QualityFigures

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

MINUTE = 60_000
#: What a browser tells of itself when it lacks nothing.
COMPLETE = {"language": "de", "timezone": "Europe/Berlin", "screen_width": 1920, "browser": "Firefox"}
COUNTS = ("received", "accepted", "rejected", "duplicates")
MEASURES = ("completeness", "validity", "timeliness", "uniqueness", "score")


def put(asked: Asked, *rows: dict[str, Any]) -> None:
    """Records in one block; ``at`` is when they were received, ``late_ms`` how long after they happened."""
    within = block(end=max(9, len(rows)))
    made = []
    for number, row in enumerate(rows):
        fields = timed({name: value for name, value in row.items() if name != "late_ms"})
        fields["event_at"] -= row.get("late_ms", 0)
        made.append(event(within, **{**fields, "offset": number}))
    asked.insert(made)


def some_receipts(dice: random.Random, *, site: str, count: int) -> list[dict[str, Any]]:
    """Records around a month's borders: of every outcome, some without what a browser tells."""
    made = []
    for _ in range(count):
        outcome = dice.choice(["accepted"] * 6 + ["rejected"] * 2 + ["duplicate"])
        missing = {dice.choice(list(COMPLETE)): None} if dice.random() < 0.3 else {}
        made.append(
            {
                "site_id": site,
                "at": ms("2026-02-27T00:00Z") + dice.randrange(36 * 1440) * MINUTE,
                "outcome": outcome,
                "reason": dice.choice(["late", "too_old", "in_future", "too_long", "wrong_key"])
                if outcome == "rejected"
                else "",
                "late_ms": dice.choice([0, 0, 5 * MINUTE, 5 * MINUTE + 1]),
                "origin": dice.choice(["browser", "browser", "server", "replay"]),
                "is_bot": int(dice.random() < 0.1),
                **{name: value for name, value in COMPLETE.items() if name not in missing},
            }
        )
    return made


def recounted(rows: list[dict[str, Any]]) -> QualityFigures:
    """By the definitions in docs/METRICS.md, row by row."""
    received = len(rows)
    faults = [_faults(row) for row in rows]

    def without(*names: str) -> float:
        return sum(not fault & set(names) for fault in faults) / received

    outcomes = [row["outcome"] for row in rows]
    return QualityFigures(
        received=received,
        accepted=outcomes.count("accepted"),
        rejected=outcomes.count("rejected"),
        duplicates=outcomes.count("duplicate"),
        completeness=pytest.approx(without("incomplete")),
        validity=pytest.approx(without("invalid")),
        timeliness=pytest.approx(without("untimely")),
        uniqueness=pytest.approx(without("twice")),
        score=pytest.approx(without("incomplete", "invalid", "untimely", "twice")),
    )


def _faults(row: dict[str, Any]) -> set[str]:
    if row["outcome"] == "duplicate":
        return {"twice"}
    if row["outcome"] == "rejected":
        return {"untimely" if row["reason"] in {"late", "too_old", "in_future"} else "invalid"}
    found = set()
    if row["origin"] != "replay" and row["late_ms"] > 5 * MINUTE:
        found.add("untimely")
    if row["origin"] == "browser" and not row["is_bot"] and not COMPLETE.keys() <= row.keys():
        found.add("incomplete")
    return found


@pytest.mark.parametrize("merged", [False, True])
async def test_every_figure_is_that_of_a_recount(asked: Asked, merged: bool) -> None:
    dice = random.Random(5)
    rows: list[dict[str, Any]] = []
    for site in ("shop", "saas"):
        made = some_receipts(dice, site=site, count=900)
        put(asked, *made[:500])
        put(asked, *made[500:])
        rows += made
    if merged:
        asked.store.merge()
    for site in ("shop", "saas"):
        by_hour: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            if row["site_id"] == site and local_day(row["at"], site).startswith("2026-03-"):
                by_hour[hour_of(row["at"], site)].append(row)
        found = await asked.queries.quality(scope(site))
        assert [hour.at for hour in found.hours] == sorted(by_hour)
        for hour in found.hours:
            assert figures(hour) == figures(recounted(by_hour[hour.at])), hour.at
        assert figures(found.total) == figures(recounted([row for some in by_hour.values() for row in some]))
        for one in (found.total, *found.hours):
            assert one.received == one.accepted + one.rejected + one.duplicates
            measures = [getattr(one, name) for name in MEASURES]
            assert min(measures) == one.score >= 0
            assert max(measures) <= 1


def figures(one: QualityFigures) -> list[Any]:
    return [getattr(one, name) for name in (*COUNTS, *MEASURES)]


def hour_of(at: int, site: str) -> str:
    """The beginning of the hour of the site's clock, in UTC; half an hour off in India."""
    local = datetime.fromtimestamp(at / 1000, ZoneInfo(ZONES[site]))
    begin = local.astimezone(UTC) - timedelta(minutes=local.minute)
    return begin.strftime("%Y-%m-%dT%H:%M:00Z")


@pytest.mark.parametrize(
    ("row", "measure"),
    [
        ({}, ""),
        ({"language": ""}, "completeness"),
        ({"timezone": ""}, "completeness"),
        ({"screen_width": 0}, "completeness"),
        ({"browser": ""}, "completeness"),
        ({"browser": "", "origin": "server"}, ""),
        ({"browser": "", "is_bot": 1}, ""),
        ({"late_ms": 5 * MINUTE}, ""),
        ({"late_ms": 5 * MINUTE + 1}, "timeliness"),
        ({"late_ms": 5 * MINUTE + 1, "origin": "server"}, "timeliness"),
        ({"late_ms": 900 * MINUTE, "origin": "replay"}, ""),
        ({"late_ms": -MINUTE}, ""),
        ({"outcome": "rejected", "reason": "late"}, "timeliness"),
        ({"outcome": "rejected", "reason": "too_old"}, "timeliness"),
        ({"outcome": "rejected", "reason": "in_future"}, "timeliness"),
        ({"outcome": "rejected", "reason": "too_long"}, "validity"),
        ({"outcome": "duplicate"}, "uniqueness"),
    ],
)
async def test_an_event_is_at_fault_in_the_measure_that_is_named(
    asked: Asked, row: dict[str, Any], measure: str
) -> None:
    put(asked, {**COMPLETE, **row})
    found = (await asked.queries.quality(scope())).total
    lacking = {name for name in MEASURES if getattr(found, name) == 0}
    assert lacking == ({measure, "score"} if measure else set())
    assert all(getattr(found, name) == 1 for name in set(MEASURES) - lacking)


async def test_what_names_no_site_is_that_of_the_empty_one(asked: Asked) -> None:
    asked.refused({"site_id": "", "reason": "malformed_json"}, {"site_id": "", "reason": "empty_body"})
    asked.events({})
    assert (await asked.queries.quality(scope())).total.received == 1
    assert asked.store.ask(
        "SELECT sum(received), sum(invalid) FROM {db}.data_quality WHERE site_id = ''"
    ) == [(2, 2)]


async def test_a_receipt_that_no_date_can_hold_counts_all_the_same(asked: Asked) -> None:
    asked.refused({"received_at": -1}, {"received_at": 10**17})
    assert asked.store.ask(
        "SELECT toUnixTimestamp(bucket), received FROM {db}.data_quality ORDER BY bucket"
    ) == [
        (0, 1),
        (4102444800, 1),
    ]


async def test_where_nothing_was_received_nothing_is_at_fault(asked: Asked) -> None:
    found = await asked.queries.quality(scope())
    assert (found.hours, found.total.received) == ([], 0)
    assert [getattr(found.total, name) for name in MEASURES] == [1, 1, 1, 1, 1]
