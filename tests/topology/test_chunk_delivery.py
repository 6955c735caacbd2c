"""The chunk consumer in a running Faust app, on a broker: delivery, commit, seek and revocation."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import faust
import pytest
import pytest_asyncio
from confluent_kafka import Consumer, TopicPartition
from faust.types import TP

from app.adapters.chunk_consumer import ChunkConsumer, ChunkTransport
from app.adapters.chunks import Chunk
from app.core.blocks import Boundary
from app.embedded.broker import EmbeddedBroker
from tests.topology.parts import PATIENCE_S, broker, paused_during_a_fetch, produce, running, until

__all__ = ["broker"]

pytestmark = pytest.mark.asyncio(loop_scope="module")

BLOCKS, SINGLES = "blocks", "singles"
MAX_RECORDS = 5
#: Messages in each partition of BLOCKS before the first test: each test has a partition of its own.
FED = {0: 23, 1: 15, 2: 14, 3: 10}
#: Long enough for a fetch, where nothing more should come.
PAUSE_S = 0.5
#: What the broker says of a partition for which nothing was ever committed.
NOTHING = -1001


class Delivery:
    """What a running app was handed, and what its planner was asked and answers."""

    def __init__(self, app: faust.App, broker: EmbeddedBroker) -> None:
        self.app: Any = app
        self.singles: list[bytes] = []
        self.plans: dict[int, list[Boundary]] = {}
        #: (partition, offset, whether ``watched`` was at work) of each question to the planner.
        self.asked: list[tuple[int, int, bool]] = []
        self.watched: Chunk | None = None
        #: By partition: what the planner's next answer waits for.
        self.waits: dict[int, asyncio.Event] = {}
        self._broker = broker
        self._chunks: dict[int, asyncio.Queue[Chunk]] = defaultdict(asyncio.Queue)

    @property
    def consumer(self) -> ChunkConsumer:
        return cast(ChunkConsumer, self.app.consumer)

    def register(self) -> None:
        """Two agents: one notes chunks, one single messages."""
        app = self.app
        app.transport = ChunkTransport(
            app.conf.broker_consumer, app, chunk_topics=[BLOCKS], max_records=MAX_RECORDS, planner=self.plan
        )
        raw = {"key_serializer": "raw", "value_serializer": "raw"}

        async def note_chunks(stream: Any) -> None:
            async for chunk in stream:
                self._chunks[chunk.tp.partition].put_nowait(chunk)

        async def note_singles(stream: Any) -> None:
            async for value in stream:
                self.singles.append(value)

        app.agent(app.topic(BLOCKS, **raw), name="chunks")(note_chunks)
        app.agent(app.topic(SINGLES, **raw), name="singles")(note_singles)

    async def plan(self, tp: TP, offset: int) -> Sequence[Boundary]:
        self.asked.append((tp.partition, offset, self.watched is not None and self.watched.is_at_work))
        known = self.plans.get(tp.partition, [])
        if may_answer := self.waits.pop(tp.partition, None):
            await may_answer.wait()
        return known

    async def take(self, partition: int) -> list[Chunk]:
        """Chunks of the partition until its last message is in one; not those that a seek superseded."""
        taken: list[Chunk] = []
        async with asyncio.timeout(PATIENCE_S):
            while not taken or taken[-1].end < FED[partition] - 1:
                chunk = await self._chunks[partition].get()
                taken += [] if chunk.superseded else [chunk]
        return taken

    async def seek(self) -> None:
        """Go back to the committed offsets, as Faust does when a rebalance ends."""
        self.consumer.stop_flow()
        self.app.flow_control.suspend()
        self.app.flow_control.clear()
        await self.consumer.perform_seek()
        self.app.flow_control.resume()
        self.consumer.resume_flow()

    async def committed(self, partition: int) -> int:
        """The offset that the broker has for the app's group, once ours is sent."""
        await self.consumer.commit()
        return await asyncio.to_thread(self._committed, partition)

    def _committed(self, partition: int) -> int:
        servers = self._broker.bootstrap_servers
        asking = Consumer({"bootstrap.servers": servers, "group.id": self.app.conf.id, "log_level": 0})
        try:
            (answer,) = asking.committed([TopicPartition(BLOCKS, partition)], timeout=PATIENCE_S)
        finally:
            asking.close()
        return int(answer.offset)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def delivery(
    broker: EmbeddedBroker, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Delivery]:
    broker.create_topics(BLOCKS, SINGLES)
    for partition, count in FED.items():
        await produce(broker, BLOCKS, [(b"k", b"%d" % n) for n in range(count)], partition=partition)
    await produce(broker, SINGLES, [(None, b"%d" % n) for n in range(12)], partition=1)
    app = faust.App(
        "delivery",
        broker=broker.url,
        datadir=str(tmp_path_factory.mktemp("app")),
        autodiscover=False,
        topic_partitions=4,
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=3600.0,  # tests commit by themselves
        stream_wait_empty=False,
        loghandlers=[],
        logging_config=None,
    )
    delivery = Delivery(app, broker)
    delivery.register()
    async with running(app, broker):
        yield delivery


