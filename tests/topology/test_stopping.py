"""A worker that is stopped while it drops idle visitors: each partition is dropped whole, or is as it was."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.adapters import whole_steps
from app.core.pipeline import examine, fold
from app.core.rows import BlockId
from app.embedded.broker import EmbeddedBroker
from app.events.sessions import ClosedSession
from app.events.state import VisitorState
from app.settings import Settings
from app.topology import Topology, evict_idle
from tables.visitors import NAME as VISITORS
from tests.factories import DAY, HOUR, T0, plain_enrichment, record, rules
from tests.topology.parts import broker, built, messages_in, running, until

__all__ = ["broker"]

pytestmark = pytest.mark.asyncio

IDLE = T0 + 2 * DAY
#: The visitor of each partition.
KEYS = [b"shop:v0", b"shop:v1", b"shop:v2", b"shop:v3"]
#: A stop that waits for nothing has stopped the producer by then.
STOPPED_S = 2.0


class Outlet:
    """The topic of closed sessions, with a gate before it."""

    def __init__(self, graph: Topology, monkeypatch: pytest.MonkeyPatch) -> None:
        self._send = graph.outlets.send_sessions
        self.begun: list[bytes] = []
        self.gate = asyncio.Event()
        monkeypatch.setattr(graph.outlets, "send_sessions", self.send_sessions)

    async def send_sessions(self, sessions: Sequence[ClosedSession]) -> None:
        self.begun += [one.key for one in sessions]
        await self.gate.wait()
        await self._send(sessions)


def state_of(key: bytes) -> VisitorState:
    """The state of a visitor with one open window."""
    site_id, visitor_id = key.decode().split(":")
    block = BlockId(topic="web_events", epoch=1, partition=0, start=0, end=0, batch_id="b")
    message = record(at=T0, site_id=site_id, visitor_id=visitor_id)
    examined = [examine(message, rules=rules(), enrich=plain_enrichment)]
    state = fold(examined, block=block, states={}, rules=rules()).states[key]
    assert state is not None
    return state


@contextlib.asynccontextmanager
async def idle_worker(
    broker: EmbeddedBroker, tmp_path: Path, *, name: str, evict_s: float
) -> AsyncIterator[Topology]:
    """A worker at work that looks for idle visitors every ``evict_s``, with topics of its own."""
    settings = Settings(
        app={"data_dir": tmp_path, "id": name, "table_cleanup_interval_s": evict_s},
        broker={"url": broker.url, "events_topic": f"{name}_events", "sessions_topic": f"{name}_sessions"},
        clickhouse={"url": "http://127.0.0.1:1"},
    )
    graph = built(settings, clock=lambda: IDLE)
    broker.create_topics(graph.topics.events, graph.topics.dead_letters, graph.topics.sessions)
    async with running(graph.app, broker):
        yield graph
    table: Any = graph.app.tables[VISITORS]
    await table.data.stop()


async def fill(graph: Topology) -> None:
    """Keep a visitor in each partition who is idle by the worker's clock."""
    for partition, key in enumerate(KEYS):
        await graph.windows.store(partition, {key: state_of(key)})


async def ended(broker: EmbeddedBroker, graph: Topology) -> tuple[list[bytes], list[bytes]]:
    """Who is kept by the stores of a worker that was stopped, and whose sessions were published."""
    kept = [key for partition, key in enumerate(KEYS) if graph.windows.load(partition, [key])]
    topic = graph.topics.sessions
    sent = [one for each in range(len(KEYS)) for one in await messages_in(broker, topic, partition=each)]
    return kept, sorted(key for key, _ in sent if key is not None)


async def stopped_during(graph: Topology, go_on: Callable[[], None]) -> None:
    """Stop the worker; ``go_on`` is called once its producer has stopped, or else will not for now."""
    app: Any = graph.app
    stopping = asyncio.create_task(app.stop())
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STOPPED_S):
            while app.producer._producer is not None:
                await asyncio.sleep(0.005)
    go_on()
    await stopping


async def test_a_partition_that_was_begun_is_finished_and_no_other_is_begun(
    broker: EmbeddedBroker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with idle_worker(broker, tmp_path, name="begun", evict_s=0.05) as graph:
        outlet = Outlet(graph, monkeypatch)
        await fill(graph)
        await until(lambda: outlet.begun)
        begun = [*outlet.begun]
        await stopped_during(graph, outlet.gate.set)
        assert outlet.begun == begun
        kept, sent = await ended(broker, graph)
        assert sent == begun
        assert kept == [key for key in KEYS if key not in begun]
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


async def test_a_partition_that_waits_for_its_block_is_not_begun_once_the_worker_stops(
    broker: EmbeddedBroker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor is what it would be begun for waited for: a block may try for long."""
    async with idle_worker(broker, tmp_path, name="waiting", evict_s=HOUR) as graph:
        await fill(graph)
        async with contextlib.AsyncExitStack() as at_work:
            for partition, _ in enumerate(KEYS):
                await at_work.enter_async_context(graph.windows.exclusive(partition))
            evicting = asyncio.create_task(evict_idle(graph, wall_ms=IDLE))
            await asyncio.sleep(0)
            await asyncio.wait_for(graph.app.stop(), 10 * STOPPED_S)
            assert not evicting.done()
        await evicting
        assert await ended(broker, graph) == (KEYS, [])
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


async def test_nothing_is_begun_by_a_worker_that_stops(broker: EmbeddedBroker, tmp_path: Path) -> None:
    async with idle_worker(broker, tmp_path, name="stopping", evict_s=HOUR) as graph:
        await fill(graph)
        await graph.app.stop()
        await evict_idle(graph, wall_ms=IDLE)
        assert await ended(broker, graph) == (KEYS, [])


async def test_a_worker_does_not_wait_forever_for_a_step(
    broker: EmbeddedBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_steps, "LIMIT_S", 0.05)
    async with idle_worker(broker, tmp_path, name="endless", evict_s=HOUR) as graph:
        async with graph.app.whole_step() as may_begin:
            assert may_begin
            with capture_logs() as logs:
                await asyncio.wait_for(graph.app.stop(), 10 * STOPPED_S)
        assert [one["event"] for one in logs if one["log_level"] == "warning"] == ["worker.step_cut"]
        async with graph.app.whole_step() as may_begin:
            assert not may_begin
