"""site:visitor -> VisitorState: the open session windows of each visitor, on a Faust table in RocksDB.

Retention: a visitor is kept until no event within the grace period can touch an open window any more, that
is the last receipt plus the longest gap, grace and clock slack of any site. Size: a few hundred bytes for
each open window and 8 for each remembered event id. To rebuild: stop the worker, delete its data directory
and start it; Faust reads the changelog topic.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from app.codecs import StructCodec
from app.events.state import Claim, VisitorState
from tables.bulk_state import Figures
from tables.expiring import ExpiringStates, rocksdb_table
from tables.owned_state import OwnedState

if TYPE_CHECKING:
    import faust
    from faust.types import TableT

NAME = "visitors"

#: What is done with the states of visitors before they are dropped.
Close = Callable[[Mapping[bytes, VisitorState]], Awaitable[None]]
#: Entered for what has to be done whole; says whether it may begin.
Step = Callable[[], AbstractAsyncContextManager[bool]]


async def _let_go(_: Mapping[bytes, VisitorState]) -> None:
    """Nothing."""


@asynccontextmanager
async def _at_any_time() -> AsyncIterator[bool]:
    """Always."""
    yield True


class VisitorStates(ExpiringStates[VisitorState]):
    """The open session windows of every visitor of the partitions that this worker owns.

    A visitor is kept for ``keep_ms`` after the last receipt of an event.
    """

    def __init__(self, table: TableT[bytes, VisitorState], *, keep_ms: int) -> None:
        self._owned = OwnedState(table)
        super().__init__(
            table,
            codec=StructCodec(kind=VisitorState),
            due_of=lambda state: state.last_received_at + keep_ms,
            bulk=self._owned,
        )
        self._stream_time: dict[int, int] = defaultdict(int)

    async def take(self, partition: int) -> list[Claim]:
        """Become the owner of a partition; the blocks that former owners may have written."""
        return await self._owned.take(partition)

    async def claim(self, partition: int, *, epoch: int, start: int, end: int, batch_id: str) -> None:
        """Name a block before anything of it is written; raises FencedError for an owner no more."""
        await self._owned.claim(partition, epoch=epoch, start=start, end=end, batch_id=batch_id)

    def figures(self, partition: int) -> Figures | None:
        """What the partition's store holds; its visitors are counted once their expiry is known."""
        figures, index = super().figures(partition), self._expiries.get(partition)
        # Every visitor falls due at some time.
        if figures is None or index is None:
            return figures
        return msgspec.structs.replace(figures, keys=len(index), is_exact=True)

    async def store(self, partition: int, states: Mapping[bytes, VisitorState | None]) -> None:
        """Keep the states (None: delete): acknowledged by the changelog, then written in one piece."""
        await super().store(partition, states)
        received = (state.last_received_at for state in states.values() if state is not None)
        self._stream_time[partition] = max(self._stream_time[partition], *received, 0)

    async def evict(
        self,
        partition: int,
        *,
        wall_ms: int | None,
        close: Close = _let_go,
        step: Step = _at_any_time,
        limit: int = 10_000,
    ) -> int:
        """Drop up to ``limit`` visitors whom no event in time can touch any more; how many were dropped.

        That is judged by the partition's stream time (latest receipt), and by the wall clock, ``wall_ms``,
        where nothing waits in the partition (else None: the clock is ahead of what has been folded).
        ``close`` is called with their states before. ``step`` is entered once no block of the partition is at
        work; where it says that nothing may begin, the store is not looked at.
        """
        async with self.exclusive(partition), step() as may_begin:
            if not may_begin:
                return 0
            now_ms = max(self._stream_time[partition], wall_ms or 0)
            expired = self.due(partition, now_ms, limit=limit)
            if expired:
                if not self._owned.is_taken(partition):
                    await self._owned.take(partition)
                await close(self.load(partition, expired))
                await self.store(partition, dict.fromkeys(expired))
        return len(expired)

    def forget(self, partition: int) -> None:
        """Drop what is remembered in memory about a partition that was given up."""
        super().forget(partition)
        self._owned.release(partition)


def register(app: faust.App, *, partitions: int, keep_ms: int) -> VisitorStates:
    """Add the table to ``app``; it has as many partitions as the events topic."""
    about = "Open session windows of each visitor, key site:visitor."
    return VisitorStates(rocksdb_table(app, NAME, partitions=partitions, about=about), keep_ms=keep_ms)