def offsets(chunks: Sequence[Chunk]) -> list[int]:
    return [record.offset for chunk in chunks for record in chunk.records]


async def test_other_topics_are_delivered_message_by_message(delivery: Delivery) -> None:
    await until(lambda: len(delivery.singles) == 12)
    assert delivery.singles == [b"%d" % number for number in range(12)]


async def test_a_partition_comes_in_runs_of_offsets_of_at_most_the_limit(delivery: Delivery) -> None:
    chunks = await delivery.take(0)
    assert offsets(chunks) == list(range(23))
    assert [record.value for chunk in chunks for record in chunk.records] == [b"%d" % n for n in range(23)]
    assert all(1 <= len(chunk.records) <= MAX_RECORDS for chunk in chunks)
    assert {(chunk.tp, chunk.batch_id) for chunk in chunks} == {(TP(BLOCKS, 0), None)}
    assert (0, 0, False) in delivery.asked


async def test_only_what_is_done_is_committed_the_oldest_first(delivery: Delivery) -> None:
    chunks = await delivery.take(1)
    assert len(chunks) >= 3
    tp, consumer = TP(BLOCKS, 1), delivery.consumer
    assert (consumer.handled(tp), await delivery.committed(1)) == (0, NOTHING)
    for chunk in chunks:
        assert chunk.begin()
    chunks[1].done()
    assert (consumer.handled(tp), await delivery.committed(1)) == (0, NOTHING)
    chunks[0].done()
    upto = chunks[1].end + 1
    committing = asyncio.create_task(delivery.committed(1))
    while not committing.done():
        assert consumer.handled(tp) == upto
        await asyncio.sleep(0)
    assert committing.result() == upto
    for chunk in chunks[2:]:
        chunk.done()
    assert consumer.handled(tp) == 15
    assert await delivery.committed(1) == 15
    assert consumer.handled(tp) == 15


async def test_a_seek_delivers_again_what_is_not_committed_along_the_known_boundaries(
    delivery: Delivery,
) -> None:
    first = await delivery.take(2)
    assert first[0].begin()
    first[0].done()
    start = await delivery.committed(2)
    assert start == first[0].end + 1
    assert first[1].begin()
    long = Boundary(start=start, end=start + 6, batch_id="long")
    short = Boundary(start=start + 8, end=start + 8, batch_id="short")
    delivery.plans[2] = [long, short]
    delivery.asked.clear()
    delivery.watched = first[1]

    await delivery.seek()
    assert [chunk.superseded for chunk in first] == [False] + [True] * (len(first) - 1)
    assert delivery.consumer.handled(TP(BLOCKS, 2)) == start
    # The one that has begun is finished, and the partition is planned anew after that.
    asyncio.get_running_loop().call_later(0.3, first[1].done)
    again = await delivery.take(2)

    assert (2, start, False) in delivery.asked
    assert not any(was_at_work for partition, _, was_at_work in delivery.asked if partition == 2)
    assert offsets(again) == list(range(start, 14))
    named = [(chunk.start, chunk.end, chunk.batch_id) for chunk in again if chunk.batch_id]
    assert named == [(start, start + 6, "long"), (start + 8, start + 8, "short")]
    assert not first[2].begin()
    for chunk in again:
        assert chunk.begin()
        chunk.done()
    assert await delivery.committed(2) == 14


