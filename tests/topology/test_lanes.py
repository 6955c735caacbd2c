"""Blocks of one partition one after the other, of different partitions side by side."""

from __future__ import annotations

import asyncio

import pytest
from faust.types import TP

from agents.ingest import Lanes
from app.adapters.chunks import Chunk
from tests.factories import Record

pytestmark = pytest.mark.asyncio


def chunk(start, end, *, partition=0, name=None):
    taken = [Record(value=b"{}", key=b"k", offset=offset) for offset in range(start, end + 1)]
    return Chunk(TP("web_events", partition), taken, batch_id=name)


class Handling:
    """A handler that waits to be let go on, and remembers what it was given."""

    def __init__(self):
        self.begun, self.finished = [], []
        self.gate = asyncio.Event()
        self.errors = []

    async def __call__(self, block):
        self.begun.append((block.tp.partition, block.start, block.end))
        await self.gate.wait()
        self.finished.append((block.tp.partition, block.start, block.end))


async def nothing(_):
    """What waits is left as it is."""


async def settle():
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_waits_for_a_busy_lane_becomes_one_block():
    handling = Handling()
    lanes = Lanes(handling, prepare=nothing, max_records=100, on_fatal=handling.errors.append)
    for start in (0, 10, 20):
        await lanes.put(chunk(start, start + 9))
        await settle()
    assert handling.begun == [(0, 0, 9)]
    handling.gate.set()
    await settle()
    assert handling.finished == [(0, 0, 9), (0, 10, 29)]


async def test_partitions_do_not_wait_for_each_other():
    handling = Handling()
    lanes = Lanes(handling, prepare=nothing, max_records=100, on_fatal=handling.errors.append)
    await lanes.put(chunk(0, 9, partition=0))
    await lanes.put(chunk(0, 9, partition=1))
    await settle()
    assert handling.begun == [(0, 0, 9), (1, 0, 9)]
    handling.gate.set()


async def test_a_full_lane_holds_the_stream_back():
    handling = Handling()
    lanes = Lanes(handling, prepare=nothing, max_records=10, on_fatal=handling.errors.append)
    await lanes.put(chunk(0, 9))
    await settle()
    await lanes.put(chunk(10, 19))
    third = asyncio.create_task(lanes.put(chunk(20, 29)))
    await settle()
    assert not third.done()
    handling.gate.set()
    await asyncio.wait_for(third, 5)
    await settle()
    assert handling.finished == [(0, 0, 9), (0, 10, 19), (0, 20, 29)]


async def test_an_error_that_nobody_foresaw_is_told_and_commits_nothing():
    errors = []

    async def fails(_):
        raise RuntimeError("boom")

    lanes = Lanes(fails, prepare=nothing, max_records=10, on_fatal=errors.append)
    block = chunk(0, 9)
    await lanes.put(block)
    await settle()
    assert [str(error) for error in errors] == ["boom"]
    assert not block.is_done


async def test_draining_finishes_what_has_begun_and_leaves_the_rest():
    handling = Handling()
    lanes = Lanes(handling, prepare=nothing, max_records=10, on_fatal=handling.errors.append)
    await lanes.put(chunk(0, 9))
    await settle()
    await lanes.put(chunk(10, 19))
    handling.gate.set()
    await lanes.drain()
    assert handling.finished == [(0, 0, 9)]


async def test_a_block_that_had_a_name_before_is_joined_with_none():
    handling = Handling()
    lanes = Lanes(handling, prepare=nothing, max_records=100, on_fatal=handling.errors.append)
    for start, name in ((0, None), (10, None), (20, "a"), (30, "b"), (40, None), (50, None)):
        await lanes.put(chunk(start, start + 9, name=name))
        await settle()
    handling.gate.set()
    await settle()
    assert handling.finished == [(0, 0, 9), (0, 10, 19), (0, 20, 29), (0, 30, 39), (0, 40, 59)]


async def test_what_waits_is_joined_up_to_the_limit():
    handling = Handling()
    lanes = Lanes(handling, prepare=nothing, max_records=25, on_fatal=handling.errors.append)
    for start in (0, 10, 20, 30):
        await lanes.put(chunk(start, start + 9))
        await settle()
    handling.gate.set()
    await settle()
    assert handling.finished == [(0, 0, 9), (0, 10, 29), (0, 30, 39)]


async def test_no_block_overtakes_one_that_failed_while_other_lanes_go_on():
    handled, errors = [], []

    async def fails_at_first(block):
        await asyncio.sleep(0)
        if (block.tp.partition, block.start) == (0, 0):
            raise RuntimeError("boom")
        handled.append((block.tp.partition, block.start, block.end))

    lanes = Lanes(fails_at_first, prepare=nothing, max_records=10, on_fatal=errors.append)
    for start in (0, 10, 20, 30):  # waits while the lane is full, and is let go on when it fails
        await asyncio.wait_for(lanes.put(chunk(start, start + 9)), 5)
    await lanes.put(chunk(0, 9, partition=1))
    await settle()
    assert [str(error) for error in errors] == ["boom"]
    assert handled == [(1, 0, 9)]
    await lanes.drain()


async def test_an_idle_lane_begins_again():
    handling = Handling()
    handling.gate.set()
    lanes = Lanes(handling, prepare=nothing, max_records=10, on_fatal=handling.errors.append)
    for start in (0, 10):
        await lanes.put(chunk(start, start + 9))
        await settle()
    assert handling.finished == [(0, 0, 9), (0, 10, 19)]
    await lanes.drain()


async def test_what_waits_is_prepared_while_the_block_before_it_is_handled():
    handling, prepared = Handling(), []

    async def prepare(waiting):
        prepared.append((waiting.tp.partition, waiting.start))

    lanes = Lanes(handling, prepare=prepare, max_records=100, on_fatal=handling.errors.append)
    for start in (0, 10, 20):
        await lanes.put(chunk(start, start + 9))
        await settle()
    assert prepared == [(0, 10), (0, 20)]
    handling.gate.set()
    await settle()
    assert handling.finished == [(0, 0, 9), (0, 10, 29)]
    await lanes.put(chunk(30, 39))
    await settle()
    assert prepared == [(0, 10), (0, 20)]


async def test_to_prepare_ends_with_the_block_before_and_what_it_raises_is_nobodys():
    handling, ended = Handling(), []

    async def prepare(waiting):
        if waiting.start == 10:
            raise RuntimeError("boom")
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(waiting.start)

    lanes = Lanes(handling, prepare=prepare, max_records=10, on_fatal=handling.errors.append)
    for start in (0, 10):
        await lanes.put(chunk(start, start + 9))
        await settle()
    handling.gate.set()
    await settle()
    handling.gate.clear()
    for start in (20, 30):
        await lanes.put(chunk(start, start + 9))
        await settle()
    assert ended == []
    handling.gate.set()
    await settle()
    assert ended == [30]
    assert handling.finished == [(0, 0, 9), (0, 10, 19), (0, 20, 29), (0, 30, 39)]
    assert handling.errors == []
