"""State of visitors: RocksDB and its changelog, by a real broker."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from faust.types import TP

from app.core.pipeline import examine, fold
from app.core.rows import BlockId
from app.embedded.broker import EmbeddedBroker
from app.errors import StateError
from app.events.state import VisitorState
from app.topology import Topology, evict_idle
from tables.bulk_state import BulkState
from tables.visitors import NAME as VISITORS
from tables.visitors import VisitorStates
from tests.factories import DAY, HOUR, MINUTE, T0, plain_enrichment, record, rules
from tests.topology.parts import broker, built, messages_in, running, settings_for, storing

__all__ = ["broker"]

#: A visitor is kept this long after the last receipt: gap, grace and clock slack.
KEEP = 30 * MINUTE + DAY + MINUTE
#: What a changelog batch may hold.
LIMIT_BYTES = 1024 * 1024


@pytest_asyncio.fixture
async def graph(
    broker: EmbeddedBroker, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Topology]:
    """A worker's graph with a state store and a changelog of its own."""
    app_id = "".join(letter if letter.isalnum() else "_" for letter in request.node.name)[:200]
    settings = settings_for(broker, tmp_path, app={"data_dir": tmp_path, "id": app_id})
    async with storing(built(settings), broker) as graph:
        yield graph


@pytest.fixture
def bulk(graph: Topology) -> BulkState:
    return BulkState(graph.app.tables[VISITORS])


@pytest.fixture
def windows(graph: Topology) -> VisitorStates:
    return graph.windows


def state(last_received_at: int = T0) -> VisitorState:
    return VisitorState(epoch=1, last_offset=7, last_received_at=last_received_at, seen=b"12345678")


def changelog(graph: Topology) -> str:
    return f"{graph.app.conf.id}-visitors-changelog"


def stored_offset(graph: Topology) -> int | None:
    table: Any = graph.app.tables[VISITORS]
    offset: int | None = table.data.persisted_offset(TP(changelog(graph), 1))
    return offset


# Bulk state


@pytest.mark.asyncio
async def test_what_is_written_is_read(bulk: BulkState) -> None:
    await bulk.write(1, {b"b": b"2", b"a": b"1", b"c": b""})
    assert bulk.read(1, [b"a", b"nobody", b"c"]) == {b"a": b"1", b"c": b""}
    assert list(bulk.items(1)) == [(b"a", b"1"), (b"b", b"2"), (b"c", b"")]


@pytest.mark.asyncio
async def test_a_partition_knows_nothing_of_another(bulk: BulkState) -> None:
    await bulk.write(0, {b"a": b"1"})
    assert bulk.read(1, [b"a"]) == {}
    assert list(bulk.items(2)) == []


@pytest.mark.asyncio
async def test_the_changelog_has_every_value_and_a_tombstone_for_each_key_deleted(
    broker: EmbeddedBroker, graph: Topology, bulk: BulkState
) -> None:
    await bulk.write(1, {b"a": b"1", b"b": b"2"})
    await bulk.write(1, {b"a": None, b"b": b"3"})
    told = [(b"a", b"1"), (b"b", b"2"), (b"a", None), (b"b", b"3")]
    assert await messages_in(broker, changelog(graph), partition=1) == told
    assert list(bulk.items(1)) == [(b"b", b"3")]
    assert stored_offset(graph) == 3


