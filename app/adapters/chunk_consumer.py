"""A Faust transport that hands a stream whole blocks: one message for a run of records of one partition.

Faust's price is its bookkeeping per message, not Python: a message for each block takes it off the hot path.
Blocks are cut along boundaries that an earlier life of the partition has already used (``planner``), so that
what is inserted twice carries the same name; only records beyond them are cut freely.

Commit rule: an offset is committed only when the agent has called ``Chunk.done`` on every block up to it.
Faust's own acknowledgements do not count for these topics, since Faust also acknowledges on exceptions.

Written against faust-streaming 0.15.3.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any, cast

from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from app.adapters.chunks import Chunk
from app.adapters.consumer import Consumer, Transport
from app.core.blocks import Boundary
from app.errors import TopicMissingError

#: How long a broker may hold a fetch back when it has no records.
FETCH_MAX_WAIT_MS = 100
#: How long a new topic may take to be known to the brokers, and the pause between two looks.
TOPICS_S = 60.0
POLL_S = 0.05


#: Says which blocks of a partition at or beyond an offset were written before, in order.
Planner = Callable[[TP, int], Awaitable[Sequence[Boundary]]]


class _ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread, with a shorter wait for records.

    TRICKY: other requests to a broker queue behind a fetch that waits there. With Faust's 1.5 s, looking up
    and seeking offsets took that long each time: five seconds of every start and every rebalance.
    """

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_MAX_WAIT_MS
        return consumer


