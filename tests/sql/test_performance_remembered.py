"""What is remembered of load times and web vitals is told only while nothing has come, gone or moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from app.adapters.clickhouse.persons import PersonRows
from tests.answering import Asked, asked, engine, listened, migrated, scope
from tests.page_traffic import visits, write
from views.params import Bots, Scope
from views.performance.model import Measured, Performance, Regressions, SlowPages, Vital
from views.queries import Queries
from views.stats.model import Step

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

VITALS = {"event_type": "custom_event", "name": "$web_vitals"}
NOW = scope(since="2026-03-09", until="2026-03-16")
FEW = Measured(min_samples=1)
Answer = Performance | SlowPages | Regressions


async def answers_of(queries: Queries, where: Scope = NOW, limit: int = 100) -> Sequence[Answer]:
    """Every answer that is remembered."""
    few = Measured(min_samples=1, limit=limit)
    return [
        await queries.performance(where, few),
        await queries.performance(where, few, interval=Step.DAY),
        await queries.performance(where, few, interval=Step.WEEK),
        await queries.slow_pages(where, few, vital=Vital.LCP),
        await queries.slow_pages(where, few, vital=Vital.LOAD),
        await queries.regressions(where, few, min_change_percent=1),
    ]


def a_new_process(asked: Asked) -> Queries:
    return Queries(asked.pool, settings=asked.settings)


async def held(asked: Asked, where: Scope = NOW, limit: int = 100) -> Sequence[Answer]:
    """The answers, which are those of a process that remembers nothing."""
    queries = a_new_process(asked)
    anew = await answers_of(queries, where, limit)
    await queries.close()
    found = await answers_of(asked.queries, where, limit)
    assert found == anew
    return found


def measured(**changes: Any) -> dict[str, Any]:
    at = "2026-03-10T12:00Z"
    return {**VITALS, "path": "/a", "lcp_ms": 900, "properties": '{"cls":0}', "at": at, **changes}


def merges(statements: list[str]) -> int:
    """How many of them merged states; forgotten with it."""
    found = sum("Merge" in sql for sql in statements)
    statements.clear()
    return found


async def test_states_are_merged_once_while_nothing_comes(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        asked, visits(31, count=60, first="2026-03-02", days=14, zone="Europe/Berlin"), zone="Europe/Berlin"
    )
    statements = listened(asked, monkeypatch)
    first = await answers_of(asked.queries)
    assert (len(statements), merges(statements)) == (6, 6)
    assert all(msgspec.json.encode(one) for one in first)
    assert await answers_of(asked.queries) == first
    assert (len(statements), merges(statements)) == (6, 0)


@pytest.mark.parametrize("name", ["lcp_ms", "load_ms"])
async def test_an_event_between_two_answers_is_in_the_next(asked: Asked, name: str) -> None:
    asked.events(measured(), measured(path="/b", at="2026-03-03T12:00Z"), measured(load_ms=7))
    after = await held(asked)
    for value in (1, 900, 29_000):
        before = after
        asked.events({**VITALS, "path": "/a", name: value, "at": "2026-03-11T12:00Z"})
        after = await held(asked)
        assert [one != other for one, other in zip(after[:3], before[:3], strict=True)] == [True] * 3


@pytest.mark.parametrize(
    "moved",
    [
        "if(span = 1, since + 1, since) AS since",
        "if(value = '/a', '/c', value) AS value",
        "toUInt64(0) AS good",
        "toUInt64(good > 0) AS poor",
    ],
)
async def test_what_moves_between_days_pages_and_ratings_is_seen(asked: Asked, moved: str) -> None:
    """As many measures as before, as where events are judged anew."""
    asked.events(measured(), measured(path="/b", at="2026-03-12T12:00Z"), measured(path="/b"))
    before = await held(asked)
    asked.store.run(
        "CREATE TABLE {db}.moved ENGINE = Memory AS "
        f"SELECT * REPLACE ({moved}) FROM {{db}}.vital_distributions"
    )
    asked.store.run("TRUNCATE TABLE {db}.vital_distributions")
    asked.store.run("INSERT INTO {db}.vital_distributions SELECT * FROM {db}.moved")
    asked.store.run("DROP TABLE {db}.moved")
    assert await held(asked) != before


async def test_merged_parts_are_the_same_rows(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        asked.events(measured(lcp_ms=100 + number), measured(path="/b"))
    before = await held(asked)
    asked.store.run("OPTIMIZE TABLE {db}.vital_distributions FINAL")
    statements = listened(asked, monkeypatch)
    assert await answers_of(asked.queries) == before
    assert merges(statements) == 0


async def test_an_erasure_leaves_the_answer_and_deleted_days_change_it(asked: Asked) -> None:
    asked.events(
        measured(visitor_id="ada"), measured(path="/b"), measured(path="/b", at="2026-03-12T12:00Z", lcp_ms=5)
    )
    before = await held(asked)
    rows = PersonRows(asked.store.client, database=asked.store.database)
    rows.erase(rows.person("shop", visitor="ada"))
    assert await held(asked) == before
    asked.store.run(
        "ALTER TABLE {db}.vital_distributions DELETE WHERE since >= '2026-03-10' AND value != '/b' "
        "SETTINGS mutations_sync = 2"
    )
    assert await held(asked) != before


async def test_sites_periods_kinds_of_traffic_and_limits_are_told_apart(asked: Asked) -> None:
    asked.events(
        measured(),
        measured(path="/b", lcp_ms=5000, at="2026-03-12T12:00Z"),
        measured(is_bot=1, lcp_ms=70),
        measured(site_id="utc", lcp_ms=80),
        measured(at="2026-03-02T12:00Z", lcp_ms=90),
    )
    other = scope("utc", since="2026-03-09", until="2026-03-16")
    wheres = [
        NOW,
        msgspec.structs.replace(NOW, bots=Bots.INCLUDE),
        msgspec.structs.replace(NOW, bots=Bots.ONLY),
        msgspec.structs.replace(NOW, site_id="utc"),
        other,
        scope(since="2026-03-08", until="2026-03-15"),
        scope(since="2026-03-02", until="2026-03-09"),
    ]
    for _ in range(2):
        told = [await held(asked, where) for where in wheres]
        assert len({msgspec.json.encode(one) for one in told}) == len(wheres)
    assert await held(asked, limit=1) != told[0]
    enough = Measured(min_samples=2)
    assert not (await asked.queries.slow_pages(NOW, enough, vital=Vital.LCP)).pages
    assert (await asked.queries.slow_pages(NOW, FEW, vital=Vital.LCP)).pages


async def test_where_nothing_is_told_there_is_still_a_look(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No page is slow, or slower, until one is."""
    statements = listened(asked, monkeypatch)
    enough = Measured(min_samples=2)
    for events, is_slow in (
        ([], False),
        ([measured(path="/z"), measured(at="2026-03-03T12:00Z")], False),
        (
            [*[measured(path="/y")] * 2, *[measured(path="/y", at="2026-03-04T12:00Z", lcp_ms=9)] * 2],
            True,
        ),
    ):
        if events:
            asked.events(*events)
        for _ in range(3):
            statements.clear()
            slow = await asked.queries.slow_pages(NOW, enough, vital=Vital.LCP)
            slower = await asked.queries.regressions(NOW, enough, min_change_percent=10)
            assert (bool(slow.pages), bool(slower.regressions)) == (is_slow, is_slow)
        assert merges(statements) == 0


async def test_what_silver_says_is_not_remembered(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    asked.events(measured())
    statements = listened(asked, monkeypatch)
    for _ in range(2):
        await asked.queries.performance(NOW, FEW, interval=Step.HOUR)
    assert len(statements) == 2
    assert statements[0] == statements[1]
