"""Refused, cured, sent back: the whole way, over restarts of the embedded stack with other settings."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app import topology
from app.adapters.clickhouse import QueryPool
from app.adapters.clock import now_ms
from app.adapters.rules import rules_of
from app.embedded.stack import EmbeddedStack, Feeder
from app.events.dead_letter import EventName, Fate
from app.settings import SessionSettings, Settings
from app.traffic.returns import Returns
from tests.factories import HOUR, MINUTE, T0, plain_enrichment, wire
from tests.integration.test_embedded_stack import ask, fed, views_of
from views.letters import LetterFilter
from views.queries import Queries

pytestmark = pytest.mark.asyncio


def stack_over(directory: Path, *, grace_ms: int) -> EmbeddedStack:
    settings = Settings(sessions=SessionSettings(grace_ms=grace_ms))
    return EmbeddedStack(settings, data_dir=directory, enrich=plain_enrichment)


def late(visitor: str = "v1", *, by: int = 2 * HOUR, at: int = T0) -> tuple[bytes | None, bytes]:
    """A page view that a browser sent late."""
    event = wire(
        visitor_id=visitor,
        event_id=str(uuid.uuid4()),
        occurred_at=at - by,
        sent_at=at,
        received_at=at,
    )
    return f"shop:{visitor}".encode(), msgspec.json.encode(event)


async def sent_back(stack: EmbeddedStack, *, force: bool = False, is_blind: bool = False) -> dict[Fate, int]:
    """What became of every letter; ``is_blind``: as if nothing accepted could be seen in ClickHouse yet."""
    pool = QueryPool(stack.settings.clickhouse)
    queries = Queries(pool, settings=stack.settings)
    feeder = Feeder(stack)
    await feeder.start()

    async def nothing(_: Any) -> set[EventName]:
        return set()

    try:
        returns = Returns(
            rules=rules_of(stack.settings),
            accepted=nothing if is_blind else queries.accepted_events,
            send=feeder.send,
            force=force,
        )
        async for page in queries.letter_pages(LetterFilter()):
            await returns.take(page)
        await feeder.drain()
    finally:
        await feeder.stop()
        await pool.close()
    return {fate: count for fate, count in returns.fates.items() if count}


def became(stack: EmbeddedStack) -> tuple[int, ...]:
    """Received, accepted, rejected, duplicates."""
    ((received, accepted, rejected, duplicates),) = ask(
        stack, "SELECT sum(received), sum(accepted), sum(rejected), sum(duplicates) FROM wua.block_ledger"
    )
    assert received == accepted + rejected + duplicates
    return received, accepted, rejected, duplicates


async def test_a_late_event_counts_once_after_the_grace_period_is_raised_however_often_it_is_sent(tmp_path):
    async with stack_over(tmp_path, grace_ms=HOUR) as stack:
        await fed(stack, late())
        assert became(stack) == (1, 0, 1, 0)
        assert await sent_back(stack) == {Fate.REFUSED_AGAIN: 1}
        assert await sent_back(stack, force=True) == {Fate.SENT: 1}
        assert became(stack) == (2, 0, 2, 0)
    async with stack_over(tmp_path, grace_ms=3 * HOUR) as stack:
        assert await sent_back(stack) == {Fate.SENT: 1, Fate.SUPERSEDED: 1}
        assert became(stack) == (3, 1, 2, 0)
        assert ask(stack, views_of("shop")) == [(1, 1)]
        assert await sent_back(stack) == {Fate.ALREADY_ACCEPTED: 1, Fate.SUPERSEDED: 1}
        assert ask(stack, views_of("shop")) == [(1, 1)]
        (event,) = ask(stack, "SELECT received_at, visitor_id FROM wua.page_views_bronze")
        assert (event[0].timestamp() * 1000, event[1]) == (T0, "v1")


async def test_an_event_that_is_under_way_twice_counts_once_even_if_idle_visitors_are_dropped_between(
    tmp_path,
):
    """Its receipt is long ago, so that its visitor is idle at once: the memory of it must count from now."""
    async with stack_over(tmp_path, grace_ms=HOUR) as stack:
        await fed(stack, late())
    async with stack_over(tmp_path, grace_ms=3 * HOUR) as stack:
        for duplicates in range(3):
            assert await sent_back(stack, is_blind=True) == {Fate.SENT: 1}
            assert became(stack) == (2 + duplicates, 1, 1, duplicates)
            await topology.evict_idle(stack.topology, wall_ms=now_ms())
        assert ask(stack, views_of("shop")) == [(1, 1)]


async def test_an_event_that_came_again_by_itself_and_was_accepted_is_a_duplicate(tmp_path):
    key, value = late()
    async with stack_over(tmp_path, grace_ms=HOUR) as stack:
        await fed(stack, (key, value))
    async with stack_over(tmp_path, grace_ms=3 * HOUR) as stack:
        await fed(stack, (key, value))
        assert await sent_back(stack, is_blind=True) == {Fate.SENT: 1}
        assert became(stack) == (3, 1, 1, 1)


async def test_each_refusal_tells_of_those_before(tmp_path):
    async with stack_over(tmp_path, grace_ms=HOUR) as stack:
        await fed(stack, late())
        for _ in range(2):
            await sent_back(stack, force=True)
        rows = ask(
            stack, "SELECT replays, history, _partition, _offset FROM wua.rejected_events_bronze ORDER BY 1"
        )
        assert [row[0] for row in rows] == [0, 1, 2]
        assert rows[0][1] == ""
        told = [json.loads(row[1]) for row in rows[1:]]
        ids = [f"{stack.settings.broker.epoch}-{row[2]}-{row[3]}" for row in rows]
        assert [[one["id"] for one in each] for each in told] == [ids[:1], ids[:2]]
        assert {one["reason"] for each in told for one in each} == {"late"}


async def test_in_the_session_that_it_belongs_to(tmp_path):
    """Also when the visit went on meanwhile: the session is stated anew, not another one beside it."""
    async with stack_over(tmp_path, grace_ms=HOUR) as stack:
        await fed(stack, late(), late(by=30 * MINUTE))
    async with stack_over(tmp_path, grace_ms=3 * HOUR) as stack:
        await fed(stack, late(by=100 * MINUTE))
        assert await sent_back(stack) == {Fate.SENT: 1}
        sessions = ask(stack, "SELECT page_views FROM wua.sessions_silver FINAL ORDER BY started_at")
        assert sessions == [(2,), (1,)]
