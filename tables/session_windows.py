"""(key, time, value) -> session windows with an aggregate: Kafka Streams' ``SessionWindows`` for Faust.

For any key and any aggregate; see docs/SESSION_WINDOWS.md. Retention: a window is kept until it is closed,
that is until stream time has passed its end by more than gap and grace. To rebuild: stop the worker, delete
its data directory and start it; Faust reads the changelog topic.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import msgspec

from app.codecs import StructCodec
from app.core.window_fold import Aggregation, Happening, Item, KeyWindows, Told, fold
from app.core.windows import Reach, SessionWindow, split_closed
from app.errors import StateError
from tables.expiring import ExpiringStates, rocksdb_table

if TYPE_CHECKING:
    import faust
    from faust.types import TP, TableT

__all__ = ["Item", "Outcome", "SessionStore", "SessionWindow", "SessionWindows"]

V = TypeVar("V")
Called = Callable[..., Awaitable[None] | None]
C = TypeVar("C", bound=Called)

#: The key of a partition's own entry: its stream time and last offset.
PROGRESS = b""
#: Keys whose closed windows are told of and removed in one write.
CLOSE_AT_ONCE = 1000


class SessionWindows(msgspec.Struct, frozen=True):
    """Windows that end where a key is silent for longer than the gap."""

    reach: Reach

    @classmethod
    def of_inactivity_gap_and_grace(cls, gap: timedelta, grace: timedelta) -> SessionWindows:
        """Windows of this gap; an item may be up to ``grace`` late against the latest item of its partition.

        Raises ValueError for a gap below a millisecond or a grace that is negative.
        """
        millisecond = timedelta(milliseconds=1)
        if gap < millisecond or grace < timedelta(0):
            raise ValueError(
                f"gap {gap}, grace {grace}: the gap must be at least a millisecond, grace not negative"
            )
        return cls(Reach(gap_ms=gap // millisecond, grace_ms=grace // millisecond))

    @classmethod
    def of_inactivity_gap_with_no_grace(cls, gap: timedelta) -> SessionWindows:
        """Windows of this gap that close once stream time has passed their end by more than the gap."""
        return cls.of_inactivity_gap_and_grace(gap, timedelta(0))

    def aggregate(
        self,
        app: faust.App,
        name: str,
        *,
        initializer: Callable[[], V],
        aggregator: Callable[[bytes, Any, V], V],
        merger: Callable[[bytes, V, V], V],
        value_type: Any,
        partitions: int | None = None,
    ) -> SessionStore[V]:
        """A store of such windows in the table ``name`` of ``app``.

        ``initializer()`` is the aggregate of nothing, ``aggregator(key, value, aggregate)`` adds a value and
        ``merger(key, earlier, later)`` makes two aggregates one. ``value_type`` is the aggregate's type, any
        that msgspec can code. ``partitions`` are as many as the source topic has (None: the app's default).
        """
        table: TableT[bytes, Any] = rocksdb_table(
            app, name, partitions=partitions, about="Open session windows of each key."
        )
        aggregation = Aggregation(initializer=initializer, aggregator=aggregator, merger=merger)
        return SessionStore(table, reach=self.reach, aggregation=aggregation, value_type=value_type)

    def count(self, app: faust.App, name: str, *, partitions: int | None = None) -> SessionStore[int]:
        """A store that counts the items of each window."""
        return self.aggregate(
            app,
            name,
            initializer=int,
            aggregator=lambda _key, _value, count: count + 1,
            merger=lambda _key, one, other: one + other,
            value_type=int,
            partitions=partitions,
        )


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch: items folded, too late and read again, and windows closed by it."""

    folded: int
    late: int
    replayed: int
    closed: int


class SessionStore(ExpiringStates[KeyWindows[V]], Generic[V]):
    """The session windows of every key of the partitions that this worker owns.

    What happens is told to functions, sync or async, which decorators name: ``on_update``, ``on_retract``,
    ``on_close`` and ``on_late``. The state is written once they have returned: after a crash before that they
    are called again, with the same. What they raise is raised by ``add``.
    """

    def __init__(
        self, table: TableT[bytes, Any], *, reach: Reach, aggregation: Aggregation[V], value_type: Any
    ) -> None:
        kind = cast("type[KeyWindows[V]]", KeyWindows[value_type])
        super().__init__(table, codec=StructCodec(kind=kind), due_of=self._due)
        self._reach = reach
        self._aggregation = aggregation
        self._progress: dict[int, KeyWindows[V]] = {}
        self._called: dict[Happening, list[Called]] = {happening: [] for happening in Happening}
        cast(Any, table.app).on_partitions_revoked.connect(self._forget_revoked)

    def on_update(self, function: C) -> C:
        """Call ``function(key, window)`` with each window that is new or holds something new."""
        return self._call(Happening.UPDATE, function)

    def on_retract(self, function: C) -> C:
        """Call ``function(key, window)`` with each window told of before that is no more: it was extended or
        merged, so that its key and span now stand for nothing (a tombstone in Kafka Streams)."""
        return self._call(Happening.RETRACT, function)

    def on_close(self, function: C) -> C:
        """Call ``function(key, window)`` with each window that is final (``suppress(untilWindowCloses)``)."""
        return self._call(Happening.CLOSE, function)

    def on_late(self, function: C) -> C:
        """Call ``function(item)`` with each item that was dropped because its window is closed."""
        return self._call(Happening.LATE, function)

    def windows(self, partition: int, key: bytes) -> tuple[SessionWindow[V], ...]:
        """The windows of a key that are not closed yet, in order of time."""
        state = self.load(partition, [key]).get(key)
        return state.windows if state else ()

    def stream_time(self, partition: int) -> int:
        """The latest event time that the partition has seen, in ms; -1 before the first."""
        return self._progress_of(partition).stream_time

    async def add(self, partition: int, items: Iterable[Item]) -> Outcome:
        """Fold items of one partition, in order of arrival, and close what is final now.

        Raises StateError for an empty key, or a state that no changelog message can hold; then, and when a
        function raises, the items count as not given.
        """
        given = list(items)
        if any(item.key == PROGRESS for item in given):
            raise StateError(f"an item of partition {partition} has an empty key; give each item a key")
        async with self.exclusive(partition):
            folded = fold(
                given,
                states=self.load(partition, {item.key for item in given}),
                progress=self._progress_of(partition),
                reach=self._reach,
                aggregation=self._aggregation,
            )
            await self._tell(folded.told)
            # TRICKY: a crash may leave only the first messages of this in the changelog. So stream time comes
            # last, each key has a last offset of its own, and what is closed now is removed afterwards.
            await self.store(partition, {**folded.states, PROGRESS: folded.progress})
            self._progress[partition] = folded.progress
            closed = await self._close(partition)
        return Outcome(folded=folded.folded, late=folded.late, replayed=folded.replayed, closed=closed)

    async def advance(self, partition: int, stream_time: int) -> int:
        """Move stream time on, as if an item of that time had come, and close what is final; how many."""
        async with self.exclusive(partition):
            progress = self._progress_of(partition)
            if stream_time > progress.stream_time:
                self._progress[partition] = msgspec.structs.replace(progress, stream_time=stream_time)
            return await self._close(partition)

    def forget(self, partition: int) -> None:
        """Drop what is remembered in memory about a partition that was given up."""
        super().forget(partition)
        self._progress.pop(partition, None)

    def _call(self, happening: Happening, function: C) -> C:
        self._called[happening].append(function)
        return function

    async def _tell(self, told: Iterable[Told]) -> None:
        for happening, given in told:
            for function in self._called[happening]:
                answer = function(*given)
                if inspect.isawaitable(answer):
                    await answer

    def _due(self, state: KeyWindows[V]) -> int | None:
        return min((self._reach.closed_from(window) for window in state.windows), default=None)

    def _progress_of(self, partition: int) -> KeyWindows[V]:
        progress = self._progress.get(partition)
        if progress is None:
            progress = self.load(partition, [PROGRESS]).get(PROGRESS) or KeyWindows()
            self._progress[partition] = progress
        return progress

    async def _close(self, partition: int) -> int:
        progress = self._progress_of(partition)
        open_since, closed = self._reach.open_since(progress.stream_time), 0
        while keys := self.due(partition, progress.stream_time, limit=CLOSE_AT_ONCE):
            final: list[Told] = []
            kept: dict[bytes, KeyWindows[V] | None] = dict.fromkeys(keys)
            for key, state in self.load(partition, keys).items():
                ended, still_open = split_closed(state.windows, open_since=open_since)
                final += [(Happening.CLOSE, (key, window)) for window in ended]
                if still_open:
                    kept[key] = msgspec.structs.replace(state, windows=still_open)
            await self._tell(final)
            # Stream time comes first: an item that was late must not open anew what is gone.
            await self.store(partition, {PROGRESS: progress, **kept})
            closed += len(final)
        return closed

    async def _forget_revoked(self, _app: Any, revoked: set[TP], **_: Any) -> None:
        """What is remembered is out of date once another worker has had the partition."""
        for partition in {tp.partition for tp in revoked}:
            # A batch in hand is ended first: later, its changelog has another writer.
            async with self.exclusive(partition):
                self.forget(partition)
