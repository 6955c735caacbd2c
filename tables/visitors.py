"""site:visitor -> VisitorState: the open session windows of each visitor, on a Faust table in RocksDB.

Retention: a visitor is kept until no event within the grace period can touch an open window any more, that
is the last receipt plus the longest gap, grace and clock slack of any site. Size: a few hundred bytes for
each open window and 8 for each remembered event id. To rebuild: stop the worker, delete its data directory
and start it; Faust reads the changelog topic.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from app.codecs import StructCodec, use_codec
from app.events.state import Claim, VisitorState
from tables.expiry import ExpiryIndex
from tables.owned_state import OwnedState

if TYPE_CHECKING:
    import faust
    from faust.types import TableT

NAME = "visitors"

#: Bytes for each partition; RocksDB's defaults are 3 x 64 MB of buffers and 2 GB of cache.
WRITE_BUFFER_BYTES = 16 * 1024 * 1024
BLOCK_CACHE_BYTES = 64 * 1024 * 1024


#: What is done with the states of visitors before they are dropped.
Close = Callable[[Mapping[bytes, VisitorState]], Awaitable[None]]


async def _let_go(_: Mapping[bytes, VisitorState]) -> None:
    """Nothing."""


class VisitorStates:
    """The open session windows of every visitor of the partitions that this worker owns.

    A visitor is kept for ``keep_ms`` after the last receipt of an event.
    """

    def __init__(self, table: TableT[bytes, VisitorState], *, keep_ms: int) -> None:
        self.codec = StructCodec(kind=VisitorState)
        use_codec(table, self.codec)
        self.table = table
        self._bulk = OwnedState(table)
        self._keep_ms = keep_ms
        self._expiries: dict[int, ExpiryIndex] = {}
        self._stream_time: dict[int, int] = defaultdict(int)
        self._locks: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    def exclusive(self, partition: int) -> asyncio.Lock:
        """Held from ``load`` to ``store``, so that nothing is evicted or folded in between."""
        return self._locks[partition]

    async def take(self, partition: int) -> list[Claim]:
        """Become the owner of a partition; the blocks that former owners may have written."""
        return await self._bulk.take(partition)

    async def claim(self, partition: int, *, epoch: int, start: int, end: int, batch_id: str) -> None:
        """Name a block before anything of it is written; raises FencedError for an owner no more."""
        await self._bulk.claim(partition, epoch=epoch, start=start, end=end, batch_id=batch_id)

    def load(self, partition: int, keys: Iterable[bytes]) -> dict[bytes, VisitorState]:
        """The states of those visitors who have one."""
        return {key: self.codec.decode(raw) for key, raw in self._bulk.read(partition, keys).items()}

    async def store(self, partition: int, states: Mapping[bytes, VisitorState]) -> None:
        """Keep the states: acknowledged by the changelog, then written in one piece."""
        await self._bulk.write(partition, {key: self.codec.encode(state) for key, state in states.items()})
        for state in states.values():
            self._stream_time[partition] = max(self._stream_time[partition], state.last_received_at)
        index = self._expiries.get(partition)
        if index is not None:
            for key, state in states.items():
                index.put(key, state.last_received_at + self._keep_ms)

    async def evict(
        self, partition: int, *, wall_ms: int | None, close: Close = _let_go, limit: int = 10_000
    ) -> int:
        """Drop up to ``limit`` visitors whom no event in time can touch any more; how many were dropped.

        That is judged by the partition's stream time (latest receipt), and by the wall clock, ``wall_ms``,
        where nothing waits in the partition (else None: the clock is ahead of what has been folded).
        ``close`` is called with their states before.
        """
        async with self.exclusive(partition):
            now_ms = max(self._stream_time[partition], wall_ms or 0)
            index = self._index(partition)
            expired = index.take(now_ms, limit=limit)
            if not expired:
                return 0
            try:
                if not self._bulk.is_taken(partition):
                    await self._bulk.take(partition)
                await close(self.load(partition, expired))
                await self._bulk.write(partition, dict.fromkeys(expired))
            except BaseException:
                for key in expired:
                    index.put(key, now_ms)
                raise
        return len(expired)

    def count(self, partition: int) -> int:
        """Visitors with state in the partition."""
        return len(self._index(partition))

    def forget(self, partition: int) -> None:
        """Drop what is remembered in memory about a partition that was given up."""
        self._expiries.pop(partition, None)
        self._bulk.forget(partition)

    def _index(self, partition: int) -> ExpiryIndex:
        """The expiry index, rebuilt from the store when the partition is new here."""
        index = self._expiries.get(partition)
        if index is None:
            index = self._expiries[partition] = ExpiryIndex()
            for key, raw in self._bulk.items(partition):
                index.put(key, self.codec.decode(raw).last_received_at + self._keep_ms)
        return index


def register(app: faust.App, *, partitions: int, keep_ms: int) -> VisitorStates:
    """Add the table to ``app``; it has as many partitions as the events topic, so that keys stay together."""
    table = app.Table(
        NAME,
        partitions=partitions,
        key_type=bytes,
        help="Open session windows of each visitor, key site:visitor.",
        options={
            "driver": "rocksdict",
            "write_buffer_size": WRITE_BUFFER_BYTES,
            "block_cache_size": BLOCK_CACHE_BYTES,
            "max_write_buffer_number": 2,
        },
    )
    return VisitorStates(table, keep_ms=keep_ms)
