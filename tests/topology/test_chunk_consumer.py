"""Cutting fetched records into chunks, and going on where the last one ended."""

from __future__ import annotations

from collections import defaultdict, deque

import pytest
from faust.types import TP

from agents.ingest import _may_join
from app.adapters.chunk_consumer import ChunkConsumer
from app.adapters.chunks import Chunk, join
from app.core.blocks import Boundary
from app.errors import DeliveryError
from tests.factories import Record

TOPIC = TP("web_events", 0)


def records(*offsets):
    return [Record(value=b"{}", key=b"k", offset=offset) for offset in offsets]


def span(start, end):
    return records(*range(start, end + 1))


class Fetching(ChunkConsumer):
    """A consumer without a broker: it is given records, and remembers where it was sent."""

    def __init__(self, *, plan=(), max_records=10, start=0):
        self._max_records = max_records
        self._planner = None
        self._plans = {TOPIC: deque(plan)} if plan else {}
        self._partial, self._next, self._sought = {}, {TOPIC: start}, {}
        self._committing, self._lives = {}, defaultdict(int)
        self._in_flight, self._leaving = defaultdict(deque), defaultdict(list)
        self.sought = []

    async def seek(self, partition, offset):
        self.sought.append(offset)

    def _message_of(self, chunk):
        return chunk

    async def cut(self, *fetched):
        """The ranges, and names, of the chunks that these fetches give."""
        chunks = [chunk for batch in fetched async for chunk in self._chunks(TOPIC, batch)]
        return [(chunk.start, chunk.end, chunk.batch_id) for chunk in chunks]


def known(start, end, name):
    return Boundary(start=start, end=end, batch_id=name)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("plan", "fetched", "expected"),
    [
        ([], [span(0, 9)], [(0, 9, None)]),
        ([], [span(0, 24)], [(0, 9, None), (10, 19, None), (20, 24, None)]),
        ([known(0, 3, "a")], [span(0, 9)], [(0, 3, "a"), (4, 9, None)]),
        ([known(0, 3, "a"), known(4, 5, "b")], [span(0, 9)], [(0, 3, "a"), (4, 5, "b"), (6, 9, None)]),
        # a known block that is not whole yet waits for the rest of it
        ([known(0, 5, "a")], [span(0, 3), span(4, 9)], [(0, 5, "a"), (6, 9, None)]),
        ([known(0, 15, "a")], [span(0, 9), span(10, 15)], [(0, 15, "a")]),
        # records before a known block are cut freely, up to it
        ([known(4, 5, "b")], [span(0, 9)], [(0, 3, None), (4, 5, "b"), (6, 9, None)]),
        # a known block that lies behind is over
        ([known(-4, -1, "a")], [span(0, 9)], [(0, 9, None)]),
    ],
)
async def test_chunks_are_cut_along_the_blocks_that_are_known(plan, fetched, expected):
    assert await Fetching(plan=plan).cut(*fetched) == expected


@pytest.mark.asyncio
async def test_what_was_taken_is_not_taken_again():
    consumer = Fetching()
    assert await consumer.cut(span(0, 9), span(0, 9), span(9, 12)) == [(0, 9, None), (10, 12, None)]
    assert consumer.sought == []


@pytest.mark.asyncio
async def test_records_too_far_ahead_send_the_consumer_back():
    consumer = Fetching()
    assert await consumer.cut(span(0, 9), span(20, 29)) == [(0, 9, None)]
    assert consumer.sought == [10]
    assert await consumer.cut(span(10, 19), span(20, 29)) == [(10, 19, None), (20, 29, None)]


@pytest.mark.asyncio
async def test_a_hole_in_the_log_itself_is_gone_over():
    consumer = Fetching()
    assert await consumer.cut(span(0, 4), span(8, 9)) == [(0, 4, None)]
    assert await consumer.cut(span(8, 9)) == [(8, 9, None)]


@pytest.mark.asyncio
async def test_while_the_consumer_is_being_sent_back_nothing_is_taken():
    """A fetch that was under way then would be taken once now, and once more after the seek."""
    consumer = Fetching(plan=[known(0, 3, "a")])
    await consumer.cut(span(0, 9))
    chunk = consumer._in_flight[TOPIC][0]
    consumer._supersede([TOPIC])
    assert chunk.superseded
    assert await consumer.cut(span(0, 9)) == []
    consumer._next[TOPIC] = 0
    assert await consumer.cut(span(0, 9)) == [(0, 9, None)]


@pytest.mark.asyncio
async def test_only_what_is_done_is_committed_oldest_first():
    consumer = Fetching(max_records=4)
    consumer._chunk_topics = frozenset({"web_events"})
    consumer._acked, consumer._acked_index = defaultdict(list), defaultdict(set)
    await consumer.cut(span(0, 11))
    first, second, third = consumer._in_flight[TOPIC]
    second.done()
    assert consumer._new_offset(TOPIC) is None
    first.done()
    assert consumer._new_offset(TOPIC) == 8
    third.done()
    assert consumer._new_offset(TOPIC) == 12


def chunk(start, end, *, name=None):
    return Chunk(TOPIC, span(start, end), batch_id=name)


def test_joined_chunks_are_one_block_and_done_together():
    parts = [chunk(0, 3), chunk(4, 9)]
    joined = join(parts)
    assert (joined.start, joined.end, joined.batch_id) == (0, 9, None)
    assert joined.begin()
    assert [part.is_at_work for part in parts] == [True, True]
    joined.done()
    assert [part.is_done for part in parts] == [True, True]


def test_what_was_delivered_before_is_never_joined_to_a_block():
    with pytest.raises(DeliveryError, match=r"offsets 2-9 were delivered after 0-3"):
        join([chunk(0, 3), chunk(2, 9)])


def test_a_superseded_chunk_is_not_begun_nor_one_that_holds_it():
    parts = [chunk(0, 3), chunk(4, 9)]
    joined = join(parts)
    parts[1].superseded = True
    assert not joined.begin()
    assert not parts[0].is_at_work


@pytest.mark.parametrize(
    ("taken", "following", "may"),
    [
        ([], chunk(0, 99), True),
        ([chunk(0, 3)], chunk(4, 9), True),
        ([chunk(0, 3)], chunk(4, 10), False),  # eleven records, ten are allowed
        ([chunk(0, 3, name="a")], chunk(4, 5), False),
        ([chunk(0, 3)], chunk(4, 5, name="b"), False),
    ],
)
def test_only_new_chunks_are_joined_up_to_the_limit(taken, following, may):
    assert _may_join(taken, following, max_records=10) is may