@pytest.mark.asyncio
async def test_more_than_one_changelog_batch_is_one_write(
    broker: EmbeddedBroker, graph: Topology, bulk: BulkState
) -> None:
    values = {b"%d" % number: bytes(LIMIT_BYTES // 3) for number in range(5)}
    await bulk.write(1, values)
    assert dict(bulk.items(1)) == values
    assert dict(await messages_in(broker, changelog(graph), partition=1)) == values
    assert stored_offset(graph) == 4


@pytest.mark.asyncio
async def test_nothing_to_write_is_no_write(broker: EmbeddedBroker, graph: Topology, bulk: BulkState) -> None:
    await bulk.write(1, {})
    assert await messages_in(broker, changelog(graph), partition=1) == []
    assert stored_offset(graph) is None


@pytest.mark.asyncio
@pytest.mark.parametrize("before", [0, 1, 3])
async def test_a_value_that_no_changelog_message_holds_is_refused_and_nothing_is_written(
    broker: EmbeddedBroker, graph: Topology, bulk: BulkState, before: int
) -> None:
    small = {b"%d" % number: bytes(LIMIT_BYTES // 2) for number in range(before)}
    with pytest.raises(StateError, match=r"state of b'big' is 1048576 bytes.*lower ingest\.dedup_ids"):
        await bulk.write(1, {**small, b"big": bytes(LIMIT_BYTES)})
    assert list(bulk.items(1)) == []
    assert await messages_in(broker, changelog(graph), partition=1) == []


@pytest.mark.asyncio
async def test_without_the_changelogs_acknowledgement_the_store_is_as_it_was(
    graph: Topology, bulk: BulkState
) -> None:
    await bulk.write(1, {b"a": b"1"})
    await graph.app.producer.stop()
    with pytest.raises(Exception, match=r"."):
        await bulk.write(1, {b"a": b"2"})
    assert bulk.read(1, [b"a"]) == {b"a": b"1"}
    assert stored_offset(graph) == 0


# Session windows


@pytest.mark.asyncio
async def test_states_come_back_as_they_were_stored(windows: VisitorStates) -> None:
    block = BlockId(topic="t", epoch=1, partition=1, start=0, end=9, batch_id="b")
    one = examine(record(visitor_id="v1"), rules=rules(), enrich=plain_enrichment)
    folded = fold([one], block=block, states={}, rules=rules())
    assert folded.states[b"shop:v1"].windows
    await windows.store(1, folded.states)
    assert windows.load(1, [b"shop:v1", b"shop:v2"]) == folded.states


@pytest.mark.asyncio
async def test_a_state_of_an_unknown_form_is_an_error_that_says_what_to_do(
    windows: VisitorStates, bulk: BulkState
) -> None:
    await bulk.write(1, {b"v": b"\xc1"})
    with pytest.raises(StateError, match=r"VisitorState cannot be read.*delete the data directory"):
        windows.load(1, [b"v"])


@pytest.mark.asyncio
@pytest.mark.parametrize(("stream_ms", "dropped"), [(T0 + KEEP - 1, 0), (T0 + KEEP, 1)])
async def test_a_visitor_is_dropped_when_stream_time_has_passed_what_an_event_may_reach(
    broker: EmbeddedBroker, graph: Topology, windows: VisitorStates, stream_ms: int, dropped: int
) -> None:
    await windows.store(1, {b"old": state(T0)})
    await windows.store(1, {b"new": state(stream_ms)})
    assert await windows.evict(1, wall_ms=None) == dropped
    assert len(windows.load(1, [b"old"])) == 1 - dropped
    assert windows.count(1) == 2 - dropped
    assert ((b"old", None) in await messages_in(broker, changelog(graph), partition=1)) == bool(dropped)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("wall_ms", "dropped"), [(None, 0), (T0, 0), (T0 + KEEP - 1, 0), (T0 + KEEP, 1), (T0 + 9 * KEEP, 1)]
)
async def test_a_visitor_is_dropped_by_the_wall_clock_where_nothing_else_arrives(
    windows: VisitorStates, wall_ms: int | None, dropped: int
) -> None:
    await windows.store(1, {b"v": state(T0)})
    assert await windows.evict(1, wall_ms=wall_ms) == dropped
    assert windows.count(1) == 1 - dropped


@pytest.mark.asyncio
async def test_a_visitor_who_came_again_is_kept_from_then_on(windows: VisitorStates) -> None:
    await windows.store(1, {b"v": state(T0)})
    assert windows.count(1) == 1
    await windows.store(1, {b"v": state(T0 + HOUR)})
    assert await windows.evict(1, wall_ms=T0 + KEEP) == 0
    assert await windows.evict(1, wall_ms=T0 + HOUR + KEEP - 1) == 0
    assert windows.count(1) == 1
    assert await windows.evict(1, wall_ms=T0 + HOUR + KEEP) == 1
    assert windows.load(1, [b"v"]) == {}


@pytest.mark.asyncio
async def test_at_most_the_limit_is_dropped_at_once_the_earliest_first(windows: VisitorStates) -> None:
    await windows.store(1, {b"a": state(T0 + 2), b"b": state(T0), b"c": state(T0 + 1)})
    assert await windows.evict(1, wall_ms=T0 + 9 * KEEP, limit=2) == 2
    assert list(windows.load(1, [b"a", b"b", b"c"])) == [b"a"]
    assert await windows.evict(1, wall_ms=T0 + 9 * KEEP, limit=2) == 1
    assert windows.count(1) == 0


@pytest.mark.asyncio
async def test_after_a_restart_expiry_is_known_from_the_store(
    graph: Topology, windows: VisitorStates
) -> None:
    await windows.store(1, {b"a": state(T0), b"b": state(T0 + HOUR)})
    restarted = VisitorStates(graph.app.tables[VISITORS], keep_ms=KEEP)
    assert restarted.count(1) == 2
    assert await restarted.evict(1, wall_ms=T0 + KEEP) == 1
    assert list(restarted.load(1, [b"a", b"b"])) == [b"b"]


@pytest.mark.asyncio
async def test_a_partition_that_comes_back_is_looked_at_anew(windows: VisitorStates, bulk: BulkState) -> None:
    await windows.store(1, {b"v": state(T0)})
    assert windows.count(1) == 1
    windows.forget(1)
    # Another worker has had the partition meanwhile.
    await bulk.write(1, {b"v": windows.codec.encode(state(T0 + HOUR)), b"w": windows.codec.encode(state())})
    assert await windows.evict(1, wall_ms=T0 + KEEP) == 1
    assert list(windows.load(1, [b"v", b"w"])) == [b"v"]


@pytest.mark.asyncio
async def test_nothing_is_dropped_while_a_block_is_folded(windows: VisitorStates) -> None:
    await windows.store(1, {b"v": state(T0)})
    async with windows.exclusive(1):
        evicting = asyncio.create_task(windows.evict(1, wall_ms=T0 + KEEP))
        assert await windows.evict(2, wall_ms=T0 + KEEP) == 0
        assert not evicting.done()
        assert list(windows.load(1, [b"v"])) == [b"v"]
    assert await evicting == 1


# A worker that has lost its directory


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def recovered(
    broker: EmbeddedBroker, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Topology]:
    """A running worker whose data directory was deleted after an earlier one had written there."""
    data_dir = tmp_path_factory.mktemp("worker")
    settings = settings_for(broker, data_dir)
    broker.create_topics("web_events", "web_events.dead_letter", "web_sessions")
    async with storing(built(settings), broker) as earlier:
        await earlier.windows.store(1, {b"kept": state(T0), b"changed": state(T0), b"gone": state(T0 - HOUR)})
        await earlier.windows.store(1, {b"changed": state(T0 + HOUR)})
        await earlier.windows.store(3, {b"elsewhere": state(T0)})
        assert await earlier.windows.evict(1, wall_ms=T0 - HOUR + KEEP) == 1
    shutil.rmtree(data_dir)
    later = built(settings)
    async with running(later.app, broker):
        yield later


@pytest.mark.asyncio(loop_scope="module")
async def test_a_worker_that_has_lost_its_directory_has_every_state_again(recovered: Topology) -> None:
    windows = recovered.windows
    assert windows.load(1, [b"kept", b"changed", b"gone"]) == {
        b"kept": state(T0),
        b"changed": state(T0 + HOUR),
    }
    assert windows.load(3, [b"elsewhere"]) == {b"elsewhere": state(T0)}
    assert [windows.count(partition) for partition in range(4)] == [0, 2, 0, 1]


@pytest.mark.asyncio(loop_scope="module")
async def test_idle_visitors_are_dropped_only_while_the_store_is_whole(recovered: Topology) -> None:
    app: Any = recovered.app
    for flag in ("rebalancing", "in_recovery"):
        setattr(app, flag, True)
        await evict_idle(recovered, wall_ms=T0 + KEEP)
        setattr(app, flag, False)
        assert recovered.windows.count(1) == 2
    await evict_idle(recovered, wall_ms=T0 + KEEP)
    assert [recovered.windows.count(partition) for partition in range(4)] == [0, 1, 0, 0]
    series = recovered.metrics.registry.get_sample_value("wua_state_keys", {"partition": "1"})
    assert series == 1
