"""A standby's store: every state that the changelog holds, also of what came before its worker was ready."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from faust.assignor.partition_assignor import PartitionAssignor
from faust.types import TP
from mode.utils.queues import FlowControlEvent, ThrowableQueue

from app.adapters.chunk_consumer import ChunkConsumer
from app.adapters.flow_control import FlowGate
from app.embedded.broker import EmbeddedBroker
from app.events.state import VisitorState
from app.topology import Topology
from tests.topology.parts import broker, built, produce, running, settings_for, until

__all__ = ["broker"]

STATES = 30
TOPICS = ("web_events", "web_events.dead_letter", "web_sessions")


def open_with_one_queued(gate: FlowControlEvent) -> ThrowableQueue[int]:
    """A queue behind the open gate, with an event in it."""
    gate.resume()
    queue: ThrowableQueue[int] = ThrowableQueue(flow_control=gate, clear_on_resume=True)
    queue.put_nowait(1)
    return queue


def test_opening_an_open_gate_drops_nothing() -> None:
    gate = FlowGate()
    queue = open_with_one_queued(gate)
    gate.resume()
    assert queue.get_nowait() == 1


def test_opening_a_closed_gate_drops_what_came_before() -> None:
    gate = FlowGate()
    queue = open_with_one_queued(gate)
    gate.suspend()
    gate.resume()
    assert gate.is_active()
    assert queue.empty()


@pytest.mark.asyncio
@pytest.mark.parametrize(("gate", "is_whole"), [(FlowGate, True), (FlowControlEvent, False)])
async def test_a_standby_misses_no_state_that_comes_while_its_worker_gets_ready(
    broker: EmbeddedBroker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    gate: type[FlowControlEvent],
    is_whole: bool,
) -> None:
    """Faust's own gate is the control: should it pass one day, ours can go."""
    app = {"data_dir": tmp_path, "id": f"standby-{gate.__name__}", "standby_replicas": 1}
    graph = built(settings_for(broker, tmp_path, app=app))
    graph.app.flow_control = gate()
    standby = TP(f"{graph.app.conf.id}-visitors-changelog", 0)
    broker.create_topics(standby.topic, *TOPICS)
    await produce(broker, standby.topic, states(graph), partition=standby.partition)
    # With nothing of its own to recover, a new worker would not fetch yet.
    await produce(broker, standby.topic, states(graph)[:1], partition=1)
    let_another_own(standby, monkeypatch)
    applied = get_ready_late(standby, monkeypatch)
    async with running(graph.app, broker):
        applied.set()
        recovery: Any = graph.app.tables.recovery  # type: ignore[attr-defined]
        await until(lambda: recovery.standby_offsets[standby] == STATES - 1)
        recovery.flush_buffers()
        kept = graph.windows.count(standby.partition)
    assert (kept == STATES) is is_whole, f"{kept} of {STATES} states"


def states(graph: Topology) -> list[tuple[bytes | None, bytes]]:
    """Changelog messages of as many visitors."""
    state = graph.windows.codec.encode(VisitorState(epoch=1, last_offset=7, last_received_at=1, seen=b""))
    return [(b"shop:%d" % number, state) for number in range(STATES)]


def let_another_own(standby: TP, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker is told to keep a warm copy of the partition, as if there were a second one."""
    stock = PartitionAssignor.assigned_actives
    monkeypatch.setattr(PartitionAssignor, "assigned_actives", lambda assignor: stock(assignor) - {standby})
    monkeypatch.setattr(PartitionAssignor, "assigned_standbys", lambda _: {standby})


def get_ready_late(standby: TP, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Recovery's last step lasts until standby events wait in the queue; they do until the event is set."""
    applied = asyncio.Event()
    stock = ChunkConsumer.seek_to_committed

    async def seek_to_committed(consumer: ChunkConsumer) -> Any:
        is_last_step = consumer.flow_active
        committed = await stock(consumer)
        tables: Any = consumer.app.tables
        if is_last_step:
            await until(lambda: not tables.changelog_queue.empty())
        return committed

    async def on_changelog_event(_: Any, event: Any) -> None:
        if event.message.tp == standby:
            await applied.wait()

    monkeypatch.setattr(ChunkConsumer, "seek_to_committed", seek_to_committed)
    monkeypatch.setattr("faust.tables.base.Collection.on_changelog_event", on_changelog_event)
    return applied