async def test_what_was_done_before_a_seek_and_not_committed_is_delivered_again(delivery: Delivery) -> None:
    first = await delivery.take(0)
    for chunk in first:
        assert chunk.begin()
        chunk.done()
    assert delivery.consumer.handled(TP(BLOCKS, 0)) == 23
    await delivery.seek()
    assert delivery.consumer.handled(TP(BLOCKS, 0)) == 0
    assert offsets(await delivery.take(0)) == list(range(23))


async def test_a_plan_that_was_asked_for_before_a_seek_counts_no_more(delivery: Delivery) -> None:
    """Another worker may have written blocks meanwhile."""
    delivery.asked.clear()
    may_answer = delivery.waits[0] = asyncio.Event()
    await delivery.seek()
    await until(lambda: (0, 0, False) in delivery.asked)
    delivery.plans[0] = [Boundary(start=0, end=3, batch_id="by another")]
    await delivery.seek()
    may_answer.set()
    again = await delivery.take(0)
    assert (again[0].start, again[0].end, again[0].batch_id) == (0, 3, "by another")
    assert offsets(again) == list(range(23))
    for chunk in again:
        assert chunk.begin()
        chunk.done()
    assert await delivery.committed(0) == 23


async def test_seeks_at_once_are_made_one_after_the_other(
    delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faust seeks when a recovery ends, and so does a fetch that finds the flow stopped."""
    consumer = delivery.consumer
    is_first, may_answer = [True], asyncio.Event()
    seek_to_committed = consumer.seek_to_committed

    async def answer_the_first_at_once() -> Any:
        if is_first:
            is_first.clear()
        else:
            await may_answer.wait()
        return await seek_to_committed()

    monkeypatch.setattr(consumer, "seek_to_committed", answer_the_first_at_once)
    seeking = asyncio.create_task(delivery.seek())
    again = asyncio.create_task(consumer.perform_seek())
    await seeking
    await asyncio.sleep(PAUSE_S)
    may_answer.set()
    await again
    await asyncio.sleep(PAUSE_S)
    in_flight = consumer._in_flight[TP(BLOCKS, 3)]
    assert offsets([chunk for chunk in in_flight if not chunk.superseded]) == list(range(FED[3]))
    monkeypatch.undo()
    await delivery.seek()


async def test_what_comes_while_every_partition_is_paused_is_not_lost(
    delivery: Delivery, broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fetch that began before they were paused waits for records, and takes it."""
    async with paused_during_a_fetch(delivery.app, monkeypatch):
        await produce(broker, SINGLES, [(None, b"late")], partition=2)
    await until(lambda: b"late" in delivery.singles)


async def test_a_seek_is_made_in_the_thread_that_fetches(
    delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread: Any = delivery.consumer._thread
    seek, seen = thread._consumer.seek, set()

    def note_and_seek(*where: Any) -> None:
        seen.add(threading.get_ident())
        seek(*where)

    async def ident() -> int:
        return threading.get_ident()

    monkeypatch.setattr(thread._consumer, "seek", note_and_seek)
    await delivery.seek()
    assert seen == {await thread.call_thread(ident)}


async def test_a_partition_is_given_up_once_blocks_that_have_begun_are_finished(delivery: Delivery) -> None:
    """The last one: the app is left with its flow stopped, as in a rebalance."""
    begun, waiting = (await delivery.take(3))[:2]
    assert begun.begin()
    leaving = asyncio.create_task(delivery.consumer.on_partitions_revoked({TP(BLOCKS, 3)}))
    await until(lambda: begun.superseded)
    for _ in range(100):
        await asyncio.sleep(0)
    assert not leaving.done()
    assert not waiting.begin()
    begun.done()
    await leaving
    assert await delivery.committed(3) == NOTHING