class ChunkConsumer(Consumer):
    """A consumer with some topics delivered in chunks."""

    def on_init(self) -> None:
        """Forget every partition; also called when the consumer is restarted."""
        transport = cast("ChunkTransport", self.transport)
        self._chunk_topics = transport.chunk_topics
        self._max_records = transport.max_records
        self._planner = transport.planner
        self._in_flight: dict[TP, deque[Chunk]] = defaultdict(deque)
        self._leaving: dict[TP, list[Chunk]] = defaultdict(list)
        self._plans: dict[TP, deque[Boundary]] = {}
        self._partial: dict[TP, list[Any]] = {}
        self._next: dict[TP, int] = {}
        self._sought: dict[TP, int] = {}
        self._committing: dict[TP, int] = {}
        self._lives: dict[TP, int] = defaultdict(int)
        self._seeking = asyncio.Lock()

    def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def handled(self, tp: TP) -> int:
        """The offset up to which (exclusive) the agent is done, committed or about to be; 0 at first."""
        offset = max(self._committed_offset.get(tp) or 0, self._committing.get(tp, 0))
        for chunk in self._in_flight.get(tp, ()):
            if not chunk.is_done:
                break
            offset = chunk.end + 1
        return offset

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Subscribe once the brokers know every topic.

        A topic that was made a moment ago may be unknown to them still. The group's leader would leave it
        out, and it would stay unassigned until the next rebalance.
        """
        wanted = set(topics)
        client = cast(Any, self.app.producer)._ensure_producer().client
        deadline = time.monotonic() + TOPICS_S
        while missing := wanted - (await client.fetch_all_metadata()).topics():
            if time.monotonic() > deadline:
                raise TopicMissingError(
                    f"the brokers do not know {', '.join(sorted(missing))} after {TOPICS_S:g} s; make the "
                    "topic, or let the worker make it (its user needs the right to create topics)"
                )
            await asyncio.sleep(POLL_S)
        await super().subscribe(wanted)

    async def getmany(
        self,
        timeout: float,  # noqa: ASYNC109 - Faust's signature
    ) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Fetch, and yield a message for each chunk; records of other topics one by one, as usual."""
        records, assigned = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        if records is None or self.should_stop:
            return
        if not self.flow_active:
            await self._seek_back()
            return
        for tp, batch in records.items():
            if tp not in assigned:
                continue
            self.app.monitor.track_tp_end_offset(tp, self.highwater(tp))
            messages = (
                self._chunks(tp, batch) if tp.topic in self._chunk_topics else self._messages(tp, batch)
            )
            async for message in messages:
                if not self.flow_active or generation != self.app.consumer_generation_id:
                    return
                yield tp, message

    async def _messages(self, tp: TP, records: Sequence[Any]) -> AsyncIterator[ConsumerMessage]:
        for record in records:
            yield self._to_message(tp, record)

    async def _chunks(self, tp: TP, records: Sequence[Any]) -> AsyncIterator[ConsumerMessage]:
        """Cut the records fetched, and those left over, into chunks.

        TRICKY: the partition may be revoked, or sought back, during any wait here. Its records are then read
        again, and nothing of this run may be left behind: neither its plan, which is out of date, nor a chunk
        that nobody gets, behind which nothing would ever be committed.
        """
        life = self._lives[tp]
        records = await self._following(tp, records)
        waiting = [*self._partial.pop(tp, []), *records]
        if waiting and tp not in self._plans:
            plan = await self._plan(tp, waiting[0].offset)
            if self._lives[tp] == life:
                self._plans[tp] = plan
        while waiting and self._lives[tp] == life:
            cut, batch_id = self._cut(tp, waiting)
            if cut == 0:
                self._partial[tp] = waiting
                return
            chunk = Chunk(tp, waiting[:cut], batch_id=batch_id)
            waiting = waiting[cut:]
            self._in_flight[tp].append(chunk)
            # What is not yielded now, because the flow stops, is read again after the seek that follows.
            yield self._message_of(chunk)

    async def _following(self, tp: TP, records: Sequence[Any]) -> Sequence[Any]:
        """Those of the records that continue what was taken of the partition; none if some are missing.

        TRICKY: a fetch that was under way while Faust sought back brings records of before the seek, again or
        too far ahead. While it is not known where to go on, all are left: they are read again after the seek.
        What was taken is skipped. What is ahead is left, and the consumer sent back to where it should go on;
        if the same comes again, offsets are missing in the log itself.
        """
        expected = self._next.get(tp)
        if expected is None:
            return []
        records = [record for record in records if record.offset >= expected]
        if not records:
            return []
        if records[0].offset > expected and self._sought.get(tp) != expected:
            self._sought[tp] = expected
            await self.seek(tp, expected)
            return []
        self._next[tp] = records[-1].offset + 1
        return records

    async def _plan(self, tp: TP, offset: int) -> deque[Boundary]:
        """The boundaries from ``offset`` on, once no earlier delivery of the partition is at work."""
        for chunk in tuple(self._leaving[tp]):
            await chunk.left()
        self._leaving[tp] = [chunk for chunk in self._leaving[tp] if chunk.is_at_work]
        return deque(await self._planner(tp, offset)) if self._planner else deque()

    def _cut(self, tp: TP, records: Sequence[Any]) -> tuple[int, str | None]:
        """How many of the records make the next chunk, and its known name; 0 when more must be fetched."""
        plan = self._plans[tp]
        while plan and plan[0].end < records[0].offset:
            plan.popleft()
        if not plan:
            return min(len(records), self._max_records), None
        boundary = plan[0]
        if records[0].offset < boundary.start:
            return _count(records[: self._max_records], upto=boundary.start - 1), None
        if records[-1].offset < boundary.end:
            return 0, None
        plan.popleft()
        return _count(records, upto=boundary.end), boundary.batch_id

    def _message_of(self, chunk: Chunk) -> ConsumerMessage:
        message = self._to_message(chunk.tp, chunk.records[-1])
        message.key = None
        message.value = cast(Any, chunk)
        return message

    async def _seek_back(self) -> None:
        try:
            await self.perform_seek()
        except Exception as error:  # the flow is stopped: whoever stopped it seeks again before resuming
            self.log.warning("seek while the flow is stopped: %r", error)

    async def perform_seek(self) -> None:
        """Go back to the committed offsets: what is not committed is delivered again.

        TRICKY: one after the other. Faust seeks when a recovery ends, and so does a fetch that finds the flow
        stopped. The later of two at once would send the consumer back behind what has been delivered since
        the earlier was over, and it would be delivered twice with nothing superseded.
        """
        async with self._seeking:
            self._supersede(tuple(self._next))
            await super().perform_seek()
            ours = {tp for tp in self.assignment() if tp.topic in self._chunk_topics}
            unread = {tp for tp in ours if not self._read_offset.get(tp)}
            earliest = await self.earliest_offsets(*unread) if unread else {}
            starts = {tp: self._read_offset.get(tp) or earliest.get(tp) or 0 for tp in ours}
            self._next.update(starts)
            for tp, start in starts.items():
                # TRICKY: the stock seek leaves the position where nothing was committed, and what was fetched
                # meanwhile was left: it comes again only if the position is set once `_next` is known.
                await self.seek(tp, start)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Give partitions up once blocks that have begun are finished; others are left to the next owner.

        The next owner asks which blocks were written before: one still under way would be missed.
        """
        await super().on_partitions_revoked(revoked)
        self._supersede(revoked)
        begun = [chunk for tp in revoked for chunk in self._leaving.get(tp, ())]
        try:
            async with asyncio.timeout(self.app.conf.broker_rebalance_timeout):
                for chunk in begun:
                    await chunk.left()
        except TimeoutError:
            # The group goes on without us then.
            self.log.error("partitions are given up with blocks under way")

    def _supersede(self, partitions: Iterable[TP]) -> None:
        """Forget what was delivered of the partitions; the next plan waits for blocks that have begun."""
        for tp in partitions:
            self._lives[tp] += 1
            self._plans.pop(tp, None)
            self._partial.pop(tp, None)
            self._next.pop(tp, None)
            self._sought.pop(tp, None)
            self._committing.pop(tp, None)
            for chunk in self._in_flight.pop(tp, ()):
                chunk.superseded = True
                if chunk.is_at_work:
                    self._leaving[tp].append(chunk)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        stock = set(super()._filter_tps_with_pending_acks(topics))
        ours = {tp for tp in self._in_flight if topics is None or tp in topics or tp.topic in topics}
        return iter(stock | ours)

    def _new_offset(self, tp: TP) -> int | None:
        """The offset to commit: one past the last chunk before which every chunk is done."""
        if tp.topic not in self._chunk_topics:
            new: int | None = super()._new_offset(tp)
            return new
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        chunks = self._in_flight.get(tp)
        offset = None
        while chunks and chunks[0].is_done:
            offset = self._committing[tp] = chunks.popleft().end + 1
        return offset

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        if tp.topic not in self._chunk_topics:
            await super()._add_gap(tp, offset_from, offset_to)


class ChunkTransport(Transport):
    """A transport with a ChunkConsumer; set as ``app.transport`` before the app starts."""

    Consumer = ChunkConsumer

    def __init__(
        self,
        *args: Any,
        chunk_topics: Iterable[str],
        max_records: int,
        planner: Planner | None = None,
        **kwargs: Any,
    ) -> None:
        self.chunk_topics = frozenset(chunk_topics)
        self.max_records = max_records
        self.planner = planner
        super().__init__(*args, **kwargs)


def _count(records: Sequence[Any], *, upto: int) -> int:
    """How many of the first records have an offset of at most ``upto``."""
    for count, record in enumerate(records):
        if record.offset > upto:
            return count
    return len(records)
